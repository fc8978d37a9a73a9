"""The choice between runtimes, and what is said about it."""

import logging
import subprocess
import sys
from ctypes.util import find_library

import numpy as np
import pytest

from lensd.config import RuntimeChoice
from lensd.engine import select
from lensd.engine.cuda import Gpu, gpu
from lensd.errors import EngineError, RuntimeMissing
from tests.engine import tiny_networks as tiny


@pytest.fixture
def a_gpu(monkeypatch):
    """A GPU that answers the driver's questions; no runtime for it is installed unless it really is."""
    monkeypatch.setattr(select, "gpu", lambda: Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010))


@pytest.fixture
def no_gpu(monkeypatch):
    def none():
        raise RuntimeMissing("CUDA", "the driver sees no GPU", "nvidia-smi")

    monkeypatch.setattr(select, "gpu", none)


def test_every_runtime_that_can_be_chosen_is_a_candidate_in_the_order_of_preference():
    names = [candidate.runtime for candidate in select.candidates()]
    on_intel = ["openvino", "openvino-gpu", "openvino-npu"]
    assert names == ["tensorrt", "tensorrt-rtx", "onnxruntime-cuda", *on_intel, "onnxruntime"]
    assert {"auto", *names} == set(RuntimeChoice.__args__)


def test_a_candidate_that_is_not_available_says_why_and_what_to_do():
    for candidate in select.candidates():
        assert candidate.available or (candidate.why and candidate.hint), candidate


def test_looking_at_the_candidates_imports_no_runtime():
    script = """
import sys
from lensd.engine import select
select.candidates()
heavy = {"onnxruntime", "openvino", "tensorrt", "tensorrt_rtx", "torch", "cv2"} & set(sys.modules)
sys.exit(f"imported {heavy}" if heavy else 0)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("runtime", ["tensorrt", "tensorrt-rtx", "onnxruntime-cuda"])
def test_a_gpu_runtime_asked_for_by_name_is_refused_without_one_and_nothing_else_is_taken(runtime, no_gpu):
    with pytest.raises(RuntimeMissing) as caught:
        select.open_engine(tiny.identity(), runtime=runtime)
    assert caught.value.as_dict() == {
        "code": "runtime-missing",
        "what": runtime,
        "why": "the driver sees no GPU",
        "hint": "nvidia-smi",
    }


def test_openvinos_report_to_its_maker_cannot_be_loaded():
    """`import openvino` sends an event by that module, and takes a stub of its own where it is not to be had."""
    code = "import lensd.engine.select\nimport openvino_telemetry"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "import of openvino_telemetry halted" in done.stderr


@pytest.mark.parametrize(("runtime", "device"), [("openvino-gpu", "/dev/dri/renderD*"), ("openvino-npu", "accel")])
def test_a_device_that_is_not_there_is_said_before_anything_is_installed_for_it(runtime, device, monkeypatch):
    monkeypatch.setattr(select.Path, "glob", lambda _path, _pattern: iter(()))
    (found,) = [each for each in select.candidates() if each.runtime == runtime]
    assert not found.available
    assert device in found.why


def test_auto_falls_to_the_processor_and_names_every_refusal(no_gpu, caplog):
    with caplog.at_level(logging.INFO):
        choice = select.choose(tiny.identity(), name="toon")
    choice.engine.close()
    assert choice.engine.runtime == "onnxruntime"
    assert [refused.runtime for refused in choice.refused] == ["tensorrt", "tensorrt-rtx", "onnxruntime-cuda"]
    [record] = caplog.records
    assert record.levelno == logging.INFO
    assert record.getMessage().startswith("toon runs in onnxruntime (tensorrt: the driver sees no GPU; ")


def test_a_gpu_that_lies_idle_is_worth_a_warning(a_gpu, caplog):
    select.open_engine(tiny.identity(), name="toon").close()
    [record] = [record for record in caplog.records if record.name == "lensd.engine.select"]
    assert record.levelno == logging.WARNING
    assert "tensorrt" in record.getMessage()


def test_a_corrupt_network_is_the_networks_fault_also_with_auto(no_gpu):
    with pytest.raises(EngineError) as caught:
        select.open_engine(b"garbage", name="toon")
    assert not isinstance(caught.value, RuntimeMissing)
    assert caught.value.what == "toon in onnxruntime"


def test_a_module_that_is_there_and_does_not_load_is_a_refusal(tmp_path, monkeypatch, a_gpu):
    """As NVIDIA's own stub packages are where its package index is out of reach."""
    for name in ("tensorrt", "cuda/bindings"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "__init__.py").write_text("raise ImportError('libnvinfer.so.11: cannot open')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("lensd.engine.tensorrt.gpu", select.gpu)
    for name in [name for name in sys.modules if name.split(".")[0] in {"cuda", "tensorrt"}]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(select, "_installed", lambda need: need in {"tensorrt", "cuda.bindings"})
    with pytest.raises(RuntimeMissing, match="libnvinfer") as caught:
        select.open_engine(tiny.identity(), runtime="tensorrt")
    assert caught.value.hint == "pip install 'snaplens[tensorrt]'"


@pytest.mark.skipif(find_library("cuda") is not None, reason="NVIDIA's driver is installed")
def test_a_machine_without_the_driver_is_told_so_without_any_package():
    with pytest.raises(RuntimeMissing, match=r"driver is not installed \(no libcuda.so.1\)") as caught:
        gpu()
    assert "nvidia-driver" in caught.value.hint


def test_the_choice_loads_a_network_that_runs():
    engine = select.open_engine(tiny.mean_colour())
    out = np.zeros((1, 3), np.float32)
    engine.infer(np.full((1, 16, 16, 3), 5, np.uint8), out)
    engine.close()
    np.testing.assert_allclose(out, 5)
