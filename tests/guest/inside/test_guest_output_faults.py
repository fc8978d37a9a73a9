"""What goes wrong at the virtual camera itself: the driver's errors, other programs, readers that stand still."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from skimage import data

from lensd.v4l2 import device
from lensd.v4l2.controls import KEEP_FORMAT, set_control
from lensd.v4l2.holders import holders
from lensd.v4l2.uapi import BufferType, Cap
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon, lensd
from tests.guest.inside.feeding import ffmpeg_feed
from tests.guest.inside.injected import Faults
from tests.guest.inside.kernel import NODE, caps, is_camera, wait_for, webcam
from tests.guest.inside.looking import is_free
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera

SIZE = (640, 480)
PORTRAIT = Path(data.__file__).parent / "astronaut.png"
# _IOW('~', 2, __u32), what `v4l2loopback-ctl delete` asks of the module.
_CTL_REMOVE = 0x40047E02


def begin(daemon: Daemon, *words: str) -> Daemon:
    """A still picture for a webcam, without a lens: nearly all of the guest's time is the output's."""
    quiet = ("--lens", "none", "--size", f"{SIZE[0]}x{SIZE[1]}", "--no-preview", "--always-on")
    return daemon.start("--camera", str(PORTRAIT), *quiet, *words)


def until_attached(daemon: Daemon, timeout_s: float = 10) -> float:
    what = f"the output is ours\n{daemon.log}"
    return wait_for(lambda: str(NODE) in daemon.status()["output"], timeout_s, what, every_s=0.05)


def test_an_error_of_the_driver_costs_a_reader_next_to_nothing(loopback, daemon, figure):
    faults = Faults(daemon)
    settled(begin(daemon))
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        for count, number in enumerate((errno.EIO, errno.EINVAL, errno.ENOSPC, errno.EAGAIN, errno.ENODEV), 1):
            seen.wait(75)  # an output that has held for two seconds
            from_ns = time.monotonic_ns()
            faults.ioctl("lensd.keeper", "QBUF", number)
            wait_for(lambda count=count: daemon.status()["write_errors"] == count, 5, "it is counted")
            took = until_attached(daemon)
            seen.wait(30)
            assert not seen.problem
            gap = seen.longest_gap_ms(from_ns)
            figure(
                f"{errno.errorcode[number]} of the driver: attached after, s; longest gap, ms", f"{took:.2f}; {gap:.0f}"
            )
            assert gap <= GAP_MS
        assert os.strerror(errno.ENODEV) in daemon.log


def test_the_device_cannot_be_taken_away_while_it_is_written(loopback, daemon, figure):
    settled(begin(daemon))
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        assert subprocess.run(["modprobe", "-r", "v4l2loopback"], capture_output=True).returncode != 0
        control = os.open("/dev/v4l2loopback", os.O_RDWR)
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
            fcntl.ioctl(control, _CTL_REMOVE, 10)
        os.close(control)
        seen.wait(30)
        figure("rmmod and delete are refused: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
    assert daemon.status()["write_errors"] == 0


def test_a_device_that_another_program_writes_into_is_waited_for(loopback, daemon, figure):
    source = ("-re", "-f", "lavfi", "-i", "testsrc=size=640x480:rate=15", "-pix_fmt", "yuv420p")
    with ffmpeg_feed(NODE, *source):
        settled(begin(daemon))
        problem = daemon.status()["output_problem"]
        assert "another program writes into it" in problem["why"]
        assert "close ffmpeg (pid" in problem["hint"]
        assert "another program writes into it" in daemon.command("status").stdout
    figure("another writer: ours after it has ended, s", round(until_attached(daemon), 2))
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)


def test_a_real_webcam_is_never_written_into(loopback, daemon):
    node = webcam()
    settled(begin(daemon, "--output", str(node)))
    problem = daemon.status()["output_problem"]
    assert "no v4l2loopback device" in problem["why"]
    assert problem["hint"] == "--output auto"
    assert is_free(node)
    assert caps(NODE) & Cap.VIDEO_OUTPUT, "and ours was not taken unasked"


def test_a_size_that_a_reader_holds_is_told_and_taken_when_it_is_free(loopback, daemon, tmp_path, figure):
    with lensd(
        tmp_path / "other", "--size", "320x240", "--camera", str(PORTRAIT), "--lens", "none", "--no-preview"
    ) as one:
        until_attached(one)
        reader = reading.mmap(NODE, 320, 240, keep=0)
        with reader as seen:
            seen.wait(5)
            one.end()
            begin(daemon)
            problem = daemon.status()["output_problem"]
            assert "it stays at 320x240 YU12 while a reader holds it" in problem["why"], problem
            assert "--size 320x240" in problem["hint"]
    figure("a size that was held: ours after the reader left, s", round(until_attached(daemon), 2))
    assert is_camera(NODE)


def test_a_format_that_somebody_pinned_is_let_go(loopback, daemon):
    """As `v4l2loopback-ctl set-caps` pins it."""
    descriptor = os.open(NODE, os.O_RDWR)
    device.set_format(descriptor, BufferType.OUTPUT, device.PixelLayout(320, 240, "YUYV"))
    set_control(descriptor, KEEP_FORMAT, 1)
    os.close(descriptor)
    begin(daemon)
    until_attached(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)


def test_a_second_reader_is_refused_and_the_first_sees_nothing_of_it(loopback, daemon, figure):
    settled(begin(daemon))
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        with pytest.raises(OSError, match=os.strerror(errno.EBUSY)), reading.mmap(NODE, *SIZE, keep=0):
            pass
        words = [
            "ffmpeg",
            "-nostdin",
            "-v",
            "error",
            "-f",
            "v4l2",
            "-i",
            str(NODE),
            "-frames:v",
            "1",
            "-f",
            "null",
            "-",
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20)
        assert "busy" in done.stderr.lower(), done
        seen.wait(30)
        figure("a second reader: longest gap at the first, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert daemon.status()["demand"]["streaming"] == 1


def test_a_reader_that_stands_still_is_nothing_to_the_others(two_outputs, daemon, figure):
    settled(begin(daemon))
    with reading.ffmpeg(two_outputs[0], *SIZE, keep=0) as still, reading.mmap(two_outputs[1], *SIZE, keep=0) as seen:
        still.wait(10)
        seen.wait(30)
        [pid] = [holder.pid for holder in holders(two_outputs[0]) if holder.name == "ffmpeg"]
        from_ns = time.monotonic_ns()
        os.kill(pid, signal.SIGSTOP)
        seen.wait(90)
        os.kill(pid, signal.SIGCONT)
        figure("beside a stopped reader: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        still.wait(20)
        assert not still.problem
