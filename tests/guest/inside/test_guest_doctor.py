"""What the doctor says of a real v4l2loopback, as it should be and as it should not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.doctor import devices, system
from lensd.virtualcam import LABEL
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import ffmpeg_feed
from tests.guest.inside.kernel import (
    VERSION,
    load_loopback,
    unload_loopback,
    unplugged,
    wait_for,
    wait_until_camera,
    webcam,
)
from tests.guest.inside.processes import running

pytestmark = pytest.mark.camera

# Python itself lies where nobody may read it, so the rights are given up after the imports.
AS_NOBODY = """
import json, os
from lensd.doctor import devices, system
from lensd.doctor.report import Check, run_check
os.setgroups([]); os.setgid(65534); os.setuid(65534)
looks = (system.permissions, devices.browsers, devices.camera)
print(json.dumps([found.as_dict() for look in looks for found in run_check(Check(look.__name__, look))]))
"""
PICTURES = ("-re", "-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30", "-pix_fmt", "yuv420p")


@pytest.fixture(autouse=True)
def no_daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


def test_the_loaded_module_is_fine_in_every_version_that_we_test(loopback: Path) -> None:
    [finding] = system.module()
    assert finding.status == "ok"
    assert VERSION in finding.detail or "before 0.13" in finding.detail


def test_the_device_is_found_and_may_be_opened(loopback: Path) -> None:
    [finding] = devices.node()
    assert finding.status == "ok"
    assert finding.detail.startswith(f'"{LABEL}" is {loopback}')  # from 0.14 on also for how many programs
    [finding] = system.permissions()
    assert finding.status == "ok"
    assert str(loopback) in finding.detail


def test_a_device_that_nobody_writes_into_is_listed_nowhere(loopback: Path) -> None:
    [finding] = devices.browsers()
    assert (finding.status, finding.hint) == ("warn", "lensd run")
    assert "nobody writes" in finding.detail


def test_a_device_with_a_writer_is_a_camera_as_chrome_wants_it(loopback: Path) -> None:
    with ffmpeg_feed(loopback, *PICTURES):
        [finding] = devices.browsers()
    assert finding.status == "ok"
    assert "1280x720 YU12" in finding.detail


def test_a_device_without_exclusive_caps_is_found_out() -> None:
    load_loopback(exclusive_caps=False)
    [finding] = devices.browsers()
    assert finding.status == "fail"
    assert "a camera and an output at once" in finding.detail
    assert "exclusive_caps=1" in finding.hint
    unload_loopback()


def test_two_devices_of_our_name_are_worth_a_warning() -> None:
    load_loopback((LABEL, LABEL))
    [finding] = devices.node()
    assert finding.status == "warn"
    assert "/dev/video11" in finding.detail
    unload_loopback()


def test_a_number_where_firefox_does_not_look_is_found_out() -> None:
    unload_loopback()
    options = ["devices=1", "video_nr=70", f'card_label="{LABEL}"', "exclusive_caps=1"]
    subprocess.run(["modprobe", "v4l2loopback", *options], check=True)
    [finding] = devices.node()
    assert finding.status == "fail"
    assert "/dev/video70" in finding.detail
    unload_loopback()


def test_the_webcam_is_found_and_missed(loopback: Path) -> None:
    [finding] = devices.camera()
    assert finding.status == "ok"
    assert finding.detail.startswith("vivid (/dev/video")
    with unplugged():
        [finding] = devices.camera()
    assert (finding.status, finding.hint) == ("warn", "lensd run --camera demo")


def test_a_webcam_in_use_is_told_with_its_user(loopback: Path) -> None:
    with running(["v4l2-ctl", "-d", str(webcam()), "--stream-mmap", "--stream-count=300"]):
        wait_for(lambda: [found.status for found in devices.camera()] == ["warn"], 5, "the camera is in use")
        [finding] = devices.camera()
    assert "used by v4l2-ctl (pid " in finding.detail


def test_another_user_is_told_which_group_to_join(loopback: Path) -> None:
    camera = webcam()
    assert camera is not None
    for node in (loopback, camera):
        node.chmod(0o660)
    done = subprocess.run([sys.executable, "-c", AS_NOBODY], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = {finding["name"]: finding for finding in json.loads(done.stdout)}
    for name in ("permissions", "browsers", "camera"):
        assert (found[name]["status"], found[name]["hint"]) == ("fail", system.JOIN_VIDEO), found[name]
    assert str(loopback) in found["permissions"]["detail"]


def test_with_the_daemon_running_all_of_it_is_well(loopback: Path, daemon: Daemon) -> None:
    daemon.start("--lens", "none", "--no-preview")
    wait_until_camera(loopback)
    done = daemon.command("doctor", check=False)
    shown = [line for line in done.stdout.splitlines() if line.startswith(("warn", "fail"))]
    assert [line for line in shown if "too slow" not in line] == []  # the guest's one core may be busy
    assert done.returncode == 0
    assert f"browsers: {loopback} is a camera as Chrome wants it" in done.stdout
