"""The shipped learned lenses on a real GPU: right, in a batch, after a spoiled plan, taken over between two frames."""

import os
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from lensd.config import shipped_lenses_dir
from lensd.engine.select import needs_plan, open_engine
from lensd.errors import RuntimeMissing
from lensd.lens.golden import compare_golden, golden_pair
from lensd.lens.package import open_package
from tests.worker.worker_process import WorkerUnderTest
from trainer.half import halve

LENSES = [path for path in sorted(shipped_lenses_dir().glob("*.lens")) if (path / "generator.onnx").is_file()]
BUILD_S = 900.0


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("path", LENSES, ids=[path.name for path in LENSES])
def test_a_lens_gives_its_golden_picture_alone_and_in_every_batch(path, precision, runtime, plans):
    package = open_package(path)
    network = package.network if precision == "float32" else halve(package.network)
    (x, expected), out = golden_pair(package), np.zeros((1, *golden_pair(package)[1].shape[1:]), np.uint8)
    with closing(open_engine(network, runtime=runtime, name=path.name)) as engine:
        engine.infer(x, out)
        compare_golden(out, expected, 40.0 if precision == "float32" else 35.0, path.name, runtime)
        for count in range(2, getattr(engine, "faces", 1) + 1):
            many = np.concatenate([np.roll(x, 8 * row, 2) for row in range(count)])
            together = np.zeros((count, *out.shape[1:]), np.uint8)
            engine.infer_many(many, together)
            for row in range(count):
                engine.infer(np.ascontiguousarray(many[row : row + 1]), out)
                assert np.abs(out[0].astype(int) - together[row]).mean() < 0.5


def test_a_plan_is_kept_and_a_spoiled_one_is_built_again(runtime, plans):
    if not needs_plan(runtime):
        pytest.skip(f"{runtime} needs no plan")
    network = open_package(LENSES[0]).network
    with pytest.raises(RuntimeMissing, match="no plan"):
        open_engine(network, runtime=runtime, may_build=False)
    shares = []
    open_engine(network, runtime=runtime, report=shares.append).close()
    assert shares[-1] == 1
    open_engine(network, runtime=runtime, may_build=False).close()
    (kept,) = plans.glob("*.plan")
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 0xFF
    kept.write_bytes(content)
    with pytest.raises(RuntimeMissing, match="no plan"):
        open_engine(network, runtime=runtime, may_build=False)
    open_engine(network, runtime=runtime).close()


def test_lenses_one_after_the_other_leave_no_memory_behind(runtime, plans):
    script = f"""
import ctypes, sys
from pathlib import Path
from lensd.engine.select import open_engine
network = Path({str(LENSES[0] / "generator.onnx")!r}).read_bytes()
def free():
    from cuda.bindings import runtime
    return runtime.cudaMemGetInfo()[1]
open_engine(network, runtime={runtime!r}).close()
before = free()
for _ in range(10):
    open_engine(network, runtime={runtime!r}).close()
sys.exit(0 if before - free() < 16 << 20 else f"{{before - free()}} bytes lost")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, done.stderr


def test_the_processor_serves_while_a_plan_is_built_and_the_gpu_takes_over_without_a_gap(runtime, plans):
    environment = {"XDG_CACHE_HOME": str(plans.parent.parent)}
    with WorkerUnderTest(lens=LENSES[0].stem, environment=environment, runtime=runtime) as worker:
        worker.until_state("running")
        if needs_plan(runtime):
            worker.until(lambda: worker.status.get("runtime") == "onnxruntime", "the processor", 60)
        worker.until(lambda: worker.status.get("runtime") == runtime, "the GPU", BUILD_S)
        worker.until_pictures(60)
        assert set(worker.states[worker.states.index("running") :]) == {"running"}
        assert worker.sequences == list(range(worker.sequences[0], worker.sequences[-1] + 1))


@pytest.mark.skipif("SNAPLENS_GPU" not in os.environ, reason="fills the GPU's memory: make gpu asks for it")
def test_a_full_gpu_is_an_error_that_says_so(runtime, plans):
    script = f"""
from pathlib import Path
from cuda.bindings import runtime as cuda
from lensd.engine.select import open_engine
from lensd.errors import EngineError
network = Path({str(LENSES[0] / "generator.onnx")!r}).read_bytes()
open_engine(network, runtime={runtime!r}).close()
held = []
size = 1 << 30
while size >= 1 << 16:
    code, address = cuda.cudaMalloc(size)
    size = size if int(code) == 0 else size // 2
try:
    for _ in range(64):
        held.append(open_engine(network, runtime={runtime!r}))
except EngineError as error:
    print("refused:", error.why)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.stdout.startswith("refused: "), done.stderr
