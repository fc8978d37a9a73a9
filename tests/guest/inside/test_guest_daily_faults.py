"""What goes wrong around the daemon: full disks, broken settings, a busy machine, a storm of switches, broken JPEGs."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from lensd.control.messages import LineBuffer, Request, encode
from lensd.v4l2 import device
from lensd.v4l2.uapi import BufferType
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.injected import Faults
from tests.guest.inside.kernel import NODE, wait_for, wait_until_camera
from tests.guest.inside.processes import running
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera

SIZE = (640, 480)
PORTRAIT = Path(data.__file__).parent / "astronaut.png"
SWITCHES, STORM_S = 1000, 10
SETTINGS = 'lens = "none"\nsize = "640x480"\npreview = false\nalways_on = true\nno_face = "pass"\n'


def begin(daemon: Daemon, *words: str) -> Daemon:
    quiet = ("--lens", "none", "--size", f"{SIZE[0]}x{SIZE[1]}", "--no-preview", "--always-on")
    return settled(daemon.start("--camera", str(PORTRAIT), *quiet, *words))


def descriptors(daemon: Daemon) -> int:
    assert daemon.process is not None
    return min(len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir())) for _ in range(3))


def test_a_storm_of_switches_with_wrong_names_among_them_ends_with_the_last(loopback, daemon, figure):
    begin(daemon)
    before, names = descriptors(daemon), itertools.cycle(("moustache-overlay", "nonesuch", "none", "previous-but-one"))
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns, answers = time.monotonic_ns(), 0
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(daemon.socket))
            peer.settimeout(60)
            lines = LineBuffer()

            def take() -> None:
                nonlocal answers
                while answers < SWITCHES + 1:
                    answers += len(list(lines.feed(peer.recv(65536))))

            answered = threading.Thread(target=take)
            answered.start()
            for number in range(SWITCHES):
                peer.sendall(encode(Request(number, "switch", {"lens": next(names)}).as_message()))
                time.sleep(STORM_S / SWITCHES / 2)
            peer.sendall(encode(Request(SWITCHES, "switch", {"lens": "moustache-overlay"}).as_message()))
            answered.join(90)
        assert answers == SWITCHES + 1
        wait_for(lambda: daemon.status()["worker"]["lens"] == "moustache-overlay", 10, "the last one", every_s=0.2)
        seen.wait(30)
        figure(f"{SWITCHES} switches, s", round((time.monotonic_ns() - from_ns) / 1e9, 1))
        figure("a storm of switches: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
    assert daemon.status()["worker"]["restarts"] == 0
    wait_for(lambda: descriptors(daemon) <= before, 10, "no descriptor is left")


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """A disk of 64 KiB without a byte left, at `folder`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=True)
    try:
        with contextlib.suppress(OSError), (folder / "full").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_settings_disks_and_second_daemons_cannot_stop_it(loopback, daemon, figure):
    """One daemon for all of them, as nothing of it may leave a mark: each start takes three seconds here."""
    path = daemon.home / ".config/lensd/config.toml"
    path.parent.mkdir(parents=True)
    path.write_text(f'camera = "{PORTRAIT}"\n{SETTINGS}')
    faults = Faults(daemon)
    settled(daemon.start())
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        for name, provoke in (
            ("half a settings file", lambda: half_a_settings_file(daemon, path)),
            ("a full disk", lambda: nothing_can_be_remembered(daemon, full_disk(daemon.home / "state"))),
            ("a home that is read-only", lambda: nothing_can_be_remembered(daemon, read_only(daemon.home / "state"))),
            ("a disk that takes three seconds", lambda: a_slow_disk(daemon, faults)),
            ("a second daemon", lambda: a_second_daemon(daemon)),
        ):
            seen.wait(30)
            from_ns = time.monotonic_ns()
            provoke()
            seen.wait(30)
            figure(f"{name}: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
            assert seen.longest_gap_ms(from_ns) <= GAP_MS
    assert daemon.status()["worker"]["restarts"] == 0
    assert "Traceback" not in daemon.log


def half_a_settings_file(daemon: Daemon, path: Path) -> None:
    whole = path.read_text()
    path.write_text(whole[: len(whole) // 2])
    daemon.send(signal.SIGHUP)
    wait_for(lambda: daemon.status()["settings"]["problem"] is not None, 5, "it is told")
    assert daemon.status()["settings"]["current"]["size"] == "640x480"
    path.write_text(whole)
    daemon.send(signal.SIGHUP)
    wait_for(lambda: daemon.status()["settings"]["problem"] is None, 5, "it is well again")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def nothing_can_be_remembered(daemon: Daemon, disk: contextlib.AbstractContextManager[None]) -> None:
    told = daemon.log.count("could not be remembered")
    with disk:
        assert daemon.call("switch", lens="moustache-overlay")["lens"] == "moustache-overlay"
        assert daemon.call("switch", lens="none")["lens"] == "none"
        wait_for(lambda: daemon.log.count("could not be remembered") > told, 5, "it is told", every_s=0.1)


def a_slow_disk(daemon: Daemon, faults: Faults) -> None:
    faults.disk(3)
    assert daemon.call("switch", lens="moustache-overlay")["lens"] == "moustache-overlay"
    state = daemon.home / "state/lensd/state.json"
    time.sleep(1)
    assert not state.exists() or "moustache" not in state.read_text(), "the disk is not slow"
    wait_for(lambda: state.exists() and "moustache" in state.read_text(), 10, "it is remembered", every_s=0.2)
    faults.none()
    daemon.call("switch", lens="none")


def a_second_daemon(daemon: Daemon) -> None:
    assert daemon.process is not None
    done = daemon.command("run", check=False)
    assert done.returncode == 75, done
    assert f"runs already, pid {daemon.process.pid}" in done.stderr
    assert daemon.status()["pid"] == daemon.process.pid


def test_a_busy_machine_drops_frames_and_keeps_the_cadence(loopback, daemon, figure):
    """Four programs that want all of the guest's one processor, at the same priority as the daemon."""
    begin(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen, contextlib.ExitStack() as busy:
        seen.wait(60)
        for _ in range(4):
            busy.enter_context(running(["sh", "-c", "while :; do :; done"]))
        from_ns = time.monotonic_ns()
        seen.wait(200, 60)
        figure("four busy programs: pictures a second", round(seen.fps(5), 1))
        figure("four busy programs: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert daemon.status()["worker"]["restarts"] == 0


class JpegWebcam:
    """A webcam that gives JPEGs, whole or cut off, at 15 a second."""

    def __init__(self, node: Path) -> None:
        out = io.BytesIO()
        Image.open(PORTRAIT).resize(SIZE).save(out, "JPEG", quality=90)
        self._whole = out.getvalue()
        self.picture = self._whole
        self._descriptor = os.open(node, os.O_RDWR)
        layout = device.PixelLayout(*SIZE, "MJPG", image_bytes=SIZE[0] * SIZE[1] * 2)
        device.set_format(self._descriptor, BufferType.OUTPUT, layout)
        device.set_rate(self._descriptor, BufferType.OUTPUT, 15)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, daemon=True)
        self._thread.start()
        wait_until_camera(node)

    def cut(self, *, off: bool) -> None:
        self.picture = self._whole[: len(self._whole) // 3] if off else self._whole

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._descriptor)

    def _write(self) -> None:
        while not self._stop.wait(1 / 15):
            os.write(self._descriptor, self.picture)


def test_a_webcam_whose_jpegs_are_cut_off_gives_a_card_and_comes_back(two_loopbacks, daemon, figure):
    node, face_webcam = two_loopbacks
    camera = JpegWebcam(face_webcam)
    words = (
        "--camera",
        "Face Webcam",
        "--lens",
        "none",
        "--size",
        f"{SIZE[0]}x{SIZE[1]}",
        "--no-preview",
        "--always-on",
    )
    settled(daemon.start(*words))
    with reading.mmap(node, *SIZE, keep=0) as seen:
        seen.wait(60)
        from_ns = time.monotonic_ns()
        camera.cut(off=True)
        took = daemon.wait_status(10, "the card", on_air="camera-failed")
        figure("JPEGs that are cut off: card after, s", round(took, 2))
        assert "JPEG" in daemon.status()["worker"]["why"]
        camera.cut(off=False)
        took = daemon.wait_status(20, "the webcam's pictures are on air", on_air="worker")
        figure("whole JPEGs again: on air after, s", round(took, 2))
        seen.wait(30)
        figure("JPEGs that are cut off: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert daemon.status()["worker"]["restarts"] == 0
    camera.close()


def test_without_a_session_it_keeps_its_socket_in_a_folder_of_the_user(loopback, daemon, monkeypatch):
    del daemon.environment["XDG_RUNTIME_DIR"]
    monkeypatch.setattr(Daemon, "socket", Path(f"/tmp/lensd-{os.getuid()}/control.sock"))
    monkeypatch.setattr(daemon, "processes", list)  # they are known by the folder that there is not
    begin(daemon)
    assert str(NODE) in daemon.command("status").stdout
    assert daemon.socket.parent.stat().st_mode & 0o777 == 0o700
    daemon.stop()
    assert not daemon.socket.exists()
