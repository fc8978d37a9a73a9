"""When and where a search for faces is worth its time: at once where something is new, else once a second."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from lensd.face.novelty import Novelty, Part
from lensd.lens.crop import averaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8, Picture

WIDTH_PX = 430  # of the plane that is searched, at most: 427 for 1280, where a face two metres away has 25
TURNS_DEG = (30.0, -30.0, 45.0, -45.0)
_FINEST, _PART_PX = (
    2,
    60_000,
)  # picture pixels to one of a part's, and how many it may have; the whole plane has 102,000
_ANYHOW_S, _ANYHOW_KNOWN_S = 1.0, 3.0  # the second where a face is followed already: a look takes 20 to 50 ms
_GLANCE_S, _GLANCE_KNOWN_S = 0.05, 0.1  # between two comparisons, of 0.2 ms
_PAUSE_S = 0.03
_AGAIN = 7  # what is new is looked at so many times more, turned otherwise, and under another grain
# A pause is so many times as long as the search before it: a third of one core's time while somebody may be coming, a
# ninth where something else keeps moving, such as a television.
_EAGER, _TIRED = 2.0, 8.0
_TIRES, _RESTS = 0.4, 0.4  # with each search, with each comparison without news
# Somebody is there already, whose lens is to be quick: a moving room then costs 1.3 ms a frame, where it cost 3.4.
_TIRED_KNOWN, _TIRES_KNOWN = 24.0, 1.0


class Look(NamedTuple):
    """A part of a picture's small plane, to be searched.

    Attributes:
        plane: (H, W) uint8, faces that are known painted over; belongs to who searches it.
        block: picture pixels to one of its own. corner: picture pixels, where it begins.
        turn_deg: by how much to turn it for a second search; 0 for none.
    """

    plane: U8
    block: int
    corner: tuple[int, int]
    turn_deg: float

    def in_picture(self, meshes: list[F32]) -> list[F32]:
        """Return what was found in `plane`, in pixels that count from its corner, in the picture's."""
        return [mesh + np.array([*self.corner, 0], np.float32) for mesh in meshes]


class Lookout:
    """Chooses the looks; goes by the clock of whoever asks. `done` may be called by another thread."""

    def __init__(self) -> None:
        self._novelty = Novelty()
        # Each second look is upright only, and so over sooner: that is how people come.
        self._turns = itertools.cycle(turn for pair in zip(itertools.repeat(0.0), TURNS_DEG) for turn in pair)
        self._free_s, self._glance_s, self._anyhow_s = -math.inf, -math.inf, -math.inf
        self._known, self._tiredness = 0, _EAGER
        self._again, self._times = Part(0, 0, 0, 0), 0

    def look(self, picture: Picture, known: Sequence[F32], now_s: float) -> Look | None:
        """Return what to search now, or None; until `done`, there is nothing else. 0.15 ms at 720p.

        Args:
            picture: not modified; what is needed is copied.
            known: (478, 3) each, faces that need not be found.
            now_s: of any clock, always the same.
        """
        if now_s < self._free_s or (now_s < self._glance_s and len(known) >= self._known):
            return None
        if len(known) < self._known:  # where one was lost, nothing else need be new
            self._novelty.forget()
        if len(known) != self._known:
            self._known, self._tiredness, self._times = len(known), _EAGER, 0
        plane, block = glance(picture)
        if now_s >= self._anyhow_s:
            part: Part | None = Part(0, 0, plane.shape[1], plane.shape[0])
            self._anyhow_s = now_s + (_ANYHOW_KNOWN_S if known else _ANYHOW_S)
        elif (part := self._novelty.part(plane, block, known)) is not None:
            self._again, self._times = part, _AGAIN
        elif self._times:
            part, self._times = self._again, self._times - 1
        if part is None:
            self._tiredness = max(self._tiredness - _RESTS, _EAGER)
            self._glance_s = now_s + (_GLANCE_KNOWN_S if known else _GLANCE_S)
            return None
        self._novelty.remember(plane)
        tires, most = (_TIRES_KNOWN, _TIRED_KNOWN) if known else (_TIRES, _TIRED)
        self._free_s, self._tiredness = math.inf, min(self._tiredness + tires, most)
        corner = (part.x0 * block, part.y0 * block)
        inside = picture.y[part.y0 * block : part.y1 * block, part.x0 * block : part.x1 * block]
        # A small part may be searched more finely for the same time.
        block = min(block, max(_FINEST, math.ceil(math.sqrt(inside.size / _PART_PX))))
        cut = averaged(inside, block)
        paint_over(cut, block, [points - np.array([*corner, 0], np.float32) for points in known])
        return Look(cut, block, corner, next(self._turns))

    def done(self, now_s: float, cost_s: float) -> None:
        """Note that the search is over, and what it cost of a core's time."""
        self._free_s = now_s + max(_PAUSE_S, self._tiredness * cost_s)

    def begin_anew(self) -> None:
        """Look at the next picture as if it were the first, once the search that is under way is done."""
        self._novelty.forget()
        self._glance_s = self._anyhow_s = -math.inf
        if math.isfinite(self._free_s):  # no search is under way, it was but a pause
            self._free_s = -math.inf


def small_plane(picture: Picture, width_px: int = WIDTH_PX) -> tuple[U8, int]:
    """Return the luma plane that is searched, at most `width_px` wide, and how many pixels make one of its own."""
    # Whole blocks: averaging 3x3 costs 0.1 ms at 720p, a scale in between 3.
    block = -(-picture.width // width_px)
    return averaged(picture.y, block), block


def glance(picture: Picture, width_px: int = WIDTH_PX) -> tuple[U8, int]:
    """Return what `small_plane` does, of single pixels: 0.03 ms at 720p for 0.3, twenty times a second.

    Enough to see where something is new: a cell of 64 of them has an eighth of a pixel's grain.
    """
    block = -(-picture.width // width_px)
    height, width = (side // block for side in picture.y.shape)
    whole = picture.y[: height * block, : width * block]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False), block


def paint_over(plane: U8, block: int, faces: Sequence[F32]) -> None:
    """Paint `faces`, (478, 3) each in picture pixels, over with the plane's mean, in place."""
    if not faces:
        return
    grey = int(plane.mean())
    for points in faces:
        oval = cv2.convexHull(((points[:, :2] + 0.5) / block - 0.5).astype(np.float32))
        cv2.fillConvexPoly(plane, np.rint(oval).astype(np.int32), grey)
