"""Mouths that are opened: as far as is asked, with a dark mouth between, and nothing else moved."""

import numpy as np
import pytest

from lensd.lens.align import template_points
from lensd.lens.overlay import mouth_opening
from trainer.jaw import open_mouth

POINTS = (template_points() * 160 + [200, 190, 0]).astype(np.float32)
LIPS = (13, 14)


def striped():
    """Stripes along the face, so that what moved can be told by its rows."""
    rows = np.arange(400, dtype=np.uint8)[:, None, None] % 128 + 100
    return np.broadcast_to(rows, (400, 400, 3)).copy()


@pytest.mark.parametrize("by", [0.08, 0.2])
def test_the_lips_part_by_what_is_asked_and_show_a_dark_mouth(by):
    photo = striped()
    shown, points = open_mouth(photo, POINTS, by)
    upper, lower = points[list(LIPS), 1]
    assert lower - upper == pytest.approx(by * 160 + np.diff(POINTS[list(LIPS), 1])[0], abs=0.1 * by * 160 + 1)
    assert mouth_opening(points) > mouth_opening(POINTS)
    middle = shown[round(float(upper + lower) / 2), 200]
    assert middle.mean() < 60 < photo[round(float(upper + lower) / 2), 200].mean()


def test_nothing_above_the_lips_and_beside_the_mouth_moves():
    photo = striped()
    shown, points = open_mouth(photo, POINTS, 0.2)
    lip = int(POINTS[LIPS[0], 1])
    np.testing.assert_array_equal(shown[: lip - 2], photo[: lip - 2])
    np.testing.assert_array_equal(shown[:, :150], photo[:, :150])
    above = POINTS[:, 1] < lip - 1
    np.testing.assert_array_equal(points[above], POINTS[above])
    assert np.shares_memory(points, POINTS) is False


def test_what_the_chin_shows_comes_from_as_much_higher_up():
    photo = striped()
    shown, points = open_mouth(photo, POINTS, 0.15)
    chin = 17  # below the lower lip
    x, y = np.rint(points[chin, :2]).astype(int)
    old = np.rint(POINTS[chin, 1]).astype(int)
    assert y > old + 8
    assert abs(int(shown[y, x, 0]) - int(photo[old, x, 0])) <= 3
