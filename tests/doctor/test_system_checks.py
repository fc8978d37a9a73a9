"""The checks of the ground, on folders as the kernel and dpkg lay them out."""

import importlib.metadata
import platform

import pytest

from lensd.doctor import runtimes, system
from lensd.engine.cuda import Gpu
from lensd.errors import RuntimeMissing


def loaded(tmp_path, version):
    folder = tmp_path / "module" / "v4l2loopback"
    folder.mkdir(parents=True)
    if version:
        (folder / "version").write_text(f"{version}\n")
    return tmp_path / "module"


@pytest.mark.parametrize(
    ("version", "status", "word"),
    [
        ("0.12.5", "warn", "older than 0.12.7"),
        ("0.12.7", "ok", "loaded"),
        ("0.13.2", "ok", "loaded"),
        ("0.15.0", "ok", "loaded"),
        ("0.15.4", "ok", "loaded"),
        ("0.16.0", "ok", "newer than 0.15"),
        ("0.9.1", "warn", "older than 0.12.7"),
        ("", "ok", "before 0.13"),
    ],
)
def test_each_version_of_the_module_is_judged(tmp_path, version, status, word):
    [finding] = system.module(loaded(tmp_path, version))
    assert finding.status == status
    assert word in finding.detail
    assert bool(finding.hint) == (status != "ok")


def test_a_module_that_is_installed_and_not_loaded_is_to_be_loaded(tmp_path):
    index = tmp_path / platform.release() / "modules.dep"
    index.parent.mkdir()
    index.write_text("updates/dkms/v4l2loopback.ko.xz: kernel/drivers/media/v4l2-core/videodev.ko.xz\n")
    [finding] = system.module(tmp_path / "none", tmp_path)
    assert finding.status == "fail"
    assert finding.hint == "lensd setup"


def test_a_module_that_is_not_there_is_to_be_installed(tmp_path):
    [finding] = system.module(tmp_path / "none", tmp_path)
    assert finding.status == "fail"
    assert platform.release() in finding.detail
    assert finding.hint == "lensd setup"


OURS = 'options v4l2loopback devices=1 video_nr=42 card_label="SnapLens Camera" exclusive_caps=1 max_buffers=4'
OBS = "options v4l2loopback video_nr=10 card_label=OBS"
BOTH = 'options v4l2loopback devices=2 video_nr=10,42 card_label="OBS,SnapLens Camera" exclusive_caps=0,1 max_buffers=4'


@pytest.mark.parametrize(
    ("files", "status", "word"),
    [
        ({}, "ok", "no file sets them"),
        ({"etc/modprobe.d/snaplens.conf": f"# ours\n{OURS}\n"}, "ok", "etc/modprobe.d/snaplens.conf"),
        ({"etc/modprobe.d/snaplens.conf": OURS, "etc/modprobe.d/x.conf": "options snd index=1"}, "ok", "snaplens"),
        ({"etc/modprobe.d/snaplens.conf": OURS, "lib/modprobe.d/obs.conf": OBS}, "warn", "obs"),
        ({"etc/modprobe.d/snaplens.conf": BOTH, "lib/modprobe.d/obs.conf": OBS}, "ok", "together"),
        ({"etc/modprobe.d/mine.conf": BOTH}, "ok", "mine.conf"),
        ({"etc/modprobe.d/zz-obs.conf": OBS}, "warn", "none of these makes SnapLens Camera"),
    ],
)
def test_a_second_file_with_the_modules_options_is_found(tmp_path, files, status, word):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    [finding] = system.module_options(tmp_path)
    assert finding.status == status
    assert word in finding.detail


@pytest.fixture
def installed(monkeypatch):
    """Choose which distributions there seem to be; what is required is read from the real metadata."""
    there = {}

    def version(name):
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    for name in ("click", "numpy", "opencv-python", "pyvirtualcam", "onnxruntime", "pillow", "av", "aiohttp"):
        there[name] = "4.10.0"
    monkeypatch.setattr(importlib.metadata, "version", version)
    return there


def test_all_base_packages_are_listed(installed):
    [finding] = system.packages()
    assert finding.status == "ok"
    assert finding.detail.count("4.10.0") == len(installed)


def test_a_missing_package_is_named_with_the_command(installed):
    del installed["av"]
    [finding] = system.packages()
    assert (finding.status, finding.detail, finding.hint) == ("fail", "not installed: av", "pip install av")


def test_an_opencv_without_cascades_is_refused(installed):
    installed["opencv-python"] = "5.0.0"
    [finding] = system.packages()
    assert finding.status == "fail"
    assert "opencv-python<5" in finding.hint


def test_a_second_opencv_is_worth_a_warning(installed):
    installed["opencv-contrib-python"] = "4.10.0"
    [finding] = system.packages()
    assert finding.status == "warn"
    assert "pip uninstall -y opencv-contrib-python" in finding.hint


def test_a_folder_that_was_never_installed_is_said():
    [finding] = system.packages("no-such-distribution-of-ours")
    assert finding.status == "warn"


def test_without_a_gpu_its_runtimes_are_no_fault(monkeypatch):
    def none():
        raise RuntimeMissing("CUDA", "the driver sees no GPU", "nvidia-smi")

    monkeypatch.setattr("lensd.engine.select.gpu", none)
    monkeypatch.setattr(runtimes, "gpu", none)
    found = {finding.name: finding for finding in runtimes.runtimes()}
    assert found["runtime tensorrt"].detail == "not used: the driver sees no GPU"
    assert {finding.status for finding in found.values()} == {"ok"}


def test_a_gpu_that_lies_idle_gets_one_warning_with_the_command(monkeypatch):
    device = Gpu("NVIDIA GeForce RTX 4070", (8, 9), 13010)
    monkeypatch.setattr("lensd.engine.select.gpu", lambda: device)
    monkeypatch.setattr("lensd.engine.select._installed", lambda need: need == "onnxruntime")
    monkeypatch.setattr(runtimes, "gpu", lambda: device)
    [warning] = [finding for finding in runtimes.runtimes() if finding.status != "ok"]
    assert warning.name == "runtime tensorrt-rtx"
    assert warning.detail.startswith("NVIDIA GeForce RTX 4070 lies idle")
    assert warning.hint == "pip install 'snaplens[tensorrt-rtx]'"
