"""A tracker for files: nothing is live, so it looks for a face at once and in every picture that shows none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.face.finder import FaceSearch, small_plane
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.tracker import MeshTracker

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import F32, Face, Picture
    from lensd.ports import Engine, FaceTracker

_FRAME_NS = 33_333_333
_STILL_FRAMES = 5


class SearchAtOnce:
    """Implements `Finder` in the caller's thread: the same pictures give the same faces, however fast the machine."""

    def __init__(self) -> None:
        """Load the cascade.

        Raises:
            EngineError: the installed OpenCV has no such cascade.
        """
        self._search = FaceSearch()
        self._found: list[F32] = []

    def offer(self, picture: Picture) -> None:
        """Search `picture` (7 to 40 ms)."""
        self._found = self._search(*small_plane(picture))

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return what the last search found, once."""
        found, self._found = self._found, []
        return found

    def close(self) -> None:
        """Nothing runs."""


class PatientTracker:
    """Implements `FaceTracker`: the live tracker, asked again where a search has found what it did not follow."""

    def __init__(self, network: LandmarkNetwork) -> None:
        """Take over `network`.

        Raises:
            EngineError: the face finder cannot be made.
        """
        self._tracker = MeshTracker(network, SearchAtOnce())

    def update(self, picture: Picture, captured_ns: int) -> tuple[Face, ...]:
        """Return the face of this picture, or none.

        Raises:
            EngineError: the network could not be run.
        """
        return self._tracker.update(picture, captured_ns) or self._tracker.update(picture, captured_ns)

    def reset(self) -> None:
        """Forget the face: another picture follows."""
        self._tracker.reset()

    def close(self) -> None:
        """Close the network."""
        self._tracker.close()


def open_patient_tracker(make_engine: Callable[[bytes], Engine]) -> PatientTracker:
    """Return a tracker for files, with the network that came with lensd.

    Raises:
        EngineError: the network is not there, or cannot be run.
    """
    return PatientTracker(LandmarkNetwork(make_engine(read_landmarks_network())))


def track_still(tracker: FaceTracker, picture: Picture) -> tuple[Face, ...]:
    """Return the faces of a photograph, shown to `tracker` for a few frames as a camera held still would, to settle."""
    tracker.reset()
    found: tuple[Face, ...] = ()
    for frame in range(_STILL_FRAMES):
        found = tracker.update(picture, frame * _FRAME_NS)
    return found
