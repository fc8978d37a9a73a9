"""Points drawn for looking."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lensd.composite.points import draw_points
from lensd.frames import Picture


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4, width=32) | st.just(float("nan"))] * 3), min_size=1, max_size=20))
def test_points_inside_are_seen_and_those_outside_do_no_harm(places):
    picture, points = Picture(64, 48), np.array(places, np.float32)
    draw_points(picture, points)
    seen = picture.y != 16
    inside = [(int(x), int(y)) for x, y, _ in places if 0 <= x < 64 and 0 <= y < 48]
    assert all(seen[y, x] for x, y in inside)
    assert seen.sum() == 4 * len({(x // 2, y // 2) for x, y in inside})
