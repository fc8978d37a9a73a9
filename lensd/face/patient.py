"""A tracker for files: nothing is live, so it looks for faces at once and in every picture that shows none."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from lensd.face.finder import FaceSearch
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.lookout import TURNS_DEG, WIDTH_PX, paint_over, small_plane
from lensd.face.tracker import MeshTracker
from lensd.frames import MOST_FACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lensd.frames import F32, Face, Picture
    from lensd.ports import Engine, FaceTracker

_FRAME_NS = 33_333_333
_STILL_FRAMES = 5
_EVERY = 5
_CROWD = 32


class SearchAtOnce:
    """Implements `Finder` in the caller's thread: the same pictures give the same faces, however fast the machine."""

    def __init__(self, *, thorough: bool = False) -> None:
        """Load the cascade.

        Args:
            thorough: search a plane three times as wide, and by all angles also where upright faces are found.

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        self._search, self._thorough = FaceSearch(), thorough
        self._most, self._width_px = (_CROWD, 3 * WIDTH_PX) if thorough else (MOST_FACES, WIDTH_PX)
        self._found: list[F32] = []
        self._turns, self._left_out = itertools.cycle(TURNS_DEG), 0

    def offer(self, picture: Picture, known: Sequence[F32] = ()) -> bool:
        """Search `picture` (10 to 100 ms), turned by all angles where no face is known or found upright.

        Where faces are known, one picture in five is searched for more.
        """
        self._left_out += 1
        if known and self._left_out < _EVERY:
            return False
        self._left_out = 0
        plane, block = small_plane(picture, self._width_px)
        paint_over(plane, block, known)
        self._found = self._search(plane, block, self._most)
        for turn_deg in (next(self._turns),) if known or (self._found and not self._thorough) else TURNS_DEG:
            self._found += self._search.turned(plane, block, turn_deg, self._most)
        return True

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return what the last search found, once."""
        found, self._found = self._found, []
        return found

    def forget(self) -> None:
        """Search the next picture whole."""
        self._found, self._left_out = [], _EVERY

    def close(self) -> None:
        """Nothing runs."""


class PatientTracker:
    """Implements `FaceTracker`: the live tracker, asked again where a search has found what it did not follow."""

    def __init__(self, network: LandmarkNetwork, *, still: bool = False) -> None:
        """Take over `network`.

        Args:
            network: finds the points.
            still: for photographs, which may show a crowd: 32 faces, and smaller ones, at ten times the cost.

        Raises:
            EngineError: the face finder cannot be made.
        """
        most = _CROWD if still else MOST_FACES
        self._tracker = MeshTracker(network, SearchAtOnce(thorough=still), most)

    def update(self, picture: Picture, captured_ns: int) -> tuple[Face, ...]:
        """Return the faces of this picture.

        Raises:
            EngineError: the network could not be run.
        """
        return self._tracker.update(picture, captured_ns) or self._tracker.update(picture, captured_ns)

    def reset(self) -> None:
        """Forget the faces: another picture follows."""
        self._tracker.reset()

    def close(self) -> None:
        """Close the network."""
        self._tracker.close()


def open_patient_tracker(make_engine: Callable[[bytes], Engine], *, still: bool = False) -> PatientTracker:
    """Return a tracker for files, with the network that came with lensd; `still` as in `PatientTracker`.

    Raises:
        EngineError: the network is not there, or cannot be run.
    """
    return PatientTracker(LandmarkNetwork(make_engine(read_landmarks_network())), still=still)


def track_still(tracker: FaceTracker, picture: Picture) -> tuple[Face, ...]:
    """Return the faces of a photograph, shown to `tracker` for a few frames as a camera held still would, to settle."""
    tracker.reset()
    found: tuple[Face, ...] = ()
    for frame in range(_STILL_FRAMES):
        found = tracker.update(picture, frame * _FRAME_NS)
    return found
