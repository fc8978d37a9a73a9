"""Plans by the real TensorRT for RTX where it is installed (it builds without a GPU); where it is not, its absence."""

import importlib.util
import logging
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lensd
from lensd.engine import cuda
from lensd.engine.cuda import gpu
from lensd.engine.plan_build import build_plan
from lensd.engine.plan_process import PlanBuild
from lensd.engine.select import open_engine
from lensd.engine.tensorrt import plan_key
from lensd.errors import ConfigError, EngineError, RuntimeMissing
from tests.engine import tiny_networks as tiny

SHIPPED = sorted(Path(lensd.__file__).parent.glob("lenses/*/*.onnx"))  # the tracker's runs in ONNX Runtime alone
HAS_RTX = importlib.util.find_spec("tensorrt_rtx") is not None
real_tensorrt = pytest.mark.skipif(
    not HAS_RTX, reason="tensorrt_rtx is not installed (pip install 'snaplens[tensorrt-rtx]')"
)


def has_gpu() -> bool:
    try:
        gpu()
    except RuntimeMissing:
        return False
    return True


without_gpu = pytest.mark.skipif(has_gpu(), reason="there is a GPU here")


@real_tensorrt
@pytest.mark.parametrize("compute_capability", ["7.5", "8.6", "8.9", "12.0"])
def test_a_real_plan_is_built_for_each_gpu_without_having_it(compute_capability):
    shares = []
    plan = build_plan(
        tiny.inverted_with_matte(64),
        "tensorrt-rtx",
        compute_capability=compute_capability,
        report=lambda share: shares.append(share) or True,
    )
    assert len(plan) > 10_000
    assert shares
    assert shares == sorted(shares)
    assert 0 < shares[-1] <= 1


@real_tensorrt
@pytest.mark.parametrize("path", SHIPPED, ids=[path.parent.name for path in SHIPPED])
def test_every_network_that_we_ship_can_be_built(path):
    assert len(build_plan(path.read_bytes(), "tensorrt-rtx", compute_capability="8.9", name=path.stem)) > 10_000


def test_there_are_networks_to_ship():
    assert "thug-life.lens" in {path.parent.name for path in SHIPPED}


@real_tensorrt
def test_a_build_is_cancelled_by_its_report():
    with pytest.raises(EngineError):
        build_plan(tiny.heavy(), "tensorrt-rtx", compute_capability="8.9", report=lambda _share: False)


@real_tensorrt
@pytest.mark.parametrize("network", [b"garbage", tiny.identity()[:40]])
def test_a_corrupt_network_is_an_engine_error_of_one_line(network):
    with pytest.raises(EngineError) as caught:
        build_plan(network, "tensorrt-rtx", compute_capability="8.9", name="toon")
    assert caught.value.what == "toon in tensorrt-rtx"
    assert "\n" not in str(caught.value)


@real_tensorrt
def test_an_unknown_gpu_is_refused_with_those_that_are_known():
    with pytest.raises(RuntimeMissing, match=r"no compute capability 9.0; it has .*8\.9"):
        build_plan(tiny.identity(), "tensorrt-rtx", compute_capability="9.0")


@real_tensorrt
def test_a_plan_comes_out_of_its_own_process_with_progress():
    shares = []
    build = PlanBuild(tiny.inverted_with_matte(64), "tensorrt-rtx", compute_capability="8.9", name="toon")
    try:
        plan = build.result(shares.append)
    finally:
        build.close()
    assert len(plan) > 10_000
    assert shares[-1] == 1


@pytest.mark.skipif(HAS_RTX, reason="tensorrt_rtx is installed")
def test_a_missing_module_is_told_across_the_process_with_the_command_that_installs_it():
    build = PlanBuild(tiny.identity(), "tensorrt-rtx", compute_capability="8.9")
    try:
        with pytest.raises(RuntimeMissing, match="No module named 'tensorrt_rtx'") as caught:
            build.result()
    finally:
        build.close()
    assert caught.value.hint == "pip install 'snaplens[tensorrt-rtx]'"


def test_a_build_that_is_killed_says_so_and_leaves_nothing():
    build = PlanBuild(tiny.heavy(), "tensorrt-rtx", compute_capability="8.9", name="toon")
    build._process.send_signal(signal.SIGKILL)
    with pytest.raises(EngineError, match=r"toon in tensorrt-rtx: the build ended early: killed by signal 9"):
        build.result()
    folder = build._plan.parent
    build.close()
    assert not folder.exists()


def test_a_build_is_given_up_at_once():
    build = PlanBuild(tiny.heavy(), "tensorrt-rtx", compute_capability="8.9")
    begin = time.monotonic()
    assert build.advance(0) is None
    build.close()
    assert time.monotonic() - begin < 4
    assert build._process.poll() is not None


@without_gpu
@pytest.mark.parametrize("runtime", ["tensorrt", "tensorrt-rtx"])
def test_without_a_gpu_the_engine_is_refused_with_reason_and_hint_and_the_process_lives(runtime):
    script = f"""
import sys
from lensd.engine.tensorrt import TensorRtEngine
from lensd.errors import RuntimeMissing
try:
    TensorRtEngine(b"network", runtime={runtime!r})
except RuntimeMissing as error:
    assert error.why and error.hint
    assert not {{"tensorrt", "tensorrt_rtx"}} & set(sys.modules)
    print("refused:", error.why)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("refused: ")


@without_gpu
def test_a_plan_for_this_gpu_needs_one():
    with pytest.raises(RuntimeMissing) as caught:
        build_plan(tiny.identity(), "tensorrt-rtx")
    assert caught.value.hint


def test_full_tensorrt_builds_for_the_gpu_it_runs_on_only(monkeypatch):
    monkeypatch.setattr("lensd.engine.plan_build.gpu", lambda: cuda.Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010))
    with pytest.raises(ConfigError, match=r"compute capability 12.0: this GPU has 8.9"):
        build_plan(tiny.identity(), "tensorrt", compute_capability="12.0")


def test_only_a_plan_that_is_tuned_to_a_model_is_keyed_by_the_models_name():
    device = cuda.Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010)
    full, rtx = (plan_key(b"network", runtime, "11.4.0", device) for runtime in ("tensorrt", "tensorrt-rtx"))
    assert (full.gpu, rtx.gpu) == ("NVIDIA GeForce RTX 4070", "")
    assert full.compute_capability == rtx.compute_capability == "8.9"
    assert full.digest != rtx.digest


def test_auto_takes_the_processor_here_and_says_why(caplog, monkeypatch):
    with caplog.at_level(logging.INFO):
        engine = open_engine(tiny.identity(), name="toon")
    x, out = np.full((1, 16, 16, 3), 7, np.uint8), np.zeros((1, 16, 16, 3), np.uint8)
    engine.infer(x, out)
    engine.close()
    assert (out == 7).all()
    if not has_gpu():
        assert engine.runtime == "onnxruntime"
        assert "toon runs in onnxruntime (tensorrt: " in caplog.text
