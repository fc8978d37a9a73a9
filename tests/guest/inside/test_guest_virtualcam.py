"""The virtual camera on a real v4l2loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from lensd.errors import SinkError, SinkMissing, SinkRefused
from lensd.v4l2.holders import holders
from lensd.v4l2.uapi import Cap
from lensd.virtualcam import find_node, open_sink
from lensd.virtualcam.loopback import LoopbackDevice
from tests.guest.inside import reading
from tests.guest.inside.feeding import bars, worst_bar
from tests.guest.inside.kernel import (
    NODE,
    caps,
    is_camera,
    load_loopback,
    unload_loopback,
    wait_for,
    wait_until_camera,
)
from tests.guest.inside.processes import running
from tests.guest.inside.writing import HD, ffmpeg_writes, first_line, streaming, writer

pytestmark = pytest.mark.camera


def test_it_opens_and_closes_twenty_times(loopback):
    picture = bars(1280, 720)
    for _ in range(20):
        sink = open_sink("auto", HD)
        sink.write(picture)
        assert is_camera(loopback)
        sink.close()
    assert caps(loopback) & Cap.VIDEO_OUTPUT
    assert not holders(loopback)
    assert ffmpeg_writes(loopback) == 0


def test_a_view_that_somebody_kept_does_not_keep_the_device(loopback):
    sink = open_sink("auto", HD)
    kept = sink.begin()
    sink.commit()
    sink.close()
    kept[:] = 7  # harmless, and seen by nobody
    unload_loopback()
    load_loopback()


@pytest.mark.parametrize("with_reader", [False, True])
def test_a_writer_that_was_killed_leaves_a_device_that_works(loopback, with_reader):
    with contextlib.ExitStack() as stack:
        with writer(60) as process:
            first_line(process)
            if with_reader:
                seen = stack.enter_context(reading.ffmpeg(loopback))
                seen.wait(10)
            process.send_signal(signal.SIGKILL)
            process.wait()
        start = time.monotonic()
        sink = open_sink("auto", HD)
        assert time.monotonic() - start < 1
        with streaming(sink, np.full(HD.picture_bytes, 90, np.uint8)):
            assert is_camera(loopback)
            if with_reader:
                seen.wait(20)
                assert seen.pictures[-1].min() == seen.pictures[-1].max() == 90
            else:
                with reading.ffmpeg(loopback) as fresh:
                    fresh.wait(10)
                    assert fresh.pictures[-1].min() == 90
    assert ffmpeg_writes(loopback) == 0


def test_a_device_left_stuck_by_a_program_that_used_write_is_healed(loopback):
    assert ffmpeg_writes(loopback) == 0
    for _ in range(2):
        sink = open_sink("auto", HD)
        sink.write(bars(1280, 720))
        assert is_camera(loopback)
        sink.close()


def test_a_device_that_another_program_writes_into_is_refused(loopback):
    source = ["-re", "-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30", "-pix_fmt", "yuv420p"]
    with running(["ffmpeg", "-nostdin", "-v", "error", *source, "-f", "v4l2", loopback]) as other:
        wait_until_camera(loopback)
        with pytest.raises(SinkRefused, match="another program writes into it") as caught:
            open_sink("auto", HD)
        assert f"ffmpeg (pid {other.pid})" in caught.value.hint
        with reading.ffmpeg(loopback) as seen:  # and was not disturbed
            seen.wait(10)
    open_sink("auto", HD).close()


def test_our_own_second_writer_is_refused_and_the_first_goes_on(loopback):
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        with writer(60) as second:
            assert second.wait(20) != 0
        with reading.ffmpeg(loopback) as seen:
            seen.wait(20)
            assert worst_bar(seen.pictures[-1], 1280, 720) <= 1


def test_foreign_devices_are_refused(loopback):
    with pytest.raises(SinkRefused, match=r"vivid.*no v4l2loopback device"):
        open_sink("/dev/video0", HD)
    with pytest.raises(SinkRefused, match="no video device"):
        open_sink("/dev/null", HD)
    with pytest.raises(SinkMissing, match="there is no such device"):
        open_sink("/dev/video63", HD)


def test_a_device_under_another_name_is_taken_only_when_it_is_named():
    load_loopback(("OBS Virtual Camera",))
    with pytest.raises(SinkMissing, match="without a device of this name") as caught:
        open_sink("auto", HD)
    assert caught.value.hint == "lensd setup"
    open_sink(str(NODE), HD).close()
    unload_loopback()
    with pytest.raises(SinkMissing, match="module is not loaded"):
        open_sink("auto", HD)


def test_a_module_with_other_options_works_and_is_warned_of(loopback, caplog):
    load_loopback(exclusive_caps=False, max_buffers=None)
    with streaming(open_sink("auto", HD), bars(1280, 720)), reading.ffmpeg(loopback) as seen:
        seen.wait(5)
        assert worst_bar(seen.pictures[-1], 1280, 720) <= 1
    told = [record.getMessage() for record in caplog.records]
    assert any("lacks exclusive_caps=1" in text for text in told)
    assert any("has 2 buffers" in text for text in told)


def test_the_pyvirtualcam_interface_costs_little(loopback, figure):
    raw, picture = LoopbackDevice(loopback, HD), bars(1280, 720)

    def median_ms(write) -> float:
        took = []
        for _ in range(200):
            start = time.perf_counter()
            write()
            took.append(time.perf_counter() - start)
        return float(np.median(took)) * 1e3

    def write_raw() -> None:
        np.copyto(raw.begin(), picture)
        raw.commit()

    without = median_ms(write_raw)
    raw.close()
    sink = open_sink("auto", HD)
    through = median_ms(lambda: sink.write(picture))
    sink.close()
    figure("one write of 720p", f"{without:.3f} ms, through pyvirtualcam {through:.3f} ms")
    assert through < without + 1


def test_a_device_that_vanishes_is_an_error_not_a_crash(loopback):
    sink = open_sink("auto", HD)
    os.close(sink.fileno())  # what a driver that is gone answers: no ioctl works any more
    with pytest.raises(SinkError):
        sink.write(bars(1280, 720))
    descriptor = os.open("/dev/null", os.O_RDWR)  # takes the number, so that `close` hurts nobody
    with contextlib.suppress(SinkError):
        sink.close()
    with contextlib.suppress(OSError):
        os.close(descriptor)


def test_the_module_cannot_be_unloaded_under_a_stream(sink, loopback):
    refused = subprocess.run(["modprobe", "-r", "v4l2loopback"], capture_output=True, text=True)
    assert refused.returncode != 0
    sink.write(bars(1280, 720))
    assert is_camera(loopback)


def test_without_permission_the_hint_is_the_group(loopback):
    assert loopback.stat().st_mode & 0o007 == 0
    child = os.fork()
    if child == 0:  # the guest's tests run as root, who may do everything
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        try:
            open_sink("auto", HD)
        except SinkError as error:
            os._exit(0 if (error.why, "usermod -aG video" in error.hint) == ("permission denied", True) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_shipped_module_options_make_the_device(loopback):
    unload_loopback()
    options = Path(__file__).parents[3] / "lensd/setup/systemd/modprobe.d/snaplens.conf"
    subprocess.run(["modprobe", "-C", str(options), "v4l2loopback"], check=True)
    wait_for(lambda: Path("/dev/video42").exists(), 5, "/dev/video42 appears")
    assert find_node() == Path("/dev/video42")
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        assert is_camera(Path("/dev/video42"))
