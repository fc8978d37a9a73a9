"""The clock of files and of the demo."""

import time

import pytest

from lensd.camera.pace import Pace
from lensd.errors import SourceTimeout


def wait(pace, timeout_s=1.0):
    tick, at_ns = pace.next()
    pace.wait(tick, at_ns, "clock", timeout_s)
    return tick, at_ns


def test_ticks_come_one_after_the_other_at_the_rate():
    pace = Pace(50)
    ticks = [wait(pace) for _ in range(6)]
    numbers = [number for number, _ in ticks]
    assert numbers == sorted(set(numbers))
    assert numbers[0] == 0
    for number, at_ns in ticks:
        assert at_ns == ticks[0][1] + round(number * 1e9 / 50)
    assert time.monotonic_ns() >= ticks[-1][1]


def test_what_is_late_is_left_out():
    pace = Pace(100)
    wait(pace)
    time.sleep(0.1)
    number, at_ns = wait(pace)
    assert number >= 9
    assert time.monotonic_ns() - at_ns < 2e9
    assert wait(pace)[0] > number


def test_a_tick_too_far_off_is_a_timeout_and_comes_later():
    pace = Pace(4)
    wait(pace)
    with pytest.raises(SourceTimeout, match="clock"):
        wait(pace, 0.01)
    assert wait(pace)[0] == 1
