"""What is new in a picture since it was searched last: only there, and only then, is it worth another search."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8

_CELL_PX = 8  # of the plane; at 720p 24 pixels, over which a sensor's grain is under 0.4 of 255
_STEP = 8.0  # of 255
_CELLS = 4  # a face of 60 pixels at 720p has six
_MARGIN_CELLS = 3
# What moves with a face that is known, in face units about its middle: the head, and below it the body.
_HEAD = (-0.8, -1.0, 0.8, 0.6)
_BODY = (-1.4, 0.6, 1.4, math.inf)


class Part(NamedTuple):
    """A rectangle of plane pixels, `x1` and `y1` outside."""

    x0: int
    y0: int
    x1: int
    y1: int


class Novelty:
    """Remembers the plane that was searched last, in cells of 8x8 pixels. Used by one thread."""

    def __init__(self) -> None:
        self._seen: F32 | None = None

    def forget(self) -> None:
        """Take all of the next plane for new."""
        self._seen = None

    def remember(self, plane: U8) -> None:
        """Note that `plane`, (H, W) uint8, is being searched."""
        self._seen = _cells(plane)

    def part(self, plane: U8, block: int, known: Sequence[F32]) -> Part | None:
        """Return where `plane` differs from the one remembered, with room about it; None where it does not.

        Args:
            plane: (H, W) uint8, always of one size.
            block: picture pixels to one of the plane's.
            known: (478, 3) each, faces in picture pixels; that they and their bodies move is not news.
        """
        height, width = plane.shape
        if self._seen is None:
            return Part(0, 0, width, height)
        cells = _cells(plane)
        # A camera that sets its exposure anew makes all of the picture so many times lighter.
        gain = np.median((cells + 1) / (self._seen + 1))
        changed = np.abs(cells - gain * self._seen) > _STEP
        rows, columns = changed.shape
        for points in known:
            x, y = points[:, :2].mean(0)
            size = float(np.ptp(points[:, 1]))
            for left, top, right, bottom in (_HEAD, _BODY):
                across = [(float(x) + side * size) / (block * _CELL_PX) for side in (left, right)]
                down = [(float(y) + side * size) / (block * _CELL_PX) for side in (top, bottom)]
                x0, x1 = (int(min(max(side, 0), columns)) for side in (across[0], across[1] + 1))
                y0, y1 = (int(min(max(side, 0), rows)) for side in (down[0], down[1] + 1))
                changed[y0:y1, x0:x1] = False
        if int(changed.sum()) < _CELLS:
            return None
        x0, y0, across_cells, down_cells = cv2.boundingRect(changed.astype(np.uint8))
        return Part(
            max(x0 - _MARGIN_CELLS, 0) * _CELL_PX,
            max(y0 - _MARGIN_CELLS, 0) * _CELL_PX,
            min((x0 + across_cells + _MARGIN_CELLS) * _CELL_PX, width),
            min((y0 + down_cells + _MARGIN_CELLS) * _CELL_PX, height),
        )


def _cells(plane: U8) -> F32:
    rows, columns = (max(side // _CELL_PX, 1) for side in plane.shape)
    whole = plane[: rows * _CELL_PX, : columns * _CELL_PX]
    return cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
