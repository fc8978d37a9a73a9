"""A machine that slept is noticed by its two clocks."""

import time

from lensd.pipeline.sleep import SleepWatch


def test_a_sleep_is_told_once_and_a_clock_that_is_set_is_none(monkeypatch):
    watch, real = SleepWatch(), time.clock_gettime
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert watch.slept_s() == 0
    monkeypatch.setattr(time, "clock_gettime", lambda clock: real(clock) + 3600 * (clock == time.CLOCK_BOOTTIME))
    assert 3599 < watch.slept_s() < 3601
    assert watch.slept_s() == 0
