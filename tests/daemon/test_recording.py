"""`lensd snapshot` and `lensd record` beside a running daemon: what is on air as files, however it ends."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from lensd.application.fragments import drop_torn_tail
from lensd.control.messages import Request, encode
from tests.daemon.conftest import LENSD, Daemon

DEMO = ("--camera", "demo", "--output", "none", "--no-preview", "--size", "640x480", "--lens", "none", "--always-on")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    running = Daemon(tmp_path_factory.mktemp("home"))
    running.start(*DEMO)
    yield running
    running.process.kill()
    running.process.wait()


@pytest.fixture
def on_air(shared):
    """One daemon for all who leave it as it was; the worker is on air."""
    shared.command("resume")
    shared.until_on_air("worker")
    return shared


def read(path):
    """Return seconds and mean luma of each picture of a video; what is no video raises."""
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


def start(daemon, *words, before=()):
    return subprocess.Popen(
        [*before, *LENSD, *map(str, words)],
        env=daemon.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def until_size(path, least, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not path.exists() or path.stat().st_size < least:
        assert time.monotonic() < deadline, "nothing is written"
        time.sleep(0.05)


def test_a_snapshot_is_what_is_on_air(on_air, tmp_path):
    daemon = on_air
    colourful = tmp_path / "me.png"
    done = daemon.command("snapshot", str(colourful))
    assert done.stdout == f"{colourful}: 640x480\n", done.stderr
    with Image.open(colourful) as picture:
        assert picture.size == (640, 480)
        assert np.asarray(picture).std() > 20
    assert colourful.stat().st_mode & 0o777 == 0o600
    daemon.command("pause", "--blank")
    for name in ("black.png", "black.jpg", "black.webp"):
        assert daemon.command("snapshot", str(tmp_path / name)).returncode == 0
        with Image.open(tmp_path / name) as picture:
            assert np.asarray(picture.convert("RGB")).max() <= 2
    refused = daemon.command("snapshot", str(tmp_path / "me.gif"))
    assert refused.returncode == 65
    assert ".png, .jpg" in refused.stderr
    assert daemon.command("snapshot", str(tmp_path / "nowhere/me.png")).returncode == 65
    assert sorted(path.name for path in tmp_path.glob("*me.*")) == ["me.png"]


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_a_recording_has_the_length_and_the_pictures_of_what_was_on_air(on_air, tmp_path, suffix):
    path = tmp_path / f"call{suffix}"
    done = on_air.command("record", str(path), "--for", "2")
    assert done.returncode == 0, done.stderr
    frames = read(path)
    assert 1.2 <= frames[-1][0] <= 4
    assert len(frames) >= 10
    assert min(mean for _, mean in frames) > 30, "the portrait, in its own light"
    assert path.stat().st_mode & 0o777 == 0o600
    again = on_air.command("record", str(path))
    assert again.returncode == 65
    assert "exists already" in again.stderr
    assert on_air.status()["worker"]["restarts"] == 0


def test_a_pause_is_recorded_as_programs_see_it_and_ctrl_c_ends_the_file(on_air, tmp_path):
    path = tmp_path / "call.mp4"
    recording = start(on_air, "record", path)
    until_size(path, 20_000)
    on_air.command("pause", "--blank")
    time.sleep(2)
    recording.send_signal(signal.SIGINT)
    out, errors = recording.communicate(timeout=20)
    assert recording.returncode == 0, errors
    assert out.startswith(f"{path}: 0:0")
    frames = read(path)
    assert frames[0][1] > 30
    assert frames[-1][1] < 18, "black"


def test_a_daemon_that_ends_leaves_a_file_that_plays(daemon, tmp_path):
    daemon.start(*DEMO).until_on_air("worker")
    path = tmp_path / "call.mkv"
    recording = start(daemon, "record", path)
    until_size(path, 5_000)
    daemon.end()
    _, errors = recording.communicate(timeout=20)
    assert recording.returncode == 74
    assert errors == "error: the recording ended early: lensd has ended; what is there can be played\n"
    assert len(read(path)) >= 2


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_file_that_may_not_grow_ends_in_one_sentence_and_plays(on_air, tmp_path, suffix):
    path = tmp_path / f"call{suffix}"
    recording = start(on_air, "record", path, before=("prlimit", "--fsize=800000"))
    _, errors = recording.communicate(timeout=60)
    assert recording.returncode == 74, errors
    assert errors == "error: the recording ended early: the disk is full; what is there can be played\n"
    assert 50_000 < path.stat().st_size <= 800_000
    assert len(read(path)) >= 10
    assert on_air.status()["on_air"] == "worker"


ON_A_SMALL_DISK = """
mkdir "$1/disk" && mount -t tmpfs -o size=800k none "$1/disk" || exit 99
shift; "$@"; status=$?
cp "$DISK/disk/call.mp4" "$DISK/copy.mp4"; exit $status
"""


def test_a_disk_that_is_full_ends_in_one_sentence_and_plays(on_air, tmp_path):
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode:
        pytest.skip("no mount namespaces here")
    before = ("env", f"DISK={tmp_path}", "unshare", "-rm", "sh", "-c", ON_A_SMALL_DISK, "sh", str(tmp_path))
    recording = start(on_air, "record", tmp_path / "disk/call.mp4", before=before)
    _, errors = recording.communicate(timeout=60)
    assert recording.returncode == 74, errors
    assert errors == "error: the recording ended early: the disk is full; what is there can be played\n"
    assert len(read(tmp_path / "copy.mp4")) >= 10


def test_without_a_daemon_nothing_is_written(daemon, tmp_path):
    for words in (("snapshot", "x.png"), ("record", "x.mp4")):
        done = subprocess.run(
            [sys.executable, "-m", "lensd", *words],
            env=daemon.environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 69
        assert "lensd run" in done.stderr
    assert not list(tmp_path.glob("x.*"))


def test_a_snapshot_opens_a_webcam_that_nobody_looked_at_and_lets_it_be_closed_again(daemon, tmp_path):
    daemon.environment |= {"NOTIFY_SOCKET": str(tmp_path / "nobody"), "INVOCATION_ID": "1"}  # as systemd starts it
    daemon.start(*DEMO[:-1], "--linger", "0")
    daemon.until_on_air("idle")
    assert daemon.command("snapshot", str(tmp_path / "me.png")).returncode == 0
    with Image.open(tmp_path / "me.png") as picture:
        assert np.asarray(picture).std() > 30, "the portrait, and no card"
    daemon.until_on_air("idle")


def test_the_picture_is_handed_over_for_reading_only(on_air):
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(str(on_air.home / "runtime/lensd/control.sock"))
        peer.sendall(encode(Request(1, "picture", {}).as_message()))
        _, (descriptor,), _, _ = socket.recv_fds(peer, 4096, 4)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.pwrite(descriptor, b"x", 0)
    os.close(descriptor)


def test_a_torn_mp4_loses_its_last_fragment_only(on_air, tmp_path):
    path = tmp_path / "call.mp4"
    assert on_air.command("record", str(path), "--for", "3").returncode == 0
    whole = read(path)
    for cut in (1, 9, 5000):
        torn = Path(shutil.copy(path, tmp_path / f"torn-{cut}.mp4"))
        os.truncate(torn, path.stat().st_size - cut)
        assert drop_torn_tail(torn) >= 0
        assert 0 < len(read(torn)) <= len(whole)
    assert drop_torn_tail(path) == 0
