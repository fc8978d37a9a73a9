"""The virtual camera on a real v4l2loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lensd.errors import SinkError, SinkMissing, SinkRefused
from lensd.frames import U8, VideoFormat
from lensd.ports import FrameSink
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.uapi import BufferType, Cap
from lensd.virtualcam import LABEL, count_readers, find_node, holders, open_sink
from lensd.virtualcam.loopback import LoopbackDevice
from tests.guest.inside import reading
from tests.guest.inside.feeding import bars, worst_bar
from tests.guest.inside.kernel import (
    NODE,
    VERSION,
    caps,
    is_camera,
    load_loopback,
    unload_loopback,
    wait_for,
    wait_until_camera,
)
from tests.guest.inside.processes import running

pytestmark = pytest.mark.camera

HD = VideoFormat(1280, 720, 30)
VGA = VideoFormat(640, 480, 30)
# A writer as a user's script would be: prints a line when it streams, and goes on until it is killed.
WRITER = f"""
import sys, time, numpy as np
from lensd.frames import VideoFormat
from lensd.virtualcam import open_sink
sink = open_sink("auto", VideoFormat({HD.width}, {HD.height}, 30))
picture = np.full({HD.picture_bytes}, int(sys.argv[1]), np.uint8)
while True:
    sink.write(picture)
    print("streaming", flush=True)
    time.sleep(1 / 30)
"""


@contextlib.contextmanager
def streaming(sink: FrameSink, picture: U8) -> Iterator[None]:
    """Write `picture` at the sink's rate for the block; in the end the sink is closed."""
    stop = threading.Event()

    def write() -> None:
        due = time.monotonic()
        while not stop.is_set():
            sink.write(picture)
            due += sink.format.period_ns / 1e9
            stop.wait(max(0, due - time.monotonic()))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sink.close()


def writer(value: int) -> contextlib.AbstractContextManager[subprocess.Popen[bytes]]:
    return running([sys.executable, "-c", WRITER, str(value)], stdout=subprocess.PIPE)


def first_line(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    assert process.stdout.readline() == b"streaming\n"


@pytest.fixture
def sink(loopback: Path) -> Iterator[FrameSink]:
    """Our own sink on the freshly loaded module, closed at the end whatever happens."""
    sink = open_sink("auto", HD)
    yield sink
    sink.close()


def ffmpeg_writes(node: Path, pictures: int = 10) -> int:
    source = ["-f", "lavfi", "-i", "testsrc=size=1280x720:rate=30", "-frames:v", str(pictures), "-pix_fmt", "yuv420p"]
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *source, "-f", "v4l2", str(node)]).returncode


def test_ffmpeg_and_v4l2_ctl_read_bars_at_the_full_rate(loopback, figure):
    assert find_node() == loopback
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        assert is_camera(loopback)
        with reading.ffmpeg(loopback) as seen:
            figure("rate at ffmpeg", f"{seen.wait(20).wait_rate(27):.1f} of 30")
            figure("colour error at ffmpeg", f"{worst_bar(seen.pictures[-1], 1280, 720)}/255")
            assert worst_bar(seen.pictures[-1], 1280, 720) <= 1
        rate = reading.v4l2_ctl_fps(loopback)
        figure("rate at v4l2-ctl", f"{rate:.1f} of 30")
        assert rate >= 27


def test_browsers_find_a_discrete_size_and_the_rate(loopback):
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        told = reading.describe(loopback)
        assert "Size: Discrete 1280x720" in told
        assert "Interval: Discrete 0.033s (30.000 fps)" in told
        assert f"Card type        : {LABEL}" in told


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


def test_an_abandoned_picture_is_not_shown(sink, loopback):
    wrong: list[int] = []
    sink.write(bars(1280, 720))
    with reading.mmap(loopback, keep=0, on_picture=lambda seen, _: wrong.append(worst_bar(seen, 1280, 720))):
        deadline = time.monotonic() + 30
        while len(wrong) < 30:
            assert time.monotonic() < deadline
            sink.begin()[:] = 255
            np.copyto(sink.begin(), bars(1280, 720))
            sink.commit()
            time.sleep(0.02)
    assert max(wrong) == 0


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
    assert "modprobe" in caught.value.hint
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


def test_another_size_that_a_reader_holds_is_refused(loopback):
    with contextlib.ExitStack() as stack:
        with streaming(open_sink("auto", VGA), bars(640, 480)):
            seen = stack.enter_context(reading.mmap(loopback, 640, 480))
            seen.wait(5)
        with pytest.raises(SinkRefused, match="640x480 YU12") as caught:
            open_sink("auto", HD)
        assert "--size 640x480" in caught.value.hint
        with streaming(open_sink("auto", VGA), bars(640, 480)):
            seen.wait(10)
    open_sink("auto", HD).close()


def test_a_reader_that_stands_still_never_holds_the_writer_up(sink, loopback, figure):
    picture = bars(1280, 720)
    sink.write(picture)
    with reading.ffmpeg(loopback) as seen:
        while len(seen.times_ns) < 5:
            sink.write(picture)
            time.sleep(0.03)
        [reader] = holders(loopback)
        os.kill(reader.pid, signal.SIGSTOP)
        took = []
        for _ in range(60):
            start = time.perf_counter()
            sink.write(picture)
            took.append(time.perf_counter() - start)
            time.sleep(0.01)
        os.kill(reader.pid, signal.SIGCONT)
    figure("write beside a stopped reader", f"{np.median(took) * 1e3:.2f} ms, at most {max(took) * 1e3:.1f} ms")
    assert max(took) < 0.1


def test_a_reader_that_asks_for_few_buffers_gets_new_pictures(sink, loopback):
    sink.write(np.full(HD.picture_bytes, 19, np.uint8))
    with contextlib.ExitStack() as owned:
        descriptor = os.open(loopback, os.O_RDWR | os.O_NONBLOCK)
        owned.callback(os.close, descriptor)
        buffers = MappedBuffers(descriptor, BufferType.CAPTURE, 2)
        owned.callback(buffers.close)
        assert len(buffers) == (4 if VERSION == "0.15" else 2)  # 0.15 gives every reader as many as the writer has
        device.stream_on(descriptor, BufferType.CAPTURE)
        for value in range(20, 60):
            sink.write(np.full(HD.picture_bytes, value, np.uint8))
            filled = buffers.dequeue()
            view = buffers.views[filled.index]
            # Readers begin with the oldest, so they stay behind by what the ring holds; no more, and no mixture.
            assert view[0] == view[HD.picture_bytes - 1]
            assert value - len(buffers) < view[0] <= value
            buffers.queue(filled.index)


def test_readers_are_counted_by_process(loopback):
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        assert count_readers(loopback) == 0
        with reading.ffmpeg(loopback) as seen:
            seen.wait(1)
            assert [holder.name for holder in holders(loopback)] == ["ffmpeg"]
        wait_for(lambda: count_readers(loopback) == 0, 5, "the reader is gone")


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


def test_a_slow_reader_seldom_has_its_picture_overwritten(sink, loopback, figure):
    """A reader of 25 pictures a second that works 5 ms on each.

    With the module's default of 2 buffers this counts 13 to 19 of 120; with 4 none with 0.12, 4 to 9 with the others.
    """
    overwritten: list[bool] = []

    def look(picture: U8, _now_ns: int) -> None:
        first, start = int(picture[0]), time.monotonic()
        time.sleep(0.005)
        changed = any(int(picture[index]) != first for index in (0, HD.picture_bytes // 2, -1))
        if time.monotonic() - start < 0.02:  # not where the machine was busy elsewhere meanwhile
            overwritten.append(changed)
        time.sleep(0.035)

    picture, value = np.zeros(HD.picture_bytes, np.uint8), 0
    sink.write(picture)
    with reading.mmap(loopback, keep=0, on_picture=look):
        due = time.monotonic()
        while len(overwritten) < 120:
            value = (value + 1) % 250
            picture[:] = value
            sink.write(picture)
            due += 1 / 30
            time.sleep(max(0, due - time.monotonic()))
    figure("pictures overwritten at a reader of 25 fps", f"{sum(overwritten)} of {len(overwritten)}")
    assert sum(overwritten) <= (0 if VERSION == "0.12" else len(overwritten) * 0.2)


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
    options = Path(__file__).parents[3] / "systemd/modprobe.d/snaplens.conf"
    subprocess.run(["modprobe", "-C", str(options), "v4l2loopback"], check=True)
    wait_for(lambda: Path("/dev/video42").exists(), 5, "/dev/video42 appears")
    assert find_node() == Path("/dev/video42")
    with streaming(open_sink("auto", HD), bars(1280, 720)):
        assert is_camera(Path("/dev/video42"))
