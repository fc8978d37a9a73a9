"""Cameras that go, come back or are taken; a module that comes late or not at all; another user."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.guest.inside import reading
from tests.guest.inside.kernel import (
    NODE,
    load_loopback,
    plug_webcam,
    unload_loopback,
    unplug_webcam,
    wait_for,
    webcam,
)
from tests.guest.inside.processes import running
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera


def test_an_unplugged_webcam_gives_a_card_and_comes_back_by_itself(loopback, daemon, figure):
    settled(daemon.start("--camera", "vivid", "--lens", "none", "--no-preview"))
    with reading.mmap(loopback, keep=0) as seen:
        seen.wait(60)
        from_ns = time.monotonic_ns()
        unplug_webcam()
        try:
            figure("card after unplug, s", round(daemon.wait_status(5, "the card", on_air="no-camera"), 2))
        finally:
            plug_webcam()
        took = daemon.wait_status(10, "the camera is back", on_air="worker")
        seen.wait(30)
        figure("picture after plug, s", round(took, 2))
        figure("longest gap, ms", round(seen.longest_gap_ms(from_ns), 1))
        assert took <= 3
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert daemon.status()["worker"]["restarts"] == 0, "no restart was needed"


def test_a_busy_webcam_is_said_to_be_so_and_taken_when_it_is_free(loopback, daemon):
    node = webcam()
    with running(["v4l2-ctl", "-d", str(node), "--stream-mmap"], stderr=subprocess.PIPE) as process:
        assert b"<" in iter(lambda: process.stderr.read(1), b"")  # its sign for a frame
        daemon.start("--camera", str(node), "--lens", "none", "--no-preview", "--always-on")
        daemon.wait_status(20, "the card", on_air="camera-busy")
        why = daemon.status()["worker"]["why"]
        assert "v4l2-ctl" in why or str(process.pid) in why, why
    daemon.wait_status(10, "the camera is taken", on_air="worker")


def test_a_module_that_is_loaded_late_is_attached_to(loopback, daemon, figure):
    unload_loopback()
    settled(daemon.start("--camera", "demo", "--lens", "none"))
    assert daemon.status()["output"] == "none"
    assert daemon.status()["output_problem"]["hint"] == "lensd setup"
    url = daemon.command("preview").stdout.strip().splitlines()[-1]
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as page:
        assert page.status == 200
        assert b"SnapLens" in page.read()
    load_loopback()
    took = wait_for(lambda: str(NODE) in daemon.status()["output"], 5, "it is attached to")
    figure("attached after, s", round(took, 2))
    with reading.ffmpeg(NODE) as seen:
        seen.wait(30)


AS_ANOTHER_USER = """
import os, sys
os.setgid(65534); os.setgroups([]); os.setuid(65534)
os.environ.update(HOME="/tmp/nobody", XDG_RUNTIME_DIR="/tmp/nobody/run", XDG_STATE_HOME="/tmp/nobody/state")
os.makedirs("/tmp/nobody/run", exist_ok=True)
os.execv(sys.executable, [sys.executable, "-m", "lensd", *sys.argv[1:]])
"""


@pytest.fixture
def enterable():
    """Lets other users run this Python and this checkout; the guest's own copy of the folders' modes."""
    for path in (Path(sys.base_prefix), Path(sys.prefix), Path(__file__)):
        for folder in path.resolve().parents:
            folder.chmod(folder.stat().st_mode | 0o005)


def test_a_user_without_permission_is_told_the_command_that_mends_it(loopback, enterable):
    loopback.chmod(0o600)
    command = [sys.executable, "-c", AS_ANOTHER_USER]
    done = subprocess.Popen(
        [*command, "run", "--camera", "demo", "--lens", "none", "--no-preview"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    time.sleep(8)
    done.send_signal(signal.SIGTERM)
    said, _ = done.communicate(timeout=20)
    assert "permission denied" in said.lower(), said
    assert "usermod -aG video" in said, said
    assert "Traceback" not in said
    refused = subprocess.run([*command, "doctor"], capture_output=True, text=True, timeout=120)
    assert "usermod -aG video" in refused.stdout, refused.stdout + refused.stderr


def test_another_user_cannot_talk_to_the_daemon(loopback, daemon):
    settled(daemon.start("--camera", "demo", "--lens", "none", "--no-preview", "--always-on"))
    daemon.socket.chmod(0o666)  # as if the folder's and the socket's modes had failed us
    for folder in (daemon.socket.parent, *daemon.socket.parents):
        if str(folder).startswith("/tmp/"):
            folder.chmod(0o755)
    code = f"""
import os, socket
os.setgid(65534); os.setgroups([]); os.setuid(65534)
peer = socket.socket(socket.AF_UNIX); peer.settimeout(5); peer.connect({str(daemon.socket)!r})
peer.sendall(b'{{"id":1,"protocol":1,"method":"stop"}}\\n')
print("got", peer.recv(100))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.stdout.strip() == "got b''" or "Errno 104" in done.stderr or "Errno 32" in done.stderr, done
    assert daemon.status()["on_air"] == "worker"
