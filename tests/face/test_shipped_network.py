"""The landmark network that is shipped, on NASA's portrait, against points read off the picture by eye."""

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.face.landmarks import LandmarkNetwork, read_landmarks_network
from lensd.face.patient import SearchAtOnce
from lensd.face.tracker import MeshTracker
from lensd.frames import Picture

# Pupils and chin, in the portrait's own pixels; her face is 110 high.
BY_EYE = {468: (202.5, 100.1), 473: (246.5, 102.7), 152: (222.5, 177.5)}
FRAME_NS = 33_333_333


@pytest.fixture
def tracker():
    engine = OnnxRuntimeEngine(read_landmarks_network())
    tracker = MeshTracker(LandmarkNetwork(engine), SearchAtOnce())
    yield tracker
    tracker.close()


def seen(x, y, scale, angle=0.0):
    """Return the portrait, whole, with her face's middle on (x, y), and the affine that put it there."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    to_picture = np.column_stack([linear, [x, y] - linear @ [224, 122]])
    rgb = cv2.warpAffine(astronaut(), to_picture, (1280, 720), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    return Picture(1280, 720, cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420).reshape(-1).copy()), to_picture


def worst_error(face, to_picture, scale):
    """Return how far the points are from where the eye sees them, in the portrait's pixels."""
    errors = [np.hypot(*(face.landmarks_px[at, :2] - to_picture @ [*place, 1])) for at, place in BY_EYE.items()]
    return max(errors) / scale


@pytest.mark.parametrize(("x", "y", "scale"), [(640, 360, 1.4), (300, 250, 0.8), (800, 330, 3.5)])
def test_the_first_picture_has_its_points_in_place(tracker, x, y, scale):
    picture, to_picture = seen(x, y, scale)
    (face,) = tracker.update(picture, 0)
    assert face.score > 0.8
    assert worst_error(face, to_picture, scale) < 6


def test_its_weights_are_at_most_2_mb():
    assert len(read_landmarks_network()) <= 2_000_000


def test_a_head_that_leans_comes_near_and_wanders_is_followed(tracker):
    errors = []
    for frame in range(40):
        phase = frame / 40 * 2 * np.pi
        scale = 1.6 + 0.5 * np.sin(phase)
        picture, to_picture = seen(640 + 200 * np.sin(phase), 360 + 40 * np.cos(phase), scale, 0.35 * np.sin(phase))
        faces = tracker.update(picture, frame * FRAME_NS)
        assert len(faces) == 1
        assert faces[0].track_id == 1
        errors.append(worst_error(faces[0], to_picture, scale))
    assert np.median(errors) < 5
    assert max(errors) < 10


def test_where_there_is_no_face_there_is_none(tracker):
    noise = np.random.default_rng(3).integers(16, 236, (72, 128), np.uint8)
    picture = Picture(1280, 720)
    picture.y[:] = cv2.resize(noise, (1280, 720), interpolation=cv2.INTER_CUBIC)
    for frame in range(3):
        assert tracker.update(picture, frame * FRAME_NS) == ()


def test_a_face_that_leaves_is_let_go(tracker):
    picture, _ = seen(640, 360, 1.4)
    assert tracker.update(picture, 0)
    room = Picture(1280, 720)
    room.y[:] = np.linspace(60, 160, 1280).astype(np.uint8)
    assert not any(tracker.update(room, frame * FRAME_NS) for frame in range(8, 13))
