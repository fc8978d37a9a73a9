"""Clean ink for a comic's face: from the picture's own edges, and from the mesh's lids, brows, nose and lips."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import template_points
from trainer.art.brush import Sheet
from trainer.art.paint import PX, SIDE
from trainer.art.strokes import directions, smeared

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.brush import Point

_INK = (12, 10, 14)
# Lines along points of the mesh, right half and left, and how wide, face units; the first end is thick where asked.
_UPPER_LIDS = ((133, 173, 157, 158, 159, 160, 161, 246, 33), (362, 398, 384, 385, 386, 387, 388, 466, 263))
_LOWER_LIDS = ((133, 155, 154, 153, 145, 144, 163, 7, 33), (362, 382, 381, 380, 374, 373, 390, 249, 263))
_CREASES = ((190, 56, 28, 27, 29, 30), (414, 286, 258, 257, 259, 260))
_BROWS = (
    (107, 66, 105, 63, 70, 46, 53, 52, 65, 55),
    (336, 296, 334, 293, 300, 276, 283, 282, 295, 285),
)
_LIP_LINE = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_UPPER_RIM = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
_NOSE: tuple[tuple[Point, ...], ...] = (
    ((0.112, 0.025), (0.127, 0.062), (0.108, 0.09), (0.085, 0.082)),
    ((0.07, 0.086), (0.045, 0.082), (0.022, 0.1), (0.0, 0.106), (-0.022, 0.1), (-0.045, 0.082), (-0.07, 0.086)),
    ((-0.112, 0.025), (-0.127, 0.062), (-0.108, 0.09), (-0.085, 0.082)),
)


def edges(photo: U8, *, weight: float = 1.0, finer: int = 2) -> F32:
    """Return ink along a picture's own edges, (H, W) float32 in 0..1: the dark sides, unbroken along the forms.

    A difference of Gaussians across the structure tensor's flow, smoothed along it and cut softly (Kang, Lee and Chui
    2007, "Coherent Line Drawing"; Winnemöller 2011, "XDoG"), at `finer` times the size.
    """
    height, width = photo.shape[:2]
    large = cv2.resize(photo, (width * finer, height * finer), interpolation=cv2.INTER_CUBIC)
    luma = cv2.cvtColor(np.asarray(large, np.uint8), cv2.COLOR_RGB2GRAY)
    calm = np.asarray(cv2.bilateralFilter(luma, 9, 24, 5), np.float32)
    even = calm / (cv2.GaussianBlur(calm, (0, 0), 26 * finer) + 24) * 128  # an edge in the shade is inked too
    along = directions(np.asarray(even, np.float32))
    narrow, wide = cv2.GaussianBlur(even, (0, 0), 1.05 * finer), cv2.GaussianBlur(even, (0, 0), 1.7 * finer)
    line = smeared(np.asarray(wide - narrow, np.float32), along, 4 * finer)
    ink = np.tanh(np.clip(line - 2.0 / weight, 0, None) * 0.75 * weight)
    return np.asarray(cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA), np.float32)


@cache
def drawn(*, brows: bool = True, lips: bool = True) -> F32:
    """Return the lines of lids, brows, nose and lips on the template, (PX, PX, 1) float32 in 0..1."""
    sheet, at = Sheet(-SIDE / 2, -SIDE / 2, SIDE / 2, SIDE / 2, PX), template_points()
    for lid, out in zip(_UPPER_LIDS, (-1, 1), strict=True):
        course = _course(lid, at)
        outer = course[-1]
        wing = [*course[len(course) // 2 :], (outer[0] + out * 0.03, outer[1] - 0.014)]
        sheet.line(course, 0.014, _INK).line(wing[::-1], 0.004, _INK).line(wing, 0.019, _INK, thin_end=True)
    for lid in _LOWER_LIDS:
        sheet.line(_course(lid, at)[3:], 0.006, _INK)
    for crease in _CREASES:
        sheet.line(_course(crease, at)[::-1], 0.008, _INK, thin_end=True)
    for wing_or_base in _NOSE:
        sheet.line(wing_or_base, 0.011, _INK, thin_end=len(wing_or_base) == 4)
    for brow in _BROWS if brows else ():
        sheet.shape(_course(brow, at), _INK)
    if lips:
        sheet.line(_course(_LIP_LINE, at), 0.01, _INK).line(_course(_UPPER_RIM, at), 0.006, _INK)
    return np.asarray(sheet.picture()[..., 3:].astype(np.float32) / 255, np.float32)


def _course(line: tuple[int, ...], at: F32) -> list[Point]:
    return [(float(at[point, 0]), float(at[point, 1])) for point in line]
