"""What programs that read the virtual camera get, on a real v4l2loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import time

import numpy as np
import pytest

from lensd.errors import SinkRefused
from lensd.frames import U8
from lensd.v4l2 import device
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.holders import count_readers, holders
from lensd.v4l2.uapi import BufferType
from lensd.virtualcam import LABEL, find_node, open_sink
from tests.guest.inside import reading
from tests.guest.inside.feeding import bars, worst_bar
from tests.guest.inside.kernel import (
    VERSION,
    is_camera,
    wait_for,
)
from tests.guest.inside.writing import HD, VGA, streaming

pytestmark = pytest.mark.camera


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


def test_an_abandoned_picture_is_not_shown(sink, loopback):
    # A picture at a time: what a slow reader's buffers may suffer is measured below, and is no matter of this.
    wrong: list[int] = []
    sink.write(bars(1280, 720))
    with reading.mmap(loopback, keep=0, on_picture=lambda seen, _: wrong.append(worst_bar(seen, 1280, 720))):
        deadline = time.monotonic() + 30
        while len(wrong) < 30:
            assert time.monotonic() < deadline
            sink.begin()[:] = 255
            time.sleep(0.01)  # the reader's chance to see it
            np.copyto(sink.begin(), bars(1280, 720))
            seen = len(wrong)
            sink.commit()
            wait_for(lambda seen=seen: len(wrong) > seen, 10, "the picture at the reader")
    assert max(wrong) == 0


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
