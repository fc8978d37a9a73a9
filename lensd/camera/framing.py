"""What of a frame is shown and which way round: mirrored, turned, cut and fitted, in plain arithmetic on sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2

from lensd.camera.letterbox import Box, letterbox

if TYPE_CHECKING:
    from lensd.frames import U8, View

# What makes a frame the picture as seen, by (degrees clockwise, mirrored): whether rows become columns, and the code of
# cv2.flip that follows; None for no flip.
_TURNS: dict[tuple[int, bool], tuple[bool, int | None]] = {
    (0, False): (False, None),
    (0, True): (False, 1),
    (90, False): (True, 1),
    (90, True): (True, None),
    (180, False): (False, -1),
    (180, True): (False, 0),
    (270, False): (True, 0),
    (270, True): (True, -1),
}
_SMALLEST = 16  # px of the frame that are left, at least, of each side


class Framing(NamedTuple):
    """How the frames of one size come into pictures of another.

    Attributes:
        part: of the frame, which is shown; all four numbers are multiples of 4, as 4:1:1 needs it.
        box: of the picture, which it fills; all even. swapped: rows become columns. flip: cv2.flip's code, or None.
    """

    part: Box
    box: Box
    swapped: bool
    flip: int | None

    @property
    def turns(self) -> bool:
        """Whether the part comes otherwise than upright as it is."""
        return self.swapped or self.flip is not None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height that the part is scaled to before it is turned."""
        return (self.box.height, self.box.width) if self.swapped else (self.box.width, self.box.height)


def framing(width: int, height: int, into_width: int, into_height: int, view: View) -> Framing:
    """Return how frames of `width` x `height` are shown through `view` in pictures of the other, even size."""
    swapped, flip = _TURNS[view.rotate, view.mirror]
    left, top, right, bottom = view.crop
    if view.mirror:
        left, right = right, left
    for _ in range(view.rotate // 90):  # what is left as seen was below before a turn to the right
        left, top, right, bottom = top, right, bottom, left
    part = _cut(width, height, (left, top, right, bottom))
    seen = (into_height, into_width) if swapped else (into_width, into_height)
    if view.fit == "crop":
        part = _filling(part, seen)
        return Framing(part, Box(0, 0, into_width, into_height), swapped, flip)
    shown = (part.height, part.width) if swapped else (part.width, part.height)
    return Framing(part, letterbox(*shown, into_width, into_height), swapped, flip)


def turn(plane: U8, shown: Framing, to: U8, spare: U8 | None) -> None:
    """Write `plane`, of the framing's size or its half, as seen into `to`; `spare` has the size of `to`, if needed."""
    if shown.swapped and shown.flip is not None and spare is not None:
        cv2.transpose(plane, dst=spare)
        cv2.flip(spare, shown.flip, dst=to)
    elif shown.swapped:
        cv2.transpose(plane, dst=to)
    elif shown.flip is not None:
        cv2.flip(plane, shown.flip, dst=to)


def _cut(width: int, height: int, edges: tuple[float, float, float, float]) -> Box:
    """Return what is left of a frame when per cents are cut off at left, top, right and bottom."""
    if not any(edges):
        return Box(0, 0, width, height)
    left, top = (_by_four(length * edge / 100) for length, edge in zip((width, height), edges, strict=False))
    right, bottom = (_by_four(length * edge / 100) for length, edge in zip((width, height), edges[2:], strict=False))
    left, top = min(left, width - _SMALLEST), min(top, height - _SMALLEST)
    return Box(left, top, max(_SMALLEST, width - left - right), max(_SMALLEST, height - top - bottom))


def _filling(part: Box, seen: tuple[int, int]) -> Box:
    """Return the middle of `part` that has the aspect of `seen`."""
    width = min(part.width, _by_four(part.height * seen[0] / seen[1]))
    height = min(part.height, _by_four(part.width * seen[1] / seen[0]))
    if abs(width - part.width) < 4 and abs(height - part.height) < 4:
        return part
    left, top = part.left + (part.width - width) // 8 * 4, part.top + (part.height - height) // 8 * 4
    return Box(left, top, width, height)


def _by_four(length: float) -> int:
    return round(length / 4) * 4
