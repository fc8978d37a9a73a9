"""The tracker's points on the picture, for looking at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lensd.frames import F32, Picture

_GREEN = (173, 42, 26)  # Y, U, V: a light green that is seen on every skin


def draw_points(picture: Picture, points: F32) -> None:
    """Draw each of `points` (n, 2 or 3), in picture pixels, as a dot of 2x2 pixels; those outside are left out."""
    block = points[:, :2] // 2
    inside = ((block >= 0) & (block < [picture.width // 2, picture.height // 2])).all(1)
    x, y = block[inside].astype(np.intp).T
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        picture.y[2 * y + row, 2 * x + column] = _GREEN[0]
    picture.u[y, x], picture.v[y, x] = _GREEN[1:]
