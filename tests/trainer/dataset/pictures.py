"""Small pictures in folders: squares of the portrait that may be shown, each different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image


def portrait() -> np.ndarray:
    """The whole portrait: (512, 512, 3) uint8 RGB."""
    return skimage.data.astronaut()


def tile(number: int, size: int = 64) -> np.ndarray:
    """A square of the portrait or of the cup beside it, different for each number below 12."""
    whole = portrait() if number < 6 else skimage.data.coffee()
    left, top = 150 * (number % 3), 190 * (number % 6 // 3)
    cut = whole[top : top + 190, left : left + 190]
    return np.asarray(Image.fromarray(cut).resize((size, size), Image.Resampling.BOX))


def folder_of(path: Path, count: int = 4, size: int = 64) -> Path:
    """Write `count` tiles as p0.png, p1.png and so on."""
    path.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(tile(number, size)).save(path / f"p{number}.png")
    return path


def silent(_label: str, _done: int, _of: int) -> None:
    """Tell nobody."""


def read(path: Path) -> np.ndarray:
    """A file's pixels."""
    return np.asarray(Image.open(path))
