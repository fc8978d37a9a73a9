"""`lensd setup` from a bare system to a camera and back, with the real modprobe and the real module."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from lensd.cli.group import group
from lensd.setup import options
from lensd.v4l2.nodes import list_names
from lensd.virtualcam import LABEL, find_node
from tests.guest.inside.kernel import unload_loopback, wait_for

pytestmark = pytest.mark.camera
FOLDER = Path("/etc/modprobe.d")
OTHERS = FOLDER / "v4l2loopback.conf"
OBS = 'options v4l2loopback devices=1 video_nr=10 card_label="OBS Virtual Camera" exclusive_caps=1\n'


@pytest.fixture
def lensd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """`lensd WORDS` of a user without systemd, on a system that has the module and no options for it."""
    unload_loopback()
    vm = FOLDER / "snaplens-vm.conf"
    vm.rename(tmp_path / vm.name)
    folders = {f"XDG_{name}": str(tmp_path / name.lower()) for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME")}
    for name, value in {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), **folders}.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> str:
        done = CliRunner().invoke(group, words, catch_exceptions=False)  # a second Python takes seconds here
        assert done.exit_code == 0, done.output
        return done.output

    yield run
    for path in (*FOLDER.glob("*snaplens.conf"), OTHERS):
        path.unlink(missing_ok=True)
    unload_loopback()
    (tmp_path / vm.name).rename(vm)


def names() -> dict[str, str]:
    return {name: path.name for path, name in list_names() if "Camera" in name}


def test_a_bare_system_has_a_camera_then_two_then_none(lensd) -> None:
    assert "Done." in lensd("setup", "--yes")
    wait_for(lambda: LABEL in names(), 5, "the camera is there")
    assert find_node() == Path("/dev/video42")
    assert "All is set up." in lensd("setup", "--yes")
    lensd("setup", "--yes", "--outputs", "2")
    wait_for(lambda: names() == {LABEL: "video42", f"{LABEL} 2": "video43"}, 5, "both are there")
    assert "All of it is taken back." in lensd("setup", "--yes", "--undo")
    assert not Path("/sys/module/v4l2loopback").exists()
    assert options.read_files() == []
    assert not Path("/etc/modules-load.d/snaplens.conf").exists()


def test_another_programs_device_and_options_stay_as_they_are(lensd) -> None:
    OTHERS.write_text(OBS)
    subprocess.run(["modprobe", "v4l2loopback"], check=True)
    wait_for(lambda: Path("/dev/video10").exists(), 5, "the other's device is there")
    before = Path("/dev/video10").stat()
    told = lensd("setup", "--yes")
    assert Path("/dev/video10").stat().st_ctime_ns == before.st_ctime_ns
    assert "restart the computer" in told or LABEL in names()
    assert OTHERS.read_text() == OBS
    unload_loopback()  # as a restart does
    subprocess.run(["modprobe", "v4l2loopback"], check=True)
    wait_for(lambda: names() == {"OBS Virtual Camera": "video10", LABEL: "video42"}, 5, "both are there")
    lensd("setup", "--yes", "--undo")
    assert "OBS Virtual Camera" in names()
    assert [file.path for file in options.read_files()] == [OTHERS]
