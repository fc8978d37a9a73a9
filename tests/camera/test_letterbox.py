"""Fitting one size into another."""

from hypothesis import given
from hypothesis import strategies as st

from lensd.camera.letterbox import Box, letterbox

sides = st.integers(1, 4000)
even_sides = st.integers(1, 2000).map(lambda n: 2 * n)


def test_usual_sizes_are_fitted_as_expected():
    assert letterbox(1280, 720, 1280, 720) == Box(0, 0, 1280, 720)
    assert letterbox(1920, 1080, 1280, 720) == Box(0, 0, 1280, 720)
    assert letterbox(640, 480, 1280, 720) == Box(160, 0, 960, 720)
    assert letterbox(720, 1280, 1280, 720) == Box(438, 0, 404, 720)
    assert letterbox(1280, 640, 1280, 720) == Box(0, 40, 1280, 640)


@given(width=sides, height=sides, into_width=even_sides, into_height=even_sides)
def test_a_box_is_even_inside_and_keeps_the_aspect(width, height, into_width, into_height):
    box = letterbox(width, height, into_width, into_height)
    assert all(edge % 2 == 0 and edge >= 0 for edge in box)
    assert box.width >= 2
    assert box.height >= 2
    assert box.left + box.width <= into_width
    assert box.top + box.height <= into_height
    assert box.width == into_width or box.height == into_height
    scale = min(into_width / width, into_height / height)
    assert abs(box.width - max(2, width * scale)) <= 1.001
    assert abs(box.height - max(2, height * scale)) <= 1.001
    # In the middle, to within a pixel of the chroma.
    assert abs(2 * box.left + box.width - into_width) <= 2
    assert abs(2 * box.top + box.height - into_height) <= 2
