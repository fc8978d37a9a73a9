"""An engine that begins to compute something else while a lens is on air: told, and nothing more is drawn with it."""

from __future__ import annotations

import numpy as np
import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import EngineError
from lensd.lens.golden import GoldenProof
from lensd.lens.package import open_package
from lensd.lens.proved_engine import ProvedBatchEngine, proved_again
from tests.lens.packages import SIZE


class Ailing(OnnxRuntimeEngine):
    """A real engine that paints `instead`, where set, as a GPU does that has lost its mind."""

    def __init__(self, network):
        super().__init__(network)
        self.instead, self.runs = None, 0

    def infer(self, x, out):
        super().infer(x, out)
        self.runs += 1
        if self.instead is not None:
            out[:] = self.instead


class AilingBatch(Ailing):
    faces = 4

    def infer_many(self, x, out):
        for row in range(len(x)):
            self.infer(x[row : row + 1], out[row : row + 1])


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def draws(engine, clock, seconds, fps=30):
    x, out = np.zeros((1, SIZE, SIZE, 3), np.uint8), np.zeros((1, SIZE, SIZE, 4), np.uint8)
    for _ in range(round(seconds * fps)):
        clock.now_s += 1 / fps
        engine.infer(x, out)


@pytest.fixture
def proved(generator, clock):
    package = open_package(generator)
    inner = Ailing(package.network)
    engine = proved_again(inner, GoldenProof(package))
    engine._clock, engine._due_s = clock, clock() + 10
    yield inner, engine
    engine.close()


def test_a_healthy_engine_costs_one_more_run_in_ten_seconds(proved, clock):
    inner, engine = proved
    draws(engine, clock, 31)
    assert inner.runs == 31 * 30 + 3
    assert (engine.runtime, engine.input, engine.output) == (inner.runtime, inner.input, inner.output)


@pytest.mark.parametrize("value", [0, 255])
def test_what_a_matte_of_nan_becomes_is_told_within_half_a_second(proved, clock, value):
    inner, engine = proved
    draws(engine, clock, 3)
    inner.instead = value
    with pytest.raises(EngineError, match=r"lens tiny in onnxruntime: (draws nothing|gives another picture)"):
        draws(engine, clock, 0.6)


def test_noise_is_told_within_ten_seconds(proved, clock):
    inner, engine = proved
    inner.instead = np.random.default_rng(1).integers(0, 255, (1, SIZE, SIZE, 4), np.uint8)
    with pytest.raises(EngineError, match="gives another picture"):
        draws(engine, clock, 11)


def test_a_lens_that_means_to_paint_nothing_is_not_proved_all_the_time(proved, clock):
    inner, engine = proved
    infer = inner.infer

    def only_the_pair(x, out):
        infer(x, out)
        if x is not engine._proof._x:
            out[..., 3] = 0

    inner.infer = only_the_pair
    draws(engine, clock, 31)
    assert inner.runs <= 31 * 30 + 4


def test_several_faces_at_once_are_looked_at_too(generator, clock):
    package = open_package(generator)
    inner = AilingBatch(package.network)
    engine = proved_again(inner, GoldenProof(package))
    assert isinstance(engine, ProvedBatchEngine)
    assert engine.faces == 4
    out = np.zeros((3, SIZE, SIZE, 4), np.uint8)
    engine.infer_many(np.zeros((3, SIZE, SIZE, 3), np.uint8), out)
    assert (out[0] == out[2]).all()
    assert out.any()
    engine._look_s, inner.instead = 0.0, 0
    with pytest.raises(EngineError):
        engine.infer_many(np.zeros((3, SIZE, SIZE, 3), np.uint8), out)
    engine.close()
