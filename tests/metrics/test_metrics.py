"""Timing rings and the rate."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.metrics import Metrics, Ring


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=600))
def test_a_ring_tells_the_percentiles_of_the_newest_256(durations):
    ring = Ring()
    for duration in durations:
        ring.add(duration)
    p50, p95, p99 = np.percentile(durations[-256:], (50, 95, 99)) / 1e6
    assert ring.percentiles_ms() == pytest.approx({"p50": p50, "p95": p95, "p99": p99}, abs=0.006)
    assert len(ring) == len(durations)


def test_an_empty_ring_tells_nothing():
    assert Ring().percentiles_ms() == {}


def test_a_lap_charges_its_stage_and_goes_on():
    metrics = Metrics(["decode", "blend"])
    mark = metrics.begin()
    time.sleep(0.02)
    mark = metrics.lap("decode", mark)
    metrics.lap("blend", mark)
    stages = metrics.as_dict()["stages_ms"]
    assert stages["decode"]["p50"] >= 20
    assert stages["blend"]["p50"] < 20
    with pytest.raises(KeyError):
        metrics.lap("unknown", mark)


def test_the_rate_falls_when_pictures_stop_coming():
    metrics = Metrics([])
    for _ in range(20):
        metrics.published(time.monotonic_ns() - 5_000_000)
        time.sleep(0.005)
    now = time.monotonic_ns()
    steady = metrics.fps(now)
    assert 50 < steady <= 200
    assert metrics.fps(now + 1_000_000_000) < steady / 3
    assert metrics.fps(now + 3_000_000_000) == 0
    assert metrics.latency.percentiles_ms()["p50"] >= 5
    assert metrics.count == 20
