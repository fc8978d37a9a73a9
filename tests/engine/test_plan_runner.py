"""The GPU's engine class against a GPU that is not there: order, ownership, errors."""

import logging

import numpy as np
import pytest

from lensd.engine.cuda import Cuda
from lensd.engine.gpu_memory import GpuMemory
from lensd.engine.plan_runner import PlanRunner
from lensd.errors import EngineError
from tests.engine.fake_gpu import FakeCuda, FakeTensorRt

FRAME = ["cudaGraphLaunch", "cudaEventRecord", "cudaEventSynchronize"]
WORK = ["cudaMemcpyAsync to device", "execute_async_v3", "cudaMemcpyAsync to host"]


def runner(cuda, plan=b"plan", memory=None, **network):
    calls = Cuda(cuda, "toon in tensorrt")
    memory = memory or GpuMemory(calls)
    made = PlanRunner(FakeTensorRt(cuda, **network), calls, plan, "toon in tensorrt", memory)
    made.memory = memory
    return made


def frame(seed=0):
    x = np.random.default_rng(seed).integers(0, 256, (1, 4, 4, 3), dtype=np.uint8)
    return x, np.zeros_like(x)


def calls_to_open() -> list[str]:
    cuda = FakeCuda()
    runner(cuda)
    return cuda.calls


CALLS = calls_to_open()


def test_a_frame_is_one_launch_and_one_wait():
    cuda = FakeCuda()
    engine = runner(cuda)
    for seed in range(3):
        x, out = frame(seed)
        del cuda.calls[:]
        engine.infer(x, out)
        np.testing.assert_array_equal(out, 255 - x)
        assert cuda.calls == [FRAME[0], *WORK, *FRAME[1:]] or cuda.calls == FRAME


def test_the_graph_is_captured_once_after_one_run_outside_it():
    cuda = FakeCuda()
    engine = runner(cuda)
    for seed in range(3):
        engine.infer(*frame(seed))
    begin = cuda.calls.index("cudaStreamBeginCapture")
    assert cuda.calls[begin - 5 : begin] == [*WORK, *FRAME[1:]]
    assert cuda.calls[begin + 1 : begin + 4] == WORK
    assert cuda.calls.count("cudaStreamBeginCapture") == cuda.calls.count("cudaGraphInstantiate") == 1


def test_closing_gives_everything_back_in_the_opposite_order():
    cuda = FakeCuda()
    engine = runner(cuda)
    engine.infer(*frame())
    taken = list(cuda.held.values())
    engine.close()
    assert sorted(cuda.held.values()) == [
        "device memory",
        "device memory",
        "host memory",
        "host memory",
    ]  # for the next
    assert cuda.given_back == ["graph", *(kind for kind in reversed(taken) if "memory" not in kind)]
    engine.memory.clear()
    assert cuda.held == {}


def test_the_next_lens_takes_the_last_ones_memory_and_two_lenses_at_a_time_never_share_any():
    cuda = FakeCuda()
    memory = GpuMemory(Cuda(cuda, "the GPU"))
    first, second = (runner(cuda, memory=memory) for _ in range(2))
    (x, a), (y, b) = frame(1), frame(2)
    first.infer(x, a)
    second.infer(y, b)
    first.infer(x, a)
    np.testing.assert_array_equal(a, 255 - x)
    np.testing.assert_array_equal(b, 255 - y)
    first.close()
    del cuda.calls[:]
    third = runner(cuda, memory=memory)
    assert not {"cudaMalloc", "cudaHostAlloc"} & set(cuda.calls)
    third.close()
    second.close()
    memory.clear()
    assert cuda.held == {}


def test_faces_go_in_one_run_with_a_graph_for_each_number_of_them():
    cuda = FakeCuda()
    engine = runner(cuda, faces=4)
    assert (engine.faces, engine.input.shape) == (4, (1, 4, 4, 3))
    assert cuda.calls.count("cudaStreamBeginCapture") == 3  # 1, 2 and 4
    for count in (1, 2, 3, 4, 1):
        x = np.random.default_rng(count).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
        out = np.zeros_like(x)
        del cuda.calls[:]
        engine.infer(x, out)
        np.testing.assert_array_equal(out, 255 - x)
        assert cuda.calls.count("cudaGraphLaunch") <= 1
        assert cuda.calls[-2:] == FRAME[1:]
    for count in (0, 5):
        with pytest.raises(EngineError, match="input must be"):
            engine.infer(np.zeros((count, 4, 4, 3), np.uint8), np.zeros((count, 4, 4, 3), np.uint8))
    engine.close()
    engine.memory.clear()
    assert cuda.held == {}


@pytest.mark.parametrize("nth", range(1, len(CALLS) + 1))
def test_whichever_call_fails_while_opening_nothing_stays_held(nth):
    cuda = FakeCuda(fail_at=nth)
    begin = CALLS.index("cudaStreamBeginCapture")
    if begin < nth <= begin + 5:  # only the graph may be done without
        engine = runner(cuda)
        x, out = frame()
        engine.infer(x, out)
        np.testing.assert_array_equal(out, 255 - x)
        engine.close()
        engine.memory.clear()
    else:
        with pytest.raises(EngineError, match=r"out of memory|could not run"):
            runner(cuda)
    assert cuda.held == {}


def test_a_capture_that_fails_is_said_and_the_frames_go_without(caplog):
    cuda = FakeCuda()
    cuda.cudaStreamEndCapture = lambda _stream: (setattr(cuda, "recording", None), (1, None))[1]
    with caplog.at_level(logging.WARNING):
        engine = runner(cuda)
    assert "runs without a CUDA graph: " in caplog.text
    x, out = frame()
    del cuda.calls[:]
    engine.infer(x, out)
    np.testing.assert_array_equal(out, 255 - x)
    assert cuda.calls == [*WORK, *FRAME[1:]]


def test_an_error_names_the_call_and_cudas_own_words():
    cuda = FakeCuda()
    engine = runner(cuda)
    cuda.fail_at = len(cuda.calls) + 1
    with pytest.raises(EngineError, match=r"cudaGraphLaunch: out of memory \(cudaErrorMemoryAllocation\)"):
        engine.infer(*frame())


def test_an_error_of_the_work_itself_comes_out_of_the_wait():
    cuda = FakeCuda()
    engine = runner(cuda)
    cuda.cudaEventSynchronize = failing = lambda _event: (1,)
    failing.__name__ = "cudaEventSynchronize"
    with pytest.raises(EngineError, match="cudaEventSynchronize: invalid argument"):
        engine.infer(*frame())


def test_a_lost_gpu_does_not_stop_closing(caplog):
    cuda = FakeCuda()
    engine = runner(cuda)
    cuda.fail_at = len(cuda.calls) + 1
    with pytest.raises(EngineError):
        engine.infer(*frame())
    cuda.fail_at = len(cuda.calls) + 1
    engine.close()  # and what it had is not passed on: it is of no use any more
    assert cuda.held == {}
    assert "closing" in caplog.text


@pytest.mark.parametrize(
    ("x", "out"),
    [
        (np.zeros((1, 4, 4, 4), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)),
        (np.zeros((1, 4, 4, 3), np.float32), np.zeros((1, 4, 4, 3), np.uint8)),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32)),
    ],
)
def test_wrong_buffers_never_reach_the_gpu(x, out):
    cuda = FakeCuda()
    engine = runner(cuda)
    del cuda.calls[:]
    with pytest.raises(EngineError):
        engine.infer(x, out)
    assert cuda.calls == []


@pytest.mark.parametrize(
    ("plan", "network", "why"),
    [
        (b"another version's", {}, "Serialization assertion magicTag == kMAGIC failed."),
        (b"plan", {"context": False}, "no memory to run the plan"),
        (b"plan", {"runs": False}, "Error Code 2: the kernel failed"),
        (b"plan", {"dtype": "DataType.HALF"}, "carries DataType.HALF"),
        (b"plan", {"dtype": "DataType.FLOAT"}, "input 'x' is float32, not uint8"),
    ],
)
def test_what_tensorrt_refuses_is_told_in_its_words_and_nothing_stays_held(plan, network, why):
    cuda = FakeCuda()
    with pytest.raises(EngineError) as caught:
        runner(cuda, plan, **network)
    assert caught.value.why.startswith(why)
    assert cuda.held == {}
