"""What the filter promises: nothing from nothing, still at rest, with the face in motion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.face.smoothing import FaceSmoother, OneEuro, Tuning
from lensd.lens.align import face_to_picture, template_points

FRAME_NS = 33_333_333


def face(x=640.0, y=360.0, size=200.0, angle=0.0):
    linear = size * np.array([[np.cos(angle), np.sin(angle), 0], [-np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    return (template_points() @ linear + [x, y, 0]).astype(np.float32)


@given(
    x=st.floats(0, 1920), y=st.floats(0, 1080), size=st.floats(30, 900), angle=st.floats(-3.1, 3.1), n=st.integers(1, 9)
)
def test_a_face_at_rest_stays_as_it_is(x, y, size, angle, n):
    smoother, points = FaceSmoother(), face(x, y, size, angle)
    for frame in range(n):
        assert np.abs(smoother(points, 10**9 + frame * FRAME_NS) - points).max() < 2e-5 * (size + x + y + 100)


@pytest.mark.parametrize("size", [80.0, 400.0])
def test_the_noise_of_a_face_at_rest_is_less_than_half(size):
    smoother, noise = FaceSmoother(), np.random.default_rng(7)
    raw, smooth = [], []
    for frame in range(120):
        shift = noise.normal(0, 0.004 * size, 2)  # the whole face: what a lens would tremble with
        points = face(640 + shift[0], 360 + shift[1], size)
        raw.append(points)
        smooth.append(smoother(points, frame * FRAME_NS))
    trembling = [
        np.abs(np.diff([points[168, :2] for points in series[20:]], axis=0)).mean() for series in (raw, smooth)
    ]
    assert trembling[1] < trembling[0] / 2


def test_a_moving_face_is_followed_within_a_frame():
    smoother = FaceSmoother()
    for frame in range(45):  # two face sizes a second: a quick turn to the neighbour
        x = 300 + max(0, frame - 15) * 2 * 200 / 30
        smooth = smoother(face(x=x), frame * FRAME_NS)
    lag_px = face(x=x)[:, 0].mean() - smooth[:, 0].mean()
    assert 0 <= lag_px < 2 * 200 / 30


def test_a_head_that_turns_over_does_not_spin_back():
    smoother = FaceSmoother()
    for frame, angle in enumerate(np.linspace(2.8, 3.5, 22)):
        smooth = smoother(face(angle=angle), frame * FRAME_NS)
        to_picture = face_to_picture(smooth)
        seen = np.arctan2(to_picture[1, 0], to_picture[0, 0])
        assert abs(np.angle(np.exp(1j * (seen - angle)))) < 0.15


def test_after_a_gap_the_new_place_is_taken_at_once():
    smoother = FaceSmoother()
    smoother(face(x=200), 0)
    assert np.abs(smoother(face(x=900), 800_000_000) - face(x=900)).max() < 0.01


def test_two_frames_with_one_timestamp_do_no_harm():
    smoother = FaceSmoother()
    smoother(face(), 5)
    assert np.isfinite(smoother(face(x=650), 5)).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30))
def test_a_filtered_value_never_leaves_the_range_of_what_came_in(values):
    smooth = OneEuro(Tuning(cutoff_hz=1.0, beta=0.1))
    for value in values:
        out = smooth(np.array([value]), 1 / 30)
        assert min(values) - 1e-9 <= out[0] <= max(values) + 1e-9
