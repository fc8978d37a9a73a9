"""The overlay packages that ship with lensd, written anew from their art: `python -m trainer.art.shipped FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from lensd.lens.overlay import Sticker
from trainer.art import moustache, thug_life
from trainer.export import export_overlay

_HEAD = """schema = 1
name = "{name}"
title = "{title}"
version = "1.0.0"
author = "SnapLens Camera"
licence = "MIT"
kind = "overlay"
tags = {tags}
"""
_STICKER = """
[[sticker]]
image = "{image}"
anchor = "{anchor}"
centre = [{x}, {y}]
width = {width}
"""
_THUG_LIFE_CARD = """# Thug Life (drawn)

The pixel sunglasses as a flat picture that moves with the face's mesh: needs no network, and is the teacher of the
learned lens `thug-life`, which is measured against it.

- Art: 16 by 5 blocks, drawn by this project's own code (`trainer/art/thug_life.py`). MIT.
- Place: centre 0.165 face units above the face's middle, 0.88 wide (hair line to chin is 1), anchored to the eyes.
- Preview: NASA's portrait of Eileen Collins, public domain.
"""
_MOUSTACHE_CARD = """# Glasses and Moustache (drawn)

Round glasses that one can see through, and a handlebar moustache: two flat pictures with soft edges that move with the
face's mesh. Needs no network.

- Art: drawn by this project's own code (`trainer/art/moustache.py`). MIT.
- Place, in face units (hair line to chin is 1): the glasses 0.165 above the face's middle, 0.78 wide, anchored to the
  eyes; the moustache 0.155 below it, 0.66 wide, anchored to the nose, so that it stays while its wearer talks.
- Preview: NASA's portrait of Eileen Collins, public domain.
"""


def thug_life_sticker() -> Sticker:
    """Return the pixel sunglasses as they are worn."""
    return Sticker(thug_life.draw(), "eyes", (0.0, -0.165), 0.88)


def moustache_stickers() -> list[Sticker]:
    """Return the gentleman's glasses and moustache as they are worn; the hairs take 3 s."""
    return [
        Sticker(moustache.draw_glasses(), "eyes", (0.0, -0.165), 0.78),
        Sticker(moustache.draw_moustache(), "nose", (0.0, 0.155), 0.66),
    ]


def _write(folder: Path, title: str, tags: str, stickers: list[Sticker], images: list[str], card: str) -> None:
    head = _HEAD.format(name=folder.stem, title=title, tags=tags)
    for sticker, image in zip(stickers, images, strict=True):
        x, y = sticker.centre
        head += _STICKER.format(image=image, anchor=sticker.anchor, x=x, y=y, width=sticker.width)
    export_overlay(folder, head, stickers, images, card)
    sys.stdout.write(f"wrote {folder}\n")


if __name__ == "__main__":
    lenses = Path(sys.argv[1])
    glasses = '["sticker", "glasses"]'
    _write(
        lenses / "thug-life-overlay.lens",
        "Thug Life (drawn)",
        glasses,
        [thug_life_sticker()],
        ["glasses.png"],
        _THUG_LIFE_CARD,
    )
    _write(
        lenses / "moustache-overlay.lens",
        "Glasses and Moustache (drawn)",
        '["sticker", "glasses", "moustache"]',
        moustache_stickers(),
        ["glasses.png", "moustache.png"],
        _MOUSTACHE_CARD,
    )
