"""`index.html`: step, name, input, output and target of every picture in `images/`, as pix2pix-tensorflow writes it."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image

from lensd.whole_file import whole_file, write_whole

if TYPE_CHECKING:
    from lensd.frames import U8

FILETYPES = {"png": ".png", "jpeg": ".jpg"}
_QUALITY = 90
_KINDS = ("inputs", "outputs", "targets")
_STEP = re.compile(r"(\d{8})-(.+)")
_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>pix2pix</title>
<style>body{font:14px sans-serif;margin:1em}td,th{padding:4px;text-align:left}img{max-width:384px}</style>
<table>
"""


class Page:
    """A folder with `images/` and `index.html`, that may be added to by a later run."""

    def __init__(self, folder: Path, aspect_ratio: float = 1.0, filetype: str = "png") -> None:
        """Make the folder where it is missing.

        Args:
            folder: of the page.
            aspect_ratio: width over height of the pictures that are written.
            filetype: one of `FILETYPES`; JPEG has no alpha.

        Raises:
            OSError: it cannot be made.
        """
        self.folder, self.aspect_ratio = folder, aspect_ratio
        self.filetype, self.suffix = filetype, FILETYPES[filetype]
        self.images = folder / "images"
        self.images.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, given: U8, painted: U8, target: U8 | None, step: int | None = None) -> None:
        """Write the pictures, (h, w, 3) uint8 RGB or (h, w, 4) RGBA, of one row; `write` shows it.

        Raises:
            OSError: the folder cannot be written.
        """
        stem = name if step is None else f"{step:08d}-{name}"
        for kind, picture in zip(_KINDS, (given, painted, target), strict=True):
            if picture is not None:
                with whole_file(self.images / f"{stem}-{kind}{self.suffix}") as temporary:
                    shaped = self._shaped(Image.fromarray(picture))
                    if self.filetype == "png":
                        shaped.save(temporary, "PNG", compress_level=3)
                    else:
                        shaped.convert("RGB").save(temporary, "JPEG", quality=_QUALITY)

    def write(self) -> Path:
        """Write `index.html` for all that lies in `images/`, and return its path.

        Raises:
            OSError: the folder cannot be written.
        """
        last = f"-outputs{self.suffix}"
        stems = sorted(path.name.removesuffix(last) for path in self.images.glob(f"*{last}"))
        stepped = any(_STEP.fullmatch(stem) for stem in stems)
        head = "".join(
            f"<th>{title}" for title in (["step"] if stepped else []) + ["name", "input", "output", "target"]
        )
        rows = "".join(self._row(stem, stepped) for stem in stems)
        path = self.folder / "index.html"
        write_whole(path, f"{_HEAD}<tr>{head}\n{rows}</table>\n".encode())
        return path

    def _row(self, stem: str, stepped: bool) -> str:
        parts = _STEP.fullmatch(stem) if stepped else None
        step, name = (str(int(parts[1])), parts[2]) if parts else ("", stem)
        cells = [*([step] if stepped else []), html.escape(name)]
        for kind in _KINDS:
            file = f"{stem}-{kind}{self.suffix}"
            there = (self.images / file).exists()
            cells.append(f'<img loading="lazy" alt="" src="images/{quote(file)}">' if there else "")
        return "<tr>" + "".join(f"<td>{cell}" for cell in cells) + "\n"

    def _shaped(self, picture: Image.Image) -> Image.Image:
        ratio = self.aspect_ratio
        if ratio == 1.0:
            return picture
        width, height = picture.size
        size = (round(width * ratio), height) if ratio > 1 else (width, round(height / ratio))
        return picture.resize(size, Image.Resampling.BICUBIC)
