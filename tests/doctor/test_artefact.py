"""What is kept and written of a lens, and what is not: the GPU is the fake one."""

import json

import pytest

from lensd.doctor import artefact
from lensd.doctor.artefact import make_artefact
from lensd.engine import tensorrt
from lensd.engine.cuda import Gpu
from lensd.errors import ConfigError, GoldenMismatch
from lensd.lens.package import open_package
from tests.engine.fake_gpu import FakeCuda, FakeTensorRt
from tests.lens.packages import box_network, write_generator

GPU = Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010)


@pytest.fixture
def package(tmp_path):
    return open_package(write_generator(tmp_path / "tiny.lens"))


@pytest.fixture
def card(tmp_path, monkeypatch):
    """A machine with a GPU whose one plan inverts 4x4 pixels, whatever it was built from."""
    cuda = FakeCuda()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for module in (tensorrt, artefact):
        monkeypatch.setattr(module, "gpu", lambda: GPU)
    monkeypatch.setattr(tensorrt, "load", lambda _runtime: FakeTensorRt(cuda))
    monkeypatch.setattr(tensorrt, "_cuda_bindings", lambda _runtime: cuda)
    monkeypatch.setattr(
        artefact, "_built", lambda *_arguments: (b"plan", "INFO: built\ntiming cache: 12 bytes kept\n", 0.5)
    )
    return cuda


def test_a_plan_that_paints_another_picture_is_not_kept(package, card, tmp_path):
    with pytest.raises(GoldenMismatch, match=r"lens tiny in tensorrt: gives uint8 \(1, 4, 4, 3\)"):
        make_artefact(package, "tensorrt")
    assert not (tmp_path / "cache").exists()
    tensorrt._shared_memory(card).clear()  # what the next lens would have taken
    assert card.held == {}


def test_a_wrong_network_is_refused_before_a_plan_is_built(tmp_path, monkeypatch):
    wrong = open_package(write_generator(tmp_path / "wrong.lens", network=box_network(colour=(20, 200, 30))))
    monkeypatch.setattr(artefact, "_built", lambda *_arguments: pytest.fail("it was built"))
    with pytest.raises(GoldenMismatch, match="another picture than the golden one"):
        make_artefact(wrong, "tensorrt-rtx", compute_capability="8.9")


def test_a_plan_for_another_gpu_says_that_it_was_not_run(package, card, tmp_path):
    made = make_artefact(package, "tensorrt-rtx", compute_capability="12.0")
    assert made.proof is None
    assert made.unproved == "it is for GPUs of compute capability 12.0, and this one has 8.9"
    assert made.network.psnr_db == 99
    written = made.write(tmp_path / "out")
    assert [path.name for path in written] == [
        "tiny-tensorrt-rtx-sm120.log", "tiny-tensorrt-rtx-sm120.plan.json", "tiny-tensorrt-rtx-sm120.plan",
    ]  # fmt: skip
    facts = json.loads(written[1].read_text())
    assert (facts["bytes"], facts["proof"], facts["timing_cache"]) == (4, None, "12 bytes kept")
    assert not (tmp_path / "cache").exists()


def test_what_a_processor_runs_is_the_network_itself_proved(package, tmp_path):
    made = make_artefact(package, "onnxruntime")
    assert made.content == package.network
    assert made.proof.psnr_db == 99
    assert [path.name for path in made.write(tmp_path / "out")] == ["tiny.onnx.json", "tiny.onnx"]
    with pytest.raises(ConfigError, match="runs the package's own network"):
        make_artefact(package, "onnxruntime", compute_capability="8.9")


def test_a_folder_that_cannot_be_written_is_a_sentence(package, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"ot a directory|File exists"):
        make_artefact(package, "onnxruntime").write(tmp_path / "file" / "out")
