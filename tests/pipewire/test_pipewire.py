"""The camera in PipeWire: a real PipeWire daemon, a real session manager, a real reader that looks at the pixels."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lensd.doctor import programs
from lensd.shared_picture import SharedPictureWriter, create_shared_picture
from tests.daemon.conftest import Daemon, alive
from tests.pipewire.session import Session, missing, wait_for

WIDTH, HEIGHT = 640, 480
PICTURE_BYTES = WIDTH * HEIGHT * 3 // 2
# Red, green, blue and grey side by side, and what they are in BT.601 limited.
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (128, 128, 128))
I420 = ((85, 103, 203), (128, 79, 66), (58, 203, 116), (126, 128, 128))


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    if why := missing():
        assert "CI" not in os.environ, why
        pytest.skip(why)
    running = Session(tmp_path_factory.mktemp("session")).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def daemon(session, tmp_path_factory):
    """A daemon in that session, as systemd starts it, whose webcam is a picture of four colours."""
    home = tmp_path_factory.mktemp("daemon")
    columns = np.repeat(np.array(COLOURS, np.uint8), WIDTH // 4, axis=0)
    Image.fromarray(np.broadcast_to(columns, (HEIGHT, WIDTH, 3)).copy()).save(home / "colours.png")
    running = Daemon(home)
    running.environment |= {"PIPEWIRE_RUNTIME_DIR": str(session.folder / "runtime"), "JOURNAL_STREAM": "8:1"}
    words = (
        "--camera",
        str(home / "colours.png"),
        "--output",
        "none",
        "--no-preview",
        "--lens",
        "none",
        "--linger",
        "0",
    )
    running.start(*words, "--size", f"{WIDTH}x{HEIGHT}")
    yield running
    if running.process.poll() is None:
        running.end()


def state(daemon):
    return daemon.status()["pipewire"]["state"]


def pid_of_camera(daemon):
    found = subprocess.run(
        ["pgrep", "-f", "-P", str(daemon.process.pid), "lensd.pipewire"], capture_output=True, text=True
    )
    return int(found.stdout)


def colours_of(path):
    """Return the I420 colours at the middles of the four columns of the last picture in a file."""
    pictures = np.fromfile(path, np.uint8)
    last = pictures[: pictures.size // PICTURE_BYTES * PICTURE_BYTES][-PICTURE_BYTES:]
    luma = last[: WIDTH * HEIGHT].reshape(HEIGHT, WIDTH)
    u, v = last[WIDTH * HEIGHT :].reshape(2, HEIGHT // 2, WIDTH // 2)
    at = [WIDTH * (2 * number + 1) // 8 for number in range(4)]
    return np.array([(luma[240, x], u[120, x // 2], v[120, x // 2]) for x in at], int)


def test_it_is_listed_as_a_camera_and_two_programs_see_the_webcam_only_while_they_look(session, daemon, tmp_path):
    wait_for(session.cameras, "a camera is listed")
    [camera] = session.cameras()
    assert camera["node.description"] == "SnapLens Camera"
    daemon.until(lambda: daemon.status()["demand"]["state"] == "off", "nobody looks")
    assert state(daemon) == "listed"
    with session.reader(tmp_path / "one", 120) as one, session.reader(tmp_path / "two", 120) as two:
        daemon.until(lambda: daemon.status()["demand"]["state"] == "on", "somebody looks")
        assert "by way of PipeWire" in daemon.command("status").stdout
        for each in (one, two):
            assert each.wait(40) == 0, each.stderr.read()
    for name in ("one", "two"):
        assert np.abs(colours_of(tmp_path / name) - np.array(I420)).max() <= 4
    daemon.until(lambda: daemon.status()["demand"]["state"] == "off", "nobody looks any more")
    assert daemon.status()["worker"]["pid"] is None


def test_its_death_costs_nothing_and_it_is_back(session, daemon, tmp_path):
    daemon.until(lambda: state(daemon) == "listed", "it is listed")
    before, keeper = pid_of_camera(daemon), daemon.process.pid
    os.kill(before, signal.SIGKILL)
    daemon.until(lambda: state(daemon) == "listed" and pid_of_camera(daemon) != before, "it is listed again")
    assert daemon.status()["pid"] == keeper
    with session.reader(tmp_path / "pictures", 60) as reader:
        assert reader.wait(40) == 0, reader.stderr.read()


def test_the_doctor_finds_the_camera_among_pipewires_sources(session, daemon):
    wait_for(session.cameras, "PipeWire lists the camera")
    dump = subprocess.run(["pw-dump"], env=session.environment, capture_output=True, text=True, timeout=20).stdout
    [finding] = programs.pipewire(dump, Path("/dev/video42"))
    assert (finding.status, finding.detail) == ("ok", 'has "SnapLens Camera" as a source: its own node')


def test_when_pipewire_ends_it_waits_and_is_back_with_it(session, daemon, tmp_path):
    session.stop()
    daemon.until(lambda: state(daemon) == "absent", "it is gone")
    assert "PipeWire" in daemon.command("status").stdout
    session.start()
    daemon.until(lambda: state(daemon) == "listed", "it is listed again", 40)
    camera = pid_of_camera(daemon)
    assert daemon.end() == 0
    assert not alive(camera)
    wait_for(lambda: not session.cameras(), "no camera is listed")


def test_where_it_cannot_be_it_says_why_and_ends():
    """A width that readers would reckon otherwise; the keeper then does not try again."""
    ours, theirs = socket.socketpair()
    shared = create_shared_picture("test", 636, 480)
    SharedPictureWriter(shared)
    with contextlib.ExitStack() as owned:
        owned.callback(os.close, shared)
        owned.enter_context(ours)
        wake = os.eventfd(0)
        owned.callback(os.close, wake)
        words = [sys.executable, "-m", "lensd.pipewire", "--control", str(theirs.fileno()), str(wake)]
        process = subprocess.Popen(words, pass_fds=(theirs.fileno(), wake))
        theirs.close()
        socket.send_fds(ours, [b'{"event": "show", "width": 636, "height": 480}\n'], [shared])
        assert process.wait(20) == 69
        assert b"multiple of 8" in ours.recv(4096)
