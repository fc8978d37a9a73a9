"""The runner's buffers, stream and graphs on a real GPU, around a network of torch's: for GPUs without TensorRT."""

import importlib
from contextlib import closing

import numpy as np
import pytest
import torch

from lensd.engine.cuda import Cuda
from lensd.engine.gpu_memory import GpuMemory
from lensd.engine.plan_runner import PlanRunner
from tests.gpu.conftest import absent
from tests.gpu.test_speed_on_gpu import milliseconds
from tests.gpu.torch_plan import FACES, SIDE, TorchPlans, painted, painter


@pytest.fixture
def made(device):
    """Make runners that share their memory; all of it has been given back at the end."""
    if not torch.cuda.is_available():
        absent("torch is its CPU build, or sees no GPU")
    cuda = Cuda(importlib.import_module("cuda.bindings.runtime"), "a network of torch's")
    memory = GpuMemory(cuda)
    yield lambda seed: PlanRunner(TorchPlans(), cuda, str(seed).encode(), "a network of torch's", memory)
    memory.clear()


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_every_number_of_faces_comes_out_as_torch_alone_has_it(made):
    with closing(made(1)) as runner:
        assert all(run.executable is not None for run in runner._runs)  # captured, each of them
        for count in (*range(1, FACES + 1), 1):
            x, out = pictures(count, count), np.zeros((count, SIDE, SIDE, 4), np.uint8)
            runner.infer(x, out)
            with torch.inference_mode():
                expected = painted(painter(1), torch.from_numpy(x)).numpy()
            assert np.abs(out.astype(int) - expected).mean() < 1


def test_two_lenses_at_a_time_do_not_disturb_each_other(made):
    x, out = pictures(1), [np.zeros((1, SIDE, SIDE, 4), np.uint8) for _ in range(3)]
    with closing(made(1)) as first:
        first.infer(x, out[0])
        with closing(made(2)) as second:
            second.infer(x, out[1])
            first.infer(x, out[2])
    np.testing.assert_array_equal(out[0], out[2])
    assert (out[0] != out[1]).any()


def test_the_copies_and_the_launch_cost_little(made):
    with closing(made(1)) as runner:
        x, out = pictures(1), np.zeros((1, SIDE, SIDE, 4), np.uint8)
        whole = milliseconds(lambda: runner.infer(x, out))
        context, stream = runner._runs[0].context, runner._stream

        def alone():
            context.execute_async_v3(int(stream))
            runner._cuda.wait(runner._done, stream)

        own = milliseconds(alone)
        print(f"\nH2D + torch in a graph + D2H {whole:.3f} ms, torch without graph and copies {own:.3f} ms")
        assert out.any()
