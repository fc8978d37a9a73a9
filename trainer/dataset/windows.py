"""The pairs that `lensd pairs faces` wrote, as pictures: B and the matte are drawn when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import ConfigError, MediaError
from lensd.lens.align import crop_to_picture
from trainer.dataset.read import over
from trainer.pairs import Pairs, open_pairs
from trainer.truth import painted_crop

if TYPE_CHECKING:
    from lensd.frames import U8

INDEX = "pairs.json"


@dataclass(frozen=True, slots=True)
class Window:
    """One face of such a folder, as in `measure.PairToMeasure`."""

    folder: Path
    number: int
    label: str
    phase: str
    person: str

    def read(self) -> tuple[U8, U8]:
        """Return the face's crop without and with the drawing, (S, S, 3) uint8.

        Raises:
            MediaError: the folder cannot be read any more.
        """
        a, drawn = self._draw()
        return a, over(a, drawn[..., :3], drawn[..., 3])

    def read_matte(self) -> U8 | None:
        """Return the drawing's matte, (S, S) uint8."""
        return self._draw()[1][..., 3]

    def _draw(self) -> tuple[U8, U8]:
        pairs = _opened(self.folder)
        size = pairs.crop.size_px
        points = pairs.points[self.number]
        to_window = crop_to_picture(points, size, pairs.crop.side, pairs.crop.up)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        a = np.asarray(cv2.warpAffine(pairs.photos[self.number], to_window, (size, size), flags=flags), np.uint8)
        return a, painted_crop(pairs, self.number, to_window, size)


def list_windows(folder: Path) -> list[Window]:
    """Return all faces of a folder with a `pairs.json`; train is for training, what is held out is test.

    Raises:
        MediaError: the folder cannot be read.
    """
    pairs = _opened(folder)
    seen: dict[str, int] = {}
    windows = []
    for number, (file, person, held_out) in enumerate(zip(pairs.files, pairs.persons, pairs.held_out, strict=True)):
        seen[file] = seen.get(file, 0) + 1
        label = file if seen[file] == 1 else f"{file}#{seen[file]}"
        windows.append(Window(folder, number, label, "test" if held_out else "train", person))
    if not windows:
        raise MediaError(str(folder), "has no pairs")
    return windows


@cache
def _opened(folder: Path) -> Pairs:
    try:
        return open_pairs(folder)
    except ConfigError as error:
        raise MediaError(error.what, error.why, error.hint) from error
