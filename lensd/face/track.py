"""One face's life: taken up, followed, lost, found again or forgotten; and how much of its lens is to be seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from lensd.face.smoothing import FaceSmoother
from lensd.frames import Face

if TYPE_CHECKING:
    from lensd.frames import F32

FADE_NS = 150_000_000
# A face that is not seen for a frame or two is where it was: a lens that fades and comes back looks broken.
_LINGER_NS = 70_000_000
# After a loss (a hand, somebody who walks through the picture) the same face is the same person this long.
REMEMBER_NS = 2_000_000_000
# Seen this often in a row, a face is shown. What is no face is seldom taken for one in three frames (bench/faces.py).
_CONFIRM = 3
# A lost face glides on as it moved; of its speed a third is left after this long.
_GLIDE_S = 0.8
_SPEED_S = 0.1  # time constant of the speed's low pass
_NEAR = 0.9  # how far, in face units, the same face may be from where it is expected
_WANDER = 0.8  # and how much farther for each second that it was not seen
_WANDER_MAX = 0.8
_GROWTH_MAX = 0.45  # natural logarithm of how much larger or smaller it may have become
_LOST = 0.3  # what is followed is not given to a lost face that is but a little more like it
_LOOK_UNIT = 20.0  # a mean difference of colours (of 255) that counts like one face unit of distance
_LOOK_PACE = 0.1
_MEAN = np.full(478, 1 / 478, np.float32)
_SAME = 0.45  # face units between two middles: nearer, both are one face


class Sight(NamedTuple):
    """A face that was seen in a picture.

    Attributes:
        points: (478, 3) float32, picture pixels, as the network gave them.
        score: 0..1.
        look: (n, n, 3) float32, its colours from afar.
        middle: (x, y), picture pixels. size: hair line to chin, picture pixels.
    """

    points: F32
    score: float
    look: F32
    middle: tuple[float, float]
    size: float

    def covers(self, other: Sight) -> bool:
        """Tell whether both are one face: two heads have two thirds of a face between their middles at least."""
        return math.dist(self.middle, other.middle) < _SAME * max(self.size, other.size)


def sight(points: F32, score: float, look: F32) -> Sight:
    """Return the sight of a face with these points."""
    x, y = (_MEAN @ points[:, :2]).tolist()
    size = max(math.dist(points[10].tolist(), points[152].tolist()), 1e-3)  # with depth: nodding does not make it less
    return Sight(points, score, look, (x, y), size)


class Track:
    """A face with an identity. Belongs to the tracker's thread."""

    def __init__(
        self, identity: int, seen: Sight, captured_ns: int, *, at_once: bool, smoother: FaceSmoother | None = None
    ) -> None:
        """Begin with a first sight.

        Args:
            identity: as `Face.track_id`.
            seen: where it is.
            captured_ns: of the picture.
            at_once: show it without waiting whether it stays and without fading in: nobody has seen it without.
            smoother: steadies its points, and no other face's.
        """
        self.identity, self.seen = identity, seen
        self.lost = False
        self._seen_ns = self._updated_ns = captured_ns
        self._smoother = smoother or FaceSmoother()
        self._landmarks = self._smoother(seen.points, captured_ns)
        self._look, self._speed = seen.look, (0.0, 0.0)  # picture pixels a second
        self._sights = _CONFIRM if at_once else 1
        self._opacity = 1.0 if at_once else 0.0

    @property
    def confirmed(self) -> bool:
        """Whether it was seen often enough to be shown."""
        return self._sights >= _CONFIRM

    def forgotten(self, captured_ns: int) -> bool:
        """Tell whether it is time to forget it: lost for long, or before it was confirmed."""
        return self.lost and (not self.confirmed or captured_ns - self._seen_ns > REMEMBER_NS)

    def gliding(self, captured_ns: int) -> tuple[float, float]:
        """Return how far it has gone since it was seen, picture pixels, if it went on as it did."""
        gone_s = max(captured_ns - self._seen_ns, 0) / 1e9
        time_s = _GLIDE_S * (1 - math.exp(-gone_s / _GLIDE_S))
        return self._speed[0] * time_s, self._speed[1] * time_s

    def unlikeness(self, other: Sight, captured_ns: int) -> float:
        """Return how unlike this face's next sight `other` is: 0 for the same, infinite where it cannot be."""
        x, y = self.gliding(captured_ns)
        there = (self.seen.middle[0] + x, self.seen.middle[1] + y)
        size = max(self.seen.size, other.size)
        # A lost one may have stayed, too: whoever stops behind somebody does not glide on.
        stayed = math.dist(self.seen.middle, other.middle) if self.lost else math.inf
        away = min(math.dist(there, other.middle), stayed)
        gone_s = (captured_ns - self._seen_ns) / 1e9
        growth = abs(math.log(other.size / self.seen.size))
        if away > size * (_NEAR + min(_WANDER * gone_s, _WANDER_MAX)) or growth > _GROWTH_MAX:
            return math.inf
        unlikeness = _LOST if self.lost else 0.0
        colours = cv2.norm(other.look, self._look, cv2.NORM_L1) / self._look.size
        return unlikeness + away / size + growth + colours / _LOOK_UNIT

    def follow(self, seen: Sight, captured_ns: int, *, crowded: bool, moved: bool) -> None:
        """Take `seen` as its next sight.

        Args:
            seen: where it is now.
            captured_ns: of the picture.
            crowded: another face is near and may cover it: neither its look nor its speed is learned now.
            moved: it was not followed there but recognised, so its old place says nothing.
        """
        elapsed_s = max((captured_ns - self._updated_ns) / 1e9, 1e-3)
        if moved:
            self._smoother.reset()
        if moved or self.lost:
            self._speed = (0.0, 0.0)
        elif not crowded:
            share = elapsed_s / (elapsed_s + _SPEED_S)
            x, y = (
                speed + share * ((now - before) / elapsed_s - speed)
                for speed, now, before in zip(self._speed, seen.middle, self.seen.middle, strict=True)
            )
            self._speed = x, y
        if not crowded:
            self._look = self._look + _LOOK_PACE * (seen.look - self._look)
        self.seen, self.lost = seen, False
        self._seen_ns = captured_ns
        self._sights += 1
        self._landmarks = self._smoother(seen.points, captured_ns)
        self._fade(captured_ns, 1.0 if self.confirmed else 0.0)

    def miss(self, captured_ns: int) -> None:
        """Note that it is not in this picture."""
        self.lost = True
        self._fade(captured_ns, self._opacity if captured_ns - self._seen_ns <= _LINGER_NS else 0.0)

    def face(self, captured_ns: int) -> Face | None:
        """Return it as it is to be shown; None where it is not."""
        if self._opacity <= 0:
            return None
        landmarks = self._landmarks
        if self.lost:
            landmarks = landmarks + np.array([*self.gliding(captured_ns), 0], np.float32)
        return Face(self.identity, landmarks, self.seen.score, self._opacity)

    def _fade(self, captured_ns: int, wanted: float) -> None:
        step = max(captured_ns - self._updated_ns, 0) / FADE_NS
        self._opacity += max(-step, min(step, wanted - self._opacity))
        self._updated_ns = captured_ns
