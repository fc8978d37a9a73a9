"""Finds frontal faces anywhere in the picture, in a thread of its own.

A Haar cascade on a small luma plane costs 7 to 55 ms, several frames' worth of the tracker; so it never runs on the
render thread, only while there is place for another face, and at most for a sixth of one core's time. Faces that are
followed already are painted over, which also makes it quicker. A cascade knows upright faces only, up to a roll of some
20 degrees; so each look is followed by one on the plane turned, each time by another angle, for larger faces.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import cv2.data
import numpy as np

from lensd.errors import EngineError
from lensd.lens.align import template_points
from lensd.mailbox import Mailbox, MailboxClosed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import F32, U8, Picture

_CASCADE = "haarcascade_frontalface_alt2.xml"
WIDTH_PX = 430  # of the plane that is searched, at most: 427 for 1280, where a face two metres away has 25
_PAUSE_S = 0.12
_DUTY = 5
# Of 300 portraits the cascade's box has its middle here on the face template, with a deviation of 1.5 %, and a side
# of one face unit, with 6 %.
_BOX_MIDDLE = (0.007, 0.093)
_SMALLEST_PX = 20  # the cascade's own window
_SMALLEST_TURNED_PX = 36  # 110 at 1280: a third of the time of a look for all sizes
TURNS_DEG = (30.0, -30.0, 45.0, -45.0)


class FaceSearch:
    """The cascade itself, in the caller's thread."""

    def __init__(self) -> None:
        """Load the cascade (8 ms).

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        path = Path(cv2.data.haarcascades) / _CASCADE
        if not path.exists():
            raise EngineError("face finder", f"{_CASCADE} is not in this OpenCV", "pip install 'opencv-python<5'")
        self._cascade = cv2.CascadeClassifier(str(path))

    def __call__(self, plane: U8, block: int, most: int = 3) -> list[F32]:
        """Return the faces in what `small_plane` made, the largest first: the template on their boxes.

        Two neighbours rather than three, and steps of a tenth, find faces down to 60 pixels at 1280 (88 otherwise) and
        here and there what is no face; the network, which looks next, knows better.

        Args:
            plane, block: as from `small_plane`.
            most: how many.
        """
        return [landmarks_in_box(*(side * block for side in box)) for box in self._boxes(plane, _SMALLEST_PX, most)]

    def turned(self, plane: U8, block: int, turn_deg: float, most: int = 3) -> list[F32]:
        """Return the larger faces that lean about `turn_deg`, positive where their top leans to the right."""
        height, width = plane.shape
        angle = math.radians(turn_deg)
        cos, sin = math.cos(angle), math.sin(angle)
        size = math.ceil(width * abs(cos) + height * abs(sin)), math.ceil(height * abs(cos) + width * abs(sin))
        # From the upright plane's pixels to this one's: about both middles.
        linear = np.array([[cos, -sin], [sin, cos]])
        middle, upright_middle = np.array([width - 1, height - 1]) / 2, np.array([size[0] - 1, size[1] - 1]) / 2
        to_plane = np.column_stack([linear, middle - linear @ upright_middle])
        upright = cv2.warpAffine(plane, to_plane, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        found = []
        for x, y, side, _ in self._boxes(upright.astype(np.uint8, copy=False), _SMALLEST_TURNED_PX, most):
            points = landmarks_in_box(x, y, side, side)
            points[:, :2] = points[:, :2] @ linear.T.astype(np.float32) + to_plane[:, 2].astype(np.float32)
            found.append(points * np.float32(block))
        return found

    def _boxes(self, plane: U8, smallest_px: int, most: int) -> list[list[int]]:
        boxes = self._cascade.detectMultiScale(
            plane, scaleFactor=1.1, minNeighbors=2, minSize=(smallest_px, smallest_px)
        )
        return [[int(side) for side in box] for box in sorted(boxes, key=lambda box: -int(box[2]))[:most]]


class FaceFinder:
    """Looks for the largest faces; used by one thread, beside its own."""

    def __init__(self) -> None:
        """Load the cascade (8 ms) and start the thread.

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        self._search_plane = FaceSearch()
        self._planes: Mailbox[tuple[U8, int, float]] = Mailbox()
        self._results: Mailbox[list[F32]] = Mailbox()
        self._not_before_s = 0.0
        self._turns = itertools.cycle(TURNS_DEG)
        self._thread = threading.Thread(target=self._search, name="face-finder")
        self._thread.start()

    def offer(self, picture: Picture, known: Sequence[F32] = ()) -> None:
        """Begin a search in `picture`, unless one is under way or has just been; copies what it needs (0.1 ms).

        Args:
            picture: not modified.
            known: (478, 3) each, faces that are painted over.
        """
        if time.monotonic() < self._not_before_s:
            return
        self._not_before_s = math.inf
        plane, block = small_plane(picture)
        paint_over(plane, block, known)
        self._planes.put((plane, block, next(self._turns)))

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return the faces that a search has found since the last call: (478, 3) each, the template on its box.

        Args:
            wait_s: how long to wait for the end of a search that is under way.
        """
        return self._results.take(wait_s) or []

    def close(self) -> None:
        """End the thread; a search under way is waited for (40 ms)."""
        self._planes.close()
        self._thread.join()

    def _search(self) -> None:
        with contextlib.suppress(MailboxClosed):
            while True:
                if (wanted := self._planes.take()) is None:
                    continue
                started_s = time.thread_time()  # what it costs, not how long it waits on a busy machine
                plane, block, turn_deg = wanted
                upright = self._search_plane(plane, block)
                if upright:  # so that a lens does not wait for the second look
                    self._results.put(upright)
                self._results.put(upright + self._search_plane.turned(plane, block, turn_deg))
                cost_s = time.thread_time() - started_s
                self._not_before_s = time.monotonic() + max(_PAUSE_S, _DUTY * cost_s)


def small_plane(picture: Picture, width_px: int = WIDTH_PX) -> tuple[U8, int]:
    """Return the luma plane that is searched, at most `width_px` wide, and how many pixels make one of its own."""
    # Whole blocks: averaging 3x3 costs 0.1 ms at 720p, a scale in between 3.
    block = -(-picture.width // width_px)
    height, width = (side // block for side in picture.y.shape)
    whole = picture.y[: height * block, : width * block]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8), block


def paint_over(plane: U8, block: int, faces: Sequence[F32]) -> None:
    """Paint `faces`, (478, 3) each in picture pixels, over with the plane's mean, in place."""
    if not faces:
        return
    grey = int(plane.mean())
    for points in faces:
        oval = cv2.convexHull(((points[:, :2] + 0.5) / block - 0.5).astype(np.float32))
        cv2.fillConvexPoly(plane, np.rint(oval).astype(np.int32), grey)


def landmarks_in_box(x: int, y: int, width: int, height: int) -> F32:
    """Return the face template laid on a cascade's box: (478, 3) float32, picture pixels."""
    corner = np.array([x + width * (0.5 + _BOX_MIDDLE[0]), y + height * 0.5 + width * _BOX_MIDDLE[1], 0], np.float32)
    points = template_points() * np.float32(width)
    points += corner
    return points
