"""The overlay packages that ship with lensd, written anew from their art: `python -m trainer.art.shipped FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

from lensd.lens.overlay import Sticker
from trainer.art import thug_life
from trainer.export import export_overlay

_HEAD = """schema = 1
name = "thug-life-overlay"
title = "Thug Life (drawn)"
version = "1.0.0"
author = "SnapLens Camera"
licence = "MIT"
kind = "overlay"
tags = ["sticker", "glasses"]

[[sticker]]
image = "glasses.png"
anchor = "eyes"
centre = [0.0, -0.165]
width = 0.88
"""
_CARD = """# Thug Life (drawn)

The pixel sunglasses as a flat picture that moves with the face's mesh: needs no network, and is the teacher of the
learned lens `thug-life`, which is measured against it.

- Art: 16 by 5 blocks, drawn by this project's own code (`trainer/art/thug_life.py`). MIT.
- Place: centre 0.165 face units above the face's middle, 0.88 wide (hair line to chin is 1), anchored to the eyes.
- Preview: NASA's portrait of Eileen Collins, public domain.
"""


def thug_life_sticker() -> Sticker:
    """Return the pixel sunglasses as they are worn."""
    return Sticker(thug_life.draw(), "eyes", (0.0, -0.165), 0.88)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) / "thug-life-overlay.lens"
    export_overlay(folder, _HEAD, [thug_life_sticker()], ["glasses.png"], _CARD)
    sys.stdout.write(f"wrote {folder}\n")
