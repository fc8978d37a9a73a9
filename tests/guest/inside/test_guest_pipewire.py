"""WirePlumber makes a camera of the V4L2 device too, once the kernel has announced it again: udev, and what follows."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from skimage import data

from tests.guest.inside.kernel import NODE, wait_for, webcam
from tests.guest.inside.test_guest_end_to_end import settled
from tests.pipewire.session import Session

pytestmark = pytest.mark.camera

PORTRAIT = Path(data.__file__).parent / "astronaut.png"
_DEVICES = Path("/sys/class/video4linux")


@pytest.fixture
def udev(loopback: Path) -> Iterator[None]:
    """The real udevd, which has seen all devices as they are before the daemon: ours can only be written."""
    for name in ("seats", "sessions", "users", "machines"):
        Path("/run/systemd", name).mkdir(parents=True, exist_ok=True)  # logind's, which WirePlumber asks for
    subprocess.run(["/lib/systemd/systemd-udevd", "--daemon"], check=True, capture_output=True)
    for entry in _DEVICES.iterdir():
        (entry / "uevent").write_text("add")
    wait_for(lambda: "ID_V4L_CAPABILITIES=:video_output:" in known(NODE), 10, "udev knows the device", every_s=0.1)
    yield
    subprocess.run(["udevadm", "control", "--exit"], check=True, timeout=20)


@pytest.fixture
def pipewire(udev: None, tmp_path: Path) -> Iterator[Session]:
    folder = tmp_path / "pipewire"
    folder.mkdir()
    session = Session(folder).start()
    yield session
    session.stop()


def known(node: Path) -> str:
    """Return what udev has noted of a device."""
    words = ["udevadm", "info", "--query=property", f"--name={node}"]
    return subprocess.run(words, capture_output=True, text=True, timeout=20).stdout


def cameras(session: Session) -> set[str]:
    return {str(each.get("api.v4l2.path")) for each in session.cameras()}


def test_a_source_appears_when_the_daemon_has_attached(pipewire, daemon, figure):
    wait_for(lambda: str(webcam()) in cameras(pipewire), 20, "WirePlumber has found the webcam", every_s=0.5)
    assert str(NODE) not in cameras(pipewire), "it is no camera yet"
    words = ("--camera", str(PORTRAIT), "--lens", "none", "--size", "640x480", "--no-preview", "--always-on")
    began = time.monotonic()
    settled(daemon.start(*words, "--no-pipewire"))
    wait_for(lambda: str(NODE) in cameras(pipewire), 20, "a source for ours", every_s=0.2)
    figure("a source in PipeWire after the daemon's start, s", round(time.monotonic() - began, 1))
    assert "ID_V4L_CAPABILITIES=:capture:" in known(NODE)
    [ours] = [each for each in pipewire.cameras() if each.get("api.v4l2.path") == str(NODE)]
    assert "SnapLens Camera" in ours["node.description"]
