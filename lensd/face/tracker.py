"""One face from frame to frame: found once, then followed by its own points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lensd.face.finder import FaceFinder
from lensd.face.smoothing import FaceSmoother
from lensd.frames import Face

if TYPE_CHECKING:
    from lensd.face.landmarks import LandmarkNetwork
    from lensd.frames import F32, Picture

# The network's own certainty. Taking a face up asks for more than keeping it, so that it does not flicker.
_TAKE_UP = 0.6
_KEEP = 0.4
_AGREEMENT = 0.02
_FIRST_LOOK_S = 0.5  # 10 to 40 ms, but for a machine that is busy
# A face that is not seen for a frame or two is where it was: a lens that vanishes and comes back looks broken.
_LINGER_NS = 150_000_000
# After a loss (a hand before the face, a blurred turn) the network looks at the old place as well this long.
_REMEMBER_NS = 500_000_000


class Finder(Protocol):
    """Looks for a face anywhere in the picture."""

    def offer(self, picture: Picture) -> None:
        """Take a picture to search in; what is there is told by `found`, at once or later."""

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return what was found since the last call: (478, 3) each, about where a face may be, the likeliest first.

        Args:
            wait_s: how long to wait for a search that is under way.
        """

    def close(self) -> None:
        """End what runs."""


class MeshTracker:
    """Implements `FaceTracker` for one face.

    While there is a face, each frame costs one run of the network, around the last frame's points. While there is
    none, the finder looks for one in its own thread, and what it finds counts when the network agrees. Only the very
    first picture waits for the finder (10 to 40 ms), so that a lens never comes a few frames after the face.
    """

    def __init__(self, network: LandmarkNetwork, finder: Finder | None = None) -> None:
        """Take over `network`, also where this raises, and `finder`; without one it makes its own, with a thread.

        Raises:
            EngineError: the face finder cannot be made.
        """
        self._network = network
        try:
            self._finder: Finder = finder or FaceFinder()
        except BaseException:
            network.close()
            raise
        self._smoother = FaceSmoother()
        self._points: F32 | None = None
        self._face: Face | None = None
        self._following = False
        self._first_look = True
        self._seen_ns = 0
        self._track_id = 0

    def update(self, picture: Picture, captured_ns: int) -> tuple[Face, ...]:
        """Return the face of this picture, or none.

        Raises:
            EngineError: the network could not be run.
        """
        located = self._look_again(picture, captured_ns)
        if located is None and (located := self._look_where_found(picture)) is not None:
            self._track_id += 1
            self._smoother.reset()
        self._following = located is not None
        if located is None:
            self._finder.offer(picture)
            return self._lingering(captured_ns)
        self._points, score = located
        self._seen_ns = captured_ns
        self._face = Face(self._track_id, self._smoother(self._points, captured_ns), score)
        return (self._face,)

    def reset(self) -> None:
        """Forget the face: another camera follows."""
        self._points = self._face = None
        self._first_look = True
        self._finder.found()

    def close(self) -> None:
        """End the finder's thread and close the network."""
        self._finder.close()
        self._network.close()

    def _lingering(self, captured_ns: int) -> tuple[Face, ...]:
        """Return the last face for a moment after it was lost."""
        if self._face is None or captured_ns - self._seen_ns > _LINGER_NS:
            return ()
        return (self._face,)

    def _look_again(self, picture: Picture, captured_ns: int) -> tuple[F32, float] | None:
        """Look where the face was last, if that is not long ago."""
        if self._points is None or captured_ns - self._seen_ns > _REMEMBER_NS:
            return None
        located = self._network.locate(picture, self._points)
        wanted = _KEEP if self._following else _TAKE_UP
        return located if located and located[1] >= wanted else None

    def _look_where_found(self, picture: Picture) -> tuple[F32, float] | None:
        """Look where the finder has found something, if it has."""
        wait_s = 0.0
        if self._first_look:
            self._first_look, wait_s = False, _FIRST_LOOK_S
            self._finder.offer(picture)
        for guess in self._finder.found(wait_s):
            if (located := self._settled(picture, guess)) is not None:
                return located
        return None

    def _settled(self, picture: Picture, guess: F32) -> tuple[F32, float] | None:
        """Return where looking again and again around `guess` ends, if that is a face.

        The second look is centred, as the box was not, and the third must agree with it: on a face it does to a
        thousandth of its height, on a suit or a curtain that was taken for one it wanders on by some hundredths.
        """
        before, points, score = guess, guess, 0.0
        for _ in range(3):
            located = self._network.locate(picture, points)
            if located is None or located[1] < _TAKE_UP:
                return None
            before, (points, score) = points, located
        size = np.ptp(points[:, 1])
        agrees = np.abs(points - before)[:, :2].mean() < _AGREEMENT * size
        return (points, score) if agrees else None
