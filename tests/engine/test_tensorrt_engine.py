"""Where a plan comes from: the cache, else a build; the GPU is the fake one."""

import logging

import numpy as np
import pytest

from lensd.engine import tensorrt
from lensd.engine.cuda import Gpu
from lensd.engine.plan_cache import PlanCache
from lensd.engine.tensorrt import TensorRtEngine, plan_key
from lensd.errors import EngineError, RuntimeMissing
from tests.engine.fake_gpu import FakeCuda, FakeTensorRt

GPU = Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010)
NETWORK = b"any network"


@pytest.fixture
def cuda(tmp_path, monkeypatch):
    """A machine with a GPU, full TensorRT and an empty cache."""
    cuda = FakeCuda()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tensorrt, "gpu", lambda: GPU)
    monkeypatch.setattr(tensorrt, "load", lambda _runtime: FakeTensorRt(cuda))
    monkeypatch.setattr(tensorrt, "_cuda_bindings", lambda _runtime: cuda)
    return cuda


@pytest.fixture
def builds(monkeypatch):
    """Count the builds; each makes the plan that the fake knows."""
    made = []

    def built(engine, network, report):
        made.append(network)
        return b"plan"

    monkeypatch.setattr(TensorRtEngine, "_built", built)
    return made


def store(plan):
    PlanCache().store(plan_key(NETWORK, "tensorrt", FakeTensorRt.__version__, GPU), plan)


def test_a_plan_is_built_once_and_kept(cuda, builds):
    for _ in range(2):
        engine = TensorRtEngine(NETWORK)
        x, out = np.full((1, 4, 4, 3), 9, np.uint8), np.zeros((1, 4, 4, 3), np.uint8)
        engine.infer(x, out)
        engine.close()
        assert (out == 246).all()
    assert builds == [NETWORK]
    assert cuda.calls.count("cudaMalloc") == 2  # the second engine has the first one's memory
    tensorrt._shared_memory(cuda).clear()
    assert cuda.held == {}


def test_a_kept_plan_that_tensorrt_refuses_is_built_again(cuda, builds, caplog):
    store(b"of another world")
    engine = TensorRtEngine(NETWORK, name="toon")
    engine.close()
    assert builds == [NETWORK]
    assert "toon in tensorrt: the kept plan is of no use: Serialization assertion" in caplog.text
    assert PlanCache().load(plan_key(NETWORK, "tensorrt", "11.4.0", GPU)) == b"plan"


def test_who_may_not_build_is_told_the_command_that_does(cuda, builds):
    with pytest.raises(RuntimeMissing, match="no plan for this network yet") as caught:
        TensorRtEngine(NETWORK, name="lens toon", may_build=False)
    assert caught.value.hint == "lensd export toon --runtime tensorrt"
    assert builds == []


def test_who_may_not_build_still_runs_a_kept_plan(cuda, builds):
    store(b"plan")
    TensorRtEngine(NETWORK, may_build=False).close()
    assert builds == []


def test_who_may_not_build_is_told_why_a_kept_plan_does_not_run(cuda, builds):
    store(b"of another world")
    with pytest.raises(EngineError, match="Serialization assertion"):
        TensorRtEngine(NETWORK, may_build=False)
    assert builds == []


def test_a_new_plan_that_does_not_run_is_an_error_and_is_not_kept(cuda, monkeypatch):
    monkeypatch.setattr(TensorRtEngine, "_built", lambda *_: b"nonsense")
    with pytest.raises(EngineError, match="Serialization assertion"):
        TensorRtEngine(NETWORK)
    assert PlanCache().load(plan_key(NETWORK, "tensorrt", "11.4.0", GPU)) is None


def test_a_full_gpu_is_an_error_and_not_a_reason_to_build_for_ever(cuda, builds, caplog):
    store(b"plan")
    cuda.cudaMalloc = failing = lambda _size: (2, None)
    failing.__name__ = "cudaMalloc"
    with caplog.at_level(logging.WARNING), pytest.raises(EngineError, match="cudaMalloc: out of memory"):
        TensorRtEngine(NETWORK)
    assert cuda.held == {}
