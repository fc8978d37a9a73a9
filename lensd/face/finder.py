"""Finds frontal faces anywhere in the picture, in a thread of its own.

A Haar cascade on a small luma plane costs 7 to 55 ms, several frames' worth of the tracker; so it never runs on the
render thread, and only when and where `lookout` says. A cascade knows upright faces only, up to a roll of some
20 degrees; so each look is followed by one on the plane turned, each time by another angle, for larger faces.
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
from lensd.face.lookout import Lookout
from lensd.lens.align import template_points
from lensd.mailbox import Mailbox, MailboxClosed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lensd.face.lookout import Look
    from lensd.frames import F32, U8, Picture

_CASCADE = "haarcascade_frontalface_alt2.xml"
# Of 300 portraits the cascade's box has its middle here on the face template, with a deviation of 1.5 %, and a side
# of one face unit, with 6 %.
_BOX_MIDDLE = (0.007, 0.093)
# The cascade takes what has little contrast for a wall: at a quarter of the light it finds one face of eight, made
# lighter all of them.
_BLACK, _DIM, _LIT, _GAIN_MAX = 16.0, 100.0, 200.0, 4.0
_SMALLEST_PX = 20  # the cascade's own window
_SMALLEST_TURNED_PX = 36  # 110 at 1280: a third of the time of a look for all sizes


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

    def looked(self, look: Look) -> Iterator[list[F32]]:
        """Yield what is found upright, in picture pixels, and then, for some looks, that with what is found turned.

        One after the other, so that a lens need not wait for the second search.
        """
        upright = look.in_picture(self(look.plane, look.block))
        yield upright
        if look.turn_deg:
            yield upright + look.in_picture(self.turned(look.plane, look.block, look.turn_deg))

    def _boxes(self, plane: U8, smallest_px: int, most: int) -> list[list[int]]:
        if (lightest := float(np.percentile(plane[::3, ::3], 99)) - _BLACK) < _DIM:
            gain = min(_LIT / max(lightest, 1.0), _GAIN_MAX)
            plane = cv2.convertScaleAbs(plane, alpha=gain, beta=_BLACK * (1 - gain)).astype(np.uint8, copy=False)
        boxes = self._cascade.detectMultiScale(
            plane, scaleFactor=1.1, minNeighbors=2, minSize=(smallest_px, smallest_px)
        )
        return [[int(side) for side in box] for box in sorted(boxes, key=lambda box: -int(box[2]))[:most]]


class FaceFinder:
    """Implements `Finder` with the cascade in a thread of its own; used by one thread beside that."""

    def __init__(self) -> None:
        """Load the cascade (8 ms) and start the thread.

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        self._search, self._lookout = FaceSearch(), Lookout()
        self._looks: Mailbox[Look] = Mailbox()
        self._results: Mailbox[list[F32]] = Mailbox()
        self._thread = threading.Thread(target=self._run, name="face-finder")
        self._thread.start()

    def offer(self, picture: Picture, known: Sequence[F32] = ()) -> bool:
        """Begin a search in `picture`, where one is worth it and none is under way; copies what it needs (0.15 ms).

        Args:
            picture: not modified.
            known: (478, 3) each, faces that need not be found.

        Returns:
            Whether it has begun.
        """
        if (look := self._lookout.look(picture, known, time.monotonic())) is None:
            return False
        self._looks.put(look)
        return True

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return the faces that a search has found since the last call: (478, 3) each, the template on its box.

        Args:
            wait_s: how long to wait for the end of a search that is under way.
        """
        return self._results.take(wait_s) or []

    def forget(self) -> None:
        """Search the next picture whole."""
        self._results.take(0)
        self._lookout.begin_anew()

    def close(self) -> None:
        """End the thread; a search under way is waited for (60 ms)."""
        self._looks.close()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(MailboxClosed):
            while True:
                if (look := self._looks.take()) is None:
                    continue
                started_s = time.thread_time()  # what it costs, not how long it waits on a busy machine
                for found in self._search.looked(look):
                    if found:
                        self._results.put(found)
                self._lookout.done(time.monotonic(), time.thread_time() - started_s)


def landmarks_in_box(x: int, y: int, width: int, height: int) -> F32:
    """Return the face template laid on a cascade's box: (478, 3) float32, picture pixels."""
    corner = np.array([x + width * (0.5 + _BOX_MIDDLE[0]), y + height * 0.5 + width * _BOX_MIDDLE[1], 0], np.float32)
    points = template_points() * np.float32(width)
    points += corner
    return points
