"""Which pixels of a picture a layer can reach."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

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
    (a, b, x), (c, d, y) = to_picture.tolist()
    # In Python's own numbers: 4 us where NumPy's small arrays take 15, and 230 on caches that a network has emptied.
    if not all(map(math.isfinite, (a, b, x, c, d, y))) or abs(a * d - b * c) < 1e-9:
        return None
    left, right = _even_span(a, b, x, box, width)
    top, bottom = _even_span(c, d, y, box, height)
    if right <= left or bottom <= top:
        return None
    return Region(left, top, right - left, bottom - top)


def _even_span(along: float, across: float, shift: float, box: Region, edge: int) -> tuple[int, int]:
    """Return where a box, grown by one pixel, begins and ends in one direction of the picture: even, 0 to `edge`."""
    xs = along * (box.x - 1), along * (box.x + box.width)
    ys = across * (box.y - 1), across * (box.y + box.height)
    low, high = shift + min(xs) + min(ys), shift + max(xs) + max(ys)
    first, end = min(max(math.floor(low), 0), edge), min(max(math.ceil(high) + 1, 0), edge)
    return first // 2 * 2, -(-end // 2) * 2
