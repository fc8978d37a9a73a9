"""The faces from frame to frame: found once, then followed by their own points, each under its own number."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lensd.face.finder import FaceFinder
from lensd.face.smoothing import FaceSmoother
from lensd.face.track import Sight, Track, sight
from lensd.frames import MOST_FACES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lensd.face.landmarks import LandmarkNetwork
    from lensd.frames import F32, Face, Picture

# The network's own certainty. Taking a face up asks for more than keeping it, so that it does not flicker.
_TAKE_UP = 0.6
_KEEP = 0.4
_AGREEMENT = 0.02
_FIRST_LOOK_S = 0.5  # 10 to 60 ms, but for a machine that is busy
_MORE_LOOKS = 2
_CROWD = 1.5  # face units between two middles: nearer, one may cover the other
_UNMATCHED = 5.0  # what a face without a sight costs, so that as many as possible have one; more than any unlikeness


class Finder(Protocol):
    """Looks for faces anywhere in the picture."""

    def offer(self, picture: Picture, known: Sequence[F32]) -> bool:
        """Take a picture to search in; what is there is told by `found`, at once or later. False where it is not taken.

        Args:
            picture: not modified, and copied where it is needed later.
            known: (478, 3) each, faces that need not be found.
        """

    def found(self, wait_s: float = 0.0) -> list[F32]:
        """Return what was found since the last call: (478, 3) each, about where a face may be, the likeliest first.

        Args:
            wait_s: how long to wait for a search that is under way.
        """

    def forget(self) -> None:
        """Drop what was found: another camera follows."""

    def close(self) -> None:
        """End what runs."""


class MeshTracker:
    """Implements `FaceTracker`.

    A face that is followed costs one run of the network a frame, around where it is expected. While there is place for
    another one, the finder looks for it in its own thread, and what it finds counts when the network agrees. What was
    seen is then dealt out to the faces that are known, by place, size and look together, so that two who cross keep
    their numbers. Only the very first picture waits for the finder, so that its lens does not come late.
    """

    def __init__(
        self,
        network: LandmarkNetwork,
        finder: Finder | None = None,
        most: int = MOST_FACES,
        make_smoother: Callable[[], FaceSmoother] = FaceSmoother,
    ) -> None:
        """Take over `network`, also where this raises, and `finder`; without one it makes its own, with a thread.

        Args:
            network: finds the points.
            finder: finds faces.
            most: how many faces are followed at once.
            make_smoother: steadies one face's points; called for each.

        Raises:
            EngineError: the face finder cannot be made.
        """
        self._network, self._most, self._make_smoother = network, most, make_smoother
        try:
            self._finder: Finder = finder or FaceFinder()
        except BaseException:
            network.close()
            raise
        self._tracks: list[Track] = []
        self._first_look = True
        self._identities = itertools.count(1)

    def update(self, picture: Picture, captured_ns: int) -> tuple[Face, ...]:
        """Return the faces of this picture, those known longest first.

        Raises:
            EngineError: the network could not be run.
        """
        sights = self._look_again(picture, captured_ns)
        first_look, found = self._first_look, self._look_where_found(picture, sights)
        at_once = first_look and not self._first_look
        self._deal_out(sights, found, captured_ns, at_once=at_once)
        remembered = (track for track in self._tracks if not track.forgotten(captured_ns))
        self._tracks = sorted(remembered, key=lambda track: track.lost)[: 2 * self._most]
        followed = [track.seen.points for track in self._tracks if not track.lost]
        if len(followed) < self._most:
            self._finder.offer(picture, followed)
        faces = (track.face(captured_ns) for track in sorted(self._tracks, key=lambda track: track.identity))
        return tuple(face for face in faces if face is not None)

    def reset(self) -> None:
        """Forget all faces: another camera follows."""
        self._tracks.clear()
        self._first_look = True
        self._finder.forget()

    def close(self) -> None:
        """End the finder's thread and close the network."""
        self._finder.close()
        self._network.close()

    def _look_again(self, picture: Picture, captured_ns: int) -> list[tuple[Sight, Track]]:
        """Look where each face is expected; return what is there, each face once, and whose place that was."""
        sights: list[tuple[Sight, Track, float]] = []
        for track in sorted(self._tracks, key=lambda track: (track.lost, not track.confirmed)):
            if len(sights) == self._most:
                break
            wanted = _KEEP if not track.lost else _TAKE_UP
            seen = self._looked(picture, track.seen.points, wanted, track.gliding(captured_ns), more=_MORE_LOOKS)
            unlikeness = math.inf if seen is None else track.unlikeness(seen, captured_ns)
            if seen is None or (track.lost and math.isinf(unlikeness)):
                continue
            # Of two sights of one face, that of the face itself is better centred than that of who is behind it.
            same = next((at for at, (other, *_) in enumerate(sights) if other.covers(seen)), None)
            if same is None:
                sights.append((seen, track, unlikeness))
            elif unlikeness < sights[same][2]:
                sights[same] = (seen, track, unlikeness)
        return [(seen, track) for seen, track, _ in sights]

    def _look_where_found(self, picture: Picture, known: list[tuple[Sight, Track]]) -> list[Sight]:
        """Look where the finder has found something, if it has; return the faces there that are not `known`."""
        wait_s = 0.0
        if self._first_look and self._finder.offer(picture, ()):
            self._first_look, wait_s = False, _FIRST_LOOK_S
        seen = [other for other, _ in known]
        fresh: list[Sight] = []
        for guess in self._finder.found(wait_s):
            if len(known) + len(fresh) >= self._most:
                break
            expected = sight(guess, 0.0, np.empty(0, np.float32))
            if any(other.covers(expected) for other in seen):
                continue
            settled = self._settled(picture, guess)
            if settled is not None and not any(other.covers(settled) for other in seen):
                seen.append(settled)
                fresh.append(settled)
        return fresh

    def _deal_out(
        self, sights: list[tuple[Sight, Track]], found: list[Sight], captured_ns: int, *, at_once: bool
    ) -> None:
        """Give each sight to the face that it is of; what was found and is nobody's becomes a new one."""
        places = [*((seen, track) for seen, track in sights), *((seen, None) for seen in found)]
        owners = assigned(self._tracks, [seen for seen, _ in places], captured_ns)
        for track, at in zip(self._tracks, owners, strict=True):
            if at is None:
                track.miss(captured_ns)
                continue
            seen, place = places[at]
            others = [other for other, _ in places if other is not seen]
            crowded = any(math.dist(seen.middle, other.middle) < _CROWD * other.size for other in others)
            track.follow(seen, captured_ns, crowded=crowded, moved=place is not track)
        for at in range(len(sights), len(places)):
            if at not in owners and sum(not track.lost for track in self._tracks) < self._most:
                number, smoother = next(self._identities), self._make_smoother()
                self._tracks.append(Track(number, places[at][0], captured_ns, at_once=at_once, smoother=smoother))

    def _looked(
        self, picture: Picture, guess: F32, wanted: float, moved: tuple[float, float] = (0.0, 0.0), more: int = 0
    ) -> Sight | None:
        """Return the face near `guess` moved by `moved`, if the network is at least as sure as `wanted` that it is one.

        It leads to a face that has jumped by half its height, long before it is sure of it: so it is asked up to `more`
        times where its own answer lies.
        """
        located = self._network.locate(picture, guess, moved)
        while located is not None and located[1] < wanted and more:
            located, wanted, more = self._network.locate(picture, located[0]), _TAKE_UP, more - 1
        if located is None or located[1] < wanted:
            return None
        return sight(*located, self._network.look())

    def _settled(self, picture: Picture, guess: F32) -> Sight | None:
        """Return where looking again and again around `guess` ends, if that is a face.

        The second look is centred, as the box was not, and the third must agree with it: on a face it does to a
        thousandth of its height, on a suit or a curtain that was taken for one it wanders on by some hundredths.
        """
        before, seen = guess, None
        for _ in range(3):
            before = guess if seen is None else seen.points
            if (seen := self._looked(picture, before, _TAKE_UP)) is None:
                return None
        if seen is None or np.abs(seen.points - before)[:, :2].mean() >= _AGREEMENT * np.ptp(seen.points[:, 1]):
            return None
        return seen


def assigned(tracks: Sequence[Track], sights: Sequence[Sight], captured_ns: int) -> list[int | None]:
    """Return which of `sights` each of `tracks` has: each at most one, and all together as like as can be.

    Place, size and look count together (`Track.unlikeness`). The likest pair is dealt first, then any two faces change
    theirs where both together are better off.
    """
    costs = [[*(track.unlikeness(seen, captured_ns) for seen in sights), _UNMATCHED] for track in tracks]
    owners = [len(sights)] * len(tracks)
    pairs = ((cost, at, seen) for at, row in enumerate(costs) for seen, cost in enumerate(row[:-1]))
    for cost, at, seen in sorted(pairs):
        if math.isfinite(cost) and owners[at] == len(sights) and seen not in owners:
            owners[at] = seen
    better = True
    while better:
        better = False
        for one, two in itertools.combinations(range(len(tracks)), 2):
            mine, yours = owners[one], owners[two]
            if costs[one][yours] + costs[two][mine] < costs[one][mine] + costs[two][yours] - 1e-9:
                owners[one], owners[two], better = yours, mine, True
    return [None if seen == len(sights) else seen for seen in owners]
