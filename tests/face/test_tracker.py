"""Finding and following, with the real cascade, real ONNX Runtime and a network made here."""

import time

import numpy as np
import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import EngineError
from lensd.face.finder import FaceFinder, FaceSearch, landmarks_in_box
from lensd.face.landmarks import LandmarkNetwork
from lensd.face.lookout import TURNS_DEG, paint_over, small_plane
from lensd.face.tracker import MeshTracker
from lensd.frames import Picture, TensorSpec
from lensd.lens.align import face_to_picture
from tests.face.synthetic_faces import crowd, portrait, spot, spot_network, template_at

FRAME_NS = 33_333_333


def searched(finder, picture, seconds=10):
    finder.offer(picture)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := finder.found():
            return found[0]
        time.sleep(0.01)
    return None


@pytest.fixture
def finder():
    finder = FaceFinder()
    yield finder
    finder.close()


@pytest.fixture
def spot_landmarks():
    network = LandmarkNetwork(OnnxRuntimeEngine(spot_network()))
    yield network
    network.close()


@pytest.fixture
def tracker():
    tracker = MeshTracker(LandmarkNetwork(OnnxRuntimeEngine(spot_network())))
    yield tracker
    tracker.close()


@pytest.mark.parametrize(("x", "y", "scale"), [(640, 360, 1.4), (200, 300, 1.0), (1000, 400, 2.5)])
def test_the_finder_lays_the_template_on_the_astronaut(finder, x, y, scale):
    found = searched(finder, portrait(x=x, y=y, scale=scale))
    assert found is not None
    to_picture = face_to_picture(found)
    assert np.abs(to_picture[:, 2] - [x, y]).max() < 20 * scale
    assert 80 * scale < to_picture[0, 0] < 160 * scale


@pytest.mark.parametrize("turn_deg", [28, -33, 48, -42])
def test_the_finder_finds_a_head_that_leans_on_the_plane_turned(turn_deg):
    search, (plane, block) = FaceSearch(), small_plane(portrait(angle=np.radians(turn_deg), scale=2.0, y=300))
    found = [mesh for turn in TURNS_DEG for mesh in search.turned(plane, block, turn)]
    poses = [face_to_picture(mesh) for mesh in found]
    near = [pose for pose in poses if np.abs(pose[:, 2] - [640, 300]).max() < 40 and 160 < np.hypot(*pose[:, 0]) < 320]
    assert near
    tilts = [np.degrees(np.arctan2(pose[1, 0], pose[0, 0])) for pose in near]
    assert np.abs(np.array(tilts) - turn_deg).min() < 16


def test_a_face_in_the_dark_is_found():
    picture, noise = crowd((600, 340, 1.6, 0)), np.random.default_rng(5)
    picture.y[:] = np.clip(16 + (picture.y - 16.0) * 0.2 + noise.normal(0, 4, picture.y.shape), 16, 235)
    (found,) = FaceSearch()(*small_plane(picture))
    assert np.abs(face_to_picture(found)[:, 2] - [300, 177]).max() < 12


def test_a_face_that_is_painted_over_is_not_found_again():
    search, picture = FaceSearch(), portrait(scale=2.0)
    plane, block = small_plane(picture)
    found = search(plane, block)
    assert len(found) == 1
    paint_over(plane, block, found)
    assert search(plane, block) == []


def test_the_finder_finds_nothing_in_an_empty_room(finder):
    assert searched(finder, Picture(1280, 720), seconds=0.4) is None


def test_the_finder_rests_while_nothing_is_new(finder):
    assert searched(finder, portrait()) is not None
    for _ in range(30):  # what came in with the face is looked at some more
        finder.offer(portrait(), [template_at(640, 360, 154)])
        finder.found(0.02)
    finder.offer(portrait(), [template_at(640, 360, 154)])
    assert finder.found(0.2) == []
    time.sleep(1)
    assert searched(finder, portrait()) is not None


def test_the_template_on_a_box_is_as_large_as_the_box():
    to_picture = face_to_picture(landmarks_in_box(100, 50, 80, 80))
    assert to_picture[:, 2] == pytest.approx([140.56, 97.4], abs=0.1)
    assert to_picture[0, 0] == pytest.approx(80, abs=0.1)


@pytest.mark.parametrize("size", [60.0, 240.0])
def test_the_network_finds_the_points_near_a_loose_guess(spot_landmarks, size):
    located = spot_landmarks.locate(spot(320, 240, size / 2), template_at(320 + size / 6, 240 - size / 8, size * 1.1))
    assert located is not None
    points, score = located
    assert score > 0.9
    assert np.abs(points - template_at(320, 240, size)).max() < 0.06 * size


@pytest.mark.parametrize("guess", [(700, 240, 100), (320, 240, 5), (320, 240, 5000), (np.nan, 240, 100)])
def test_a_guess_that_is_no_face_is_not_looked_at(spot_landmarks, guess):
    with np.errstate(invalid="ignore"):
        assert spot_landmarks.locate(spot(320, 240, 50), template_at(*guess)) is None


def test_a_network_of_another_shape_is_refused():
    class Wrong(OnnxRuntimeEngine):
        @property
        def output(self):
            return TensorSpec("out", (1, 68, 2), np.dtype("float32"))

    with pytest.raises(EngineError, match="479"):
        LandmarkNetwork(Wrong(spot_network()))


def followed(tracker, picture, ns):
    """Let the tracker look until it shows the face: its finder has a thread of its own."""
    for at in range(400):
        faces = tracker.update(picture, ns + at * 10_000_000)
        if shown := [face for face in faces if face.opacity == 1]:
            return shown[0]
        time.sleep(0.01)
    raise AssertionError("no face within 4 s")


def test_a_face_is_found_followed_lost_and_found_again(tracker):
    first = followed(tracker, portrait(scale=1.4), 0)
    for frame in range(1, 20):
        (face,) = tracker.update(portrait(scale=1.4, x=640 + 6 * frame), frame * FRAME_NS)
        assert face.track_id == first.track_id
    assert face.landmarks_px[:, 0].mean() - first.landmarks_px[:, 0].mean() > 6 * 19 / 2
    assert tracker.update(Picture(1280, 720), 30 * FRAME_NS) == ()
    assert followed(tracker, portrait(scale=1.0, x=200), 60 * FRAME_NS).track_id != first.track_id


def test_a_face_behind_a_hand_for_a_moment_is_the_same_face(tracker):
    first = followed(tracker, portrait(), 0)
    start_ns = 10**10
    assert tracker.update(portrait(), start_ns)[0].opacity == 1
    opacities = []
    for frame in range(1, 12):
        faces = tracker.update(Picture(1280, 720), start_ns + frame * FRAME_NS)
        assert all(face.track_id == first.track_id for face in faces)
        opacities.append(faces[0].opacity if faces else 0.0)
    assert opacities[:2] == [1, 1]  # for a moment it is where it was
    assert opacities == sorted(opacities, reverse=True)
    assert opacities[8:] == [0, 0, 0]
    (face,) = tracker.update(portrait(), start_ns + 12 * FRAME_NS)
    assert face.track_id == first.track_id
    assert 0 < face.opacity < 0.5


def test_the_very_first_picture_has_its_face(tracker):
    assert len(tracker.update(portrait(), 0)) == 1


def test_after_reset_the_old_place_is_forgotten(tracker):
    first = followed(tracker, portrait(), 0)
    time.sleep(1)  # the finder's pause
    tracker.reset()
    (face,) = tracker.update(portrait(x=300), FRAME_NS)
    assert face.track_id != first.track_id
    assert abs(face.landmarks_px[:, 0].mean() - 300) < 30


def test_the_picture_is_not_modified(tracker):
    picture = portrait()
    kept = picture.data.copy()
    followed(tracker, picture, 0)
    assert np.array_equal(picture.data, kept)
