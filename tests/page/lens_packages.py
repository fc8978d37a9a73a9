"""Small overlay lenses with previews, as a user would install them."""

from __future__ import annotations

import hashlib

from PIL import Image


def write_lens(folder, name, title, colour, preview=None):
    """Write NAME.lens: one sticker of one colour; `preview` (PIL, else one colour) as its picture."""
    package = folder / f"{name}.lens"
    package.mkdir(parents=True)
    Image.new("RGBA", (64, 32), colour).save(package / "sticker.png")
    (preview or Image.new("RGB", (96, 96), colour)).save(package / "preview.webp")
    hashes = "".join(
        f'"{file}" = "{hashlib.sha256((package / file).read_bytes()).hexdigest()}"\n'
        for file in ("sticker.png", "preview.webp")
    )
    (package / "lens.toml").write_text(
        f'schema = 1\nname = "{name}"\ntitle = "{title}"\nversion = "1.0.0"\nauthor = "Tests"\nlicence = "MIT"\n'
        f'kind = "overlay"\n[[sticker]]\nimage = "sticker.png"\nanchor = "eyes"\ncentre = [0.0, -0.2]\nwidth = 0.9\n'
        f"[files]\n{hashes}"
    )
    return package
