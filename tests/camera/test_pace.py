"""The clock of files and of the demo."""

import time

import pytest

from lensd.camera.pace import Pace
from lensd.errors import SourceTimeout


def test_ticks_come_one_after_the_other_at_the_rate():
    pace = Pace(50)
    ticks = [pace.wait("x", 1) for _ in range(6)]
    numbers = [number for number, _ in ticks]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    for number, at_ns in ticks:
        assert at_ns == ticks[0][1] + round(number * 1e9 / 50)
    assert time.monotonic_ns() >= ticks[-1][1]


def test_what_is_late_is_left_out():
    pace = Pace(100)
    pace.wait("x", 1)
    time.sleep(0.1)
    number, at_ns = pace.wait("x", 1)
    assert number >= 9
    assert time.monotonic_ns() - at_ns < 2e9
    assert pace.wait("x", 1)[0] > number


def test_a_tick_too_far_off_is_a_timeout_and_comes_later():
    pace = Pace(4)
    pace.wait("clock", 1)
    with pytest.raises(SourceTimeout, match="clock"):
        pace.wait("clock", 0.01)
    assert pace.wait("clock", 1)[0] == 1
