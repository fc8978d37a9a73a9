"""Finds an upright frontal face anywhere in the picture, in a thread of its own.

A Haar cascade on a small luma plane costs 7 to 40 ms, several frames' worth of the tracker; so it never runs on the
render thread, only while there is no face to follow, and at most for a sixth of one core's time.
"""

from __future__ import annotations

import contextlib
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
    from lensd.frames import F32, U8, Picture

_CASCADE = "haarcascade_frontalface_alt2.xml"
_WIDTH_PX = 430  # of the plane that is searched, at most: 427 for 1280, where a face two metres away has 25
_PAUSE_S = 0.15
_DUTY = 6
# Of 300 portraits the cascade's box has its middle here on the face template, with a deviation of 1.5 %, and a side
# of one face unit, with 6 %.
_BOX_MIDDLE = (0.007, 0.093)


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

    def __call__(self, plane: U8, block: int) -> list[F32]:
        """Return the faces in what `small_plane` made, the largest first, three at most: the template on their boxes.

        Two neighbours rather than three, and steps of a tenth, find faces down to 60 pixels at 1280 (88 otherwise) and
        here and there what is no face; the network, which looks next, knows better.
        """
        boxes = self._cascade.detectMultiScale(plane, scaleFactor=1.1, minNeighbors=2, minSize=(20, 20))
        largest = sorted(boxes, key=lambda box: -int(box[2]))[:3]
        return [landmarks_in_box(*(int(side) * block for side in box)) for box in largest]


class FaceFinder:
    """Looks for the largest faces; used by one thread, beside its own."""

    def __init__(self) -> None:
        """Load the cascade (8 ms) and start the thread.

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        self._search_plane = FaceSearch()
        self._planes: Mailbox[tuple[U8, int]] = Mailbox()
        self._results: Mailbox[list[F32]] = Mailbox()
        self._not_before_s = 0.0
        self._thread = threading.Thread(target=self._search, name="face-finder")
        self._thread.start()

    def offer(self, picture: Picture) -> None:
        """Begin a search in `picture`, unless one is under way or has just been; copies what it needs (0.1 ms)."""
        if time.monotonic() < self._not_before_s:
            return
        self._not_before_s = math.inf
        self._planes.put(small_plane(picture))

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
                self._results.put(self._search_plane(*wanted))
                cost_s = time.thread_time() - started_s
                self._not_before_s = time.monotonic() + max(_PAUSE_S, _DUTY * cost_s)


def small_plane(picture: Picture) -> tuple[U8, int]:
    """Return the luma plane that is searched, at most 430 pixels wide, and how many pixels make one of its own."""
    # Whole blocks: averaging 3x3 costs 0.1 ms at 720p, a scale in between 3.
    block = -(-picture.width // _WIDTH_PX)
    height, width = (side // block for side in picture.y.shape)
    whole = picture.y[: height * block, : width * block]
    return cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8), block


def landmarks_in_box(x: int, y: int, width: int, height: int) -> F32:
    """Return the face template laid on a cascade's box: (478, 3) float32, picture pixels."""
    corner = np.array([x + width * (0.5 + _BOX_MIDDLE[0]), y + height * 0.5 + width * _BOX_MIDDLE[1], 0], np.float32)
    points = template_points() * np.float32(width)
    points += corner
    return points
