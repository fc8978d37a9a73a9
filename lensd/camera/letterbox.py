"""Where a frame of one size comes to lie in a picture of another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lensd.frames import Picture

_BLACK, _GREY = 16, 128


class Box(NamedTuple):
    """A rectangle in picture pixels; all four numbers even, so that it is one in the chroma planes too."""

    left: int
    top: int
    width: int
    height: int


def letterbox(width: int, height: int, into_width: int, into_height: int) -> Box:
    """Return the largest box of the aspect `width`:`height` in the middle of `into_width` x `into_height`.

    All sizes are positive, the latter two even; the aspect is kept to within the even pixel.
    """
    scale = min(into_width / width, into_height / height)
    fitted_width = min(max(2, 2 * round(width * scale / 2)), into_width)
    fitted_height = min(max(2, 2 * round(height * scale / 2)), into_height)
    left, top = (into_width - fitted_width) // 4 * 2, (into_height - fitted_height) // 4 * 2
    return Box(left, top, fitted_width, fitted_height)


def draw_bars(picture: Picture, box: Box) -> None:
    """Make everything outside `box` black."""
    for plane, value, step in ((picture.y, _BLACK, 1), (picture.u, _GREY, 2), (picture.v, _GREY, 2)):
        left, top, width, height = (edge // step for edge in box)
        plane[:top] = value
        plane[top + height :] = value
        plane[top : top + height, :left] = value
        plane[top : top + height, left + width :] = value
