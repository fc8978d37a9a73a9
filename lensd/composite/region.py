"""Which pixels of a picture a layer can reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lensd.frames import Affine


class Region(NamedTuple):
    """A rectangle of picture pixels: `x` and `y` of its corner and its size, all even, wholly inside the picture."""

    x: int
    y: int
    width: int
    height: int


def region_under(box: Region, to_picture: Affine, width: int, height: int) -> Region | None:
    """Return the even rectangle of a `width` x `height` picture that a box of patch pixels can reach.

    Args:
        box: in patch pixels, any parity; linear interpolation spreads its pixels by less than one each way.
        to_picture: (2, 3), patch pixels to picture pixels.
        width, height: of the picture, even.

    Returns:
        None where the box lies outside the picture, or the affine cannot be used (flat, or not finite).
    """
    linear, shift = to_picture[:, :2].astype(np.float64), to_picture[:, 2].astype(np.float64)
    if not np.isfinite(to_picture).all() or abs(linear[0, 0] * linear[1, 1] - linear[0, 1] * linear[1, 0]) < 1e-9:
        return None
    low_x, low_y = box.x - 1, box.y - 1
    high_x, high_y = box.x + box.width, box.y + box.height
    corners = np.array([[low_x, low_y], [high_x, low_y], [low_x, high_y], [high_x, high_y]], np.float64)
    corners = corners @ linear.T + shift
    # Clipped as floats, because a far-off corner would overflow an integer; then down, and up, to even.
    edge = np.array([width, height], np.float64)
    left, top = (int(value) // 2 * 2 for value in np.clip(np.floor(corners.min(0)), 0, edge))
    right, bottom = (-(-int(value) // 2) * 2 for value in np.clip(np.ceil(corners.max(0)) + 1, 0, edge))
    if right <= left or bottom <= top:
        return None
    return Region(left, top, right - left, bottom - top)
