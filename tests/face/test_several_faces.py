"""Several faces at once, with the shipped network: the astronaut three and four times, moving, crossing and leaving."""

import numpy as np
import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.patient import PatientTracker, SearchAtOnce, track_still
from lensd.face.tracker import MeshTracker
from lensd.frames import MOST_FACES, Picture
from tests.face.synthetic_faces import crowd

FRAME_NS = 33_333_333


class Watched:
    """A tracker and its clock."""

    def __init__(self, tracker):
        self.tracker, self.now_ns = tracker, 0

    def see(self, *heads):
        """Show the next frame; return each face's place by its number."""
        self.now_ns += FRAME_NS
        self.faces = self.tracker.update(crowd(*heads), self.now_ns)
        return {face.track_id: face.landmarks_px[:, :2].mean(0) * 2 for face in self.faces}


@pytest.fixture
def watched():
    tracker = MeshTracker(LandmarkNetwork(OnnxRuntimeEngine(read_landmarks_network())), SearchAtOnce())
    yield Watched(tracker)
    tracker.close()


def nearest(places, x, y):
    """Return the number of the face at (x, y), at most 30 pixels off."""
    number = min(places, key=lambda key: np.hypot(*(places[key] - [x, y])))
    assert np.hypot(*(places[number] - [x, y])) < 30
    return number


def test_each_of_three_faces_keeps_its_number_while_they_move(watched):
    numbers = None
    for frame in range(30):
        heads = [(250 + 4 * frame, 300, 1.0, 0), (640, 360 - 3 * frame, 1.6, 1), (1050 - 5 * frame, 400, 0.7, 2)]
        places = watched.see(*heads)
        assert len(places) == 3
        now = [nearest(places, x, y + 10) for x, y, *_ in heads]
        assert numbers in (None, now)
        numbers = now
    assert len(set(numbers)) == 3


@pytest.mark.parametrize("front", [0, 1])
def test_two_who_cross_keep_their_numbers(watched, front):
    before = None
    for frame in range(60):
        one, two = (340 + 10 * frame, 350, 1.3, 0), (940 - 10 * frame, 370, 1.2, 3)
        places = watched.see(*((two, one) if front else (one, two)))
        if frame == 0:
            before = [nearest(places, x, y + 12) for x, y, *_ in (one, two)]
    after = [nearest(places, x, y + 12) for x, y, *_ in (one, two)]
    assert after == before


def test_one_who_stops_behind_another_and_comes_out_where_they_came_from_is_known_again(watched):
    ways = [*np.linspace(420, 700, 25), *[700] * 12, *np.linspace(700, 420, 25)]
    for frame, x in enumerate(ways):
        places = watched.see((x, 350, 1.1, 2), (700, 360, 1.5, 0))
        if frame == 0:
            before = [nearest(places, 420, 362), nearest(places, 700, 375)]
    for _ in range(6):
        places = watched.see((420, 350, 1.1, 2), (700, 360, 1.5, 0))
    assert [nearest(places, 420, 362), nearest(places, 700, 375)] == before


def test_who_leaves_is_let_go_and_the_others_stay(watched):
    heads = [(300, 350, 1.2, 0), (700, 350, 1.2, 1), (1050, 350, 1.0, 2)]
    kept = {nearest(watched.see(*heads), x, 362) for x, *_ in heads[::2]}
    for _ in range(10):
        places = watched.see(*heads[::2])
    assert set(places) == kept


def test_a_newcomer_is_confirmed_and_then_fades_in_over_150_ms(watched):
    watched.see((300, 350, 1.2, 0))
    shown = []
    for _ in range(25):
        watched.see((300, 350, 1.2, 0), (900, 350, 1.2, 1))
        assert watched.faces[0].opacity == 1
        shown.append(watched.faces[1].opacity if len(watched.faces) > 1 else 0.0)
    begun = next(at for at, opacity in enumerate(shown) if opacity > 0)
    assert begun * FRAME_NS <= 300_000_000, "found too late"
    assert begun >= 2, "shown before it was confirmed"
    assert shown[begun : begun + 5] == pytest.approx([2 / 9, 4 / 9, 6 / 9, 8 / 9, 1], abs=1e-6)
    assert all(opacity == 1 for opacity in shown[begun + 4 :])


def test_who_comes_back_at_once_is_not_seen_to_fade(watched):
    head = (600, 350, 1.2, 0)
    watched.see(head)
    for heads in [(head,)] * 3 + [()] * 2 + [(head,)] * 3:
        watched.see(*heads)
        assert [face.opacity for face in watched.faces] == [1.0]


def test_a_face_that_jumps_by_half_its_height_is_followed_there(watched):
    watched.see((500, 350, 1.4, 0))
    for x, y in ((575, 330), (500, 350), (500, 280), (570, 340)):
        places = watched.see((x, y, 1.4, 0))
        assert list(places) == [1]
        assert watched.faces[0].opacity == 1
        for _ in range(4):
            places = watched.see((x, y, 1.4, 0))
        nearest(places, x, y + 14)


def test_of_five_faces_four_are_followed(watched):
    heads = [(160 + 240 * at, 330, 0.9, at % 4) for at in range(5)]
    for _ in range(12):
        places = watched.see(*heads)
    assert len(places) == MOST_FACES == 4


class Doubling(SearchAtOnce):
    """A finder that names each face twice, the second time a little beside it."""

    def found(self, wait_s=0.0):
        found = super().found(wait_s)
        beside = [mesh + np.array([0.3 * np.ptp(mesh[:, 0]), 0, 0], np.float32) for mesh in found]
        return found + beside


def test_a_face_that_is_named_twice_is_one_face():
    tracker = MeshTracker(LandmarkNetwork(OnnxRuntimeEngine(read_landmarks_network())), Doubling())
    watched = Watched(tracker)
    for frame in range(12):
        assert len(watched.see((300, 350, 1.2, 0), (700 - 4 * frame, 350, 1.2, 1))) == 2
    tracker.close()


def test_a_group_photograph_has_all_its_faces():
    tracker = PatientTracker(LandmarkNetwork(OnnxRuntimeEngine(read_landmarks_network())), still=True)
    heads = [(120 + 170 * (at % 7), 150 + 330 * (at // 7), 0.6 + 0.05 * at, at % 4) for at in range(14)]
    faces = track_still(tracker, crowd(*heads))
    assert len(faces) == 14
    places = {face.track_id: face.landmarks_px[:, :2].mean(0) * 2 for face in faces}
    assert len({nearest(places, x, y + 10) for x, y, *_ in heads}) == 14
    assert track_still(tracker, Picture(320, 240)) == ()
    tracker.close()
