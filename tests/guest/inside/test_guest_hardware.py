"""Cameras that come, go and go wrong: which one is taken, what a reader sees meanwhile, and how it is mended."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time

import pytest

from lensd.camera.adjust import Adjustment
from lensd.camera.decode import Decoder
from lensd.camera.webcam import Webcam
from lensd.errors import CameraError, ConfigError
from lensd.frames import Picture, VideoFormat
from lensd.mailbox import MailboxClosed
from lensd.pipeline.capture import Capture
from lensd.pipeline.conditions import Conditions
from lensd.pipeline.doubt import Doubt
from lensd.v4l2 import device
from lensd.v4l2.hotplug import DeviceNews
from lensd.worker.sources import CameraOpener
from tests.guest.inside import reading
from tests.guest.inside.feeding import bars_feed
from tests.guest.inside.kernel import plug_webcam, set_controls, unplug_webcam, wait_for, webcam
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera

SMALL = VideoFormat(640, 480, 30)


@pytest.fixture(autouse=True)
def plugged():
    plug_webcam()
    yield
    plug_webcam()


def test_the_kernel_tells_of_a_webcam_that_comes_and_goes(figure):
    news = DeviceNews()
    assert news.told_by == "kernel", "the guest has no udev"
    assert not news.changed()
    unplug_webcam()
    assert wait_for(news.changed, 2, "news of the unplug") < 1
    plug_webcam()
    assert wait_for(news.changed, 2, "news of the plug") < 1
    assert not news.changed()
    news.close()


def test_the_next_camera_of_the_list_takes_over_without_a_card_and_the_first_comes_back(two_loopbacks, daemon, figure):
    node, second = two_loopbacks
    cameras = ("--camera", "vivid", "--camera", "Face Webcam", "--size", "640x480")
    with bars_feed(second, "640x480", 15, "rawvideo"):  # the guest's one processor has four programs to run
        settled(daemon.start(*cameras, "--lens", "none", "--no-preview"))
        with reading.mmap(node, 640, 480, keep=0) as seen:
            seen.wait(100)
            assert daemon.status()["camera"] == "vivid"
            from_ns = time.monotonic_ns()
            unplug_webcam()
            took = daemon.wait_status(5, "the second camera", camera="Face Webcam", on_air="worker")
            figure("the second is on air after, s", round(took, 2))
            assert "vivid" in daemon.status()["worker"]["instead_of"]
            plug_webcam()
            took = daemon.wait_status(5, "the first again", camera="vivid", on_air="worker")
            figure("the first is back after, s", round(took, 2))
            seen.wait(30)
            figure("longest gap, ms", round(seen.longest_gap_ms(from_ns), 1))
            assert seen.longest_gap_ms(from_ns) <= GAP_MS
            told = daemon.status()
            assert told["worker"]["restarts"] == 0
            assert told["worker"]["instead_of"] is None
            assert "no-camera" not in daemon.log


class Watched:
    """A webcam behind capture, decoded and doubted as the worker does it, without the rest of the daemon."""

    def __init__(self, *cameras: str) -> None:
        self.cameras = CameraOpener(cameras, SMALL)
        self.states: list[str] = []
        self.conditions = Conditions(lambda: self.states.append(str(self.conditions.current.state)))
        self.capture = Capture(self.cameras, self.conditions, better=self.cameras.better, changed=self.cameras.changed)
        self.doubt, self.picture, self.count = Doubt(), Picture(SMALL.width, SMALL.height), 0
        self._decoder = Decoder(SMALL)
        self._thread = threading.Thread(target=self._look)

    def __enter__(self):
        self.capture.start()
        self._thread.start()
        self.until_pictures(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.capture.ask_to_end()
        assert self.capture.join(10)
        self._thread.join(10)
        self.cameras.close()

    def until_pictures(self, count: int) -> float:
        wanted = self.count + count
        return wait_for(lambda: self.count >= wanted, 60, f"{count} more pictures: {self.conditions.current}")

    def until_opened(self, times: int) -> float:
        took = wait_for(lambda: self.capture.opened >= times, 60, f"opened {times} times: {self.conditions.current}")
        return took + self.until_pictures(3)

    def _look(self) -> None:
        with contextlib.suppress(MailboxClosed):
            while True:
                with self.capture.frames.using(0.2) as frame:
                    if frame is None:
                        continue
                    self._decoder.decode(frame, self.picture)
                    if why := self.doubt.look(self.picture.y, time.monotonic()):
                        self.capture.complain(CameraError("vivid", why))
                self.count += 1
                self.conditions.pictures_go_out()


def test_a_stream_that_breaks_or_falls_silent_and_a_clock_that_jumps(figure):
    node = webcam()
    set_controls(node, test_pattern=0, osd_text_mode=0, percentage_of_dropped_buffers=0)
    with Watched("vivid") as watched:
        watched.until_pictures(90)
        set_controls(node, inject_fatal_streaming_error=1)
        figure("a stream that breaks: new pictures after, s", round(watched.until_opened(2), 2))
        for hours in (1, -26, 25):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + hours * 3600)
            watched.until_pictures(10)
        assert watched.capture.opened == 2, "nobody minds the clock on the wall"
        set_controls(node, percentage_of_dropped_buffers=100)
        wait_for(lambda: "gave no picture" in watched.conditions.current.why, 20, "it is said")
        set_controls(node, percentage_of_dropped_buffers=0)
        figure("frames again after silence: new pictures after, s", round(watched.until_pictures(3), 2))


def test_frozen_and_black_pictures_open_the_camera_once_and_are_told(figure):
    node = webcam()
    set_controls(node, test_pattern=0, osd_text_mode=2)  # the bars alone: each picture is the last one
    with Watched("vivid") as watched:
        figure("a frozen picture: opened again after, s", round(watched.until_opened(2), 2))
        wait_for(lambda: "same picture" in watched.doubt.note, 20, "it is told")
        set_controls(node, test_pattern=5)
        wait_for(lambda: "lens cap" in watched.doubt.note, 20, "black is told of")
        assert watched.capture.opened == 2, "and it is not opened again and again"
    set_controls(node, test_pattern=0, osd_text_mode=0)


def test_controls_and_view_are_set_kept_and_set_again_after_an_unplug(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    node = webcam()
    set_controls(node, test_pattern=0, osd_text_mode=2)
    opened = Adjustment(node)
    before = {each.control.name: each for each in opened.settings()}
    assert before["brightness"].control.most == 255
    assert before["test_pattern"].control.menu[5] == "100% Black"
    with pytest.raises(ConfigError, match="0 to 255"):
        opened.set({"brightness": "999", "mirror": "on"})
    with pytest.raises(ConfigError, match="did you mean brightness"):
        opened.set({"brightnes": "1"})
    opened.set({"mirror": "on", "brightness": "160", "gain_automatic": "off", "test_pattern": "100% w"})
    now = {each.control.name: (each.value, each.kept) for each in opened.settings()}
    assert (now["brightness"], now["gain_automatic"], now["test_pattern"]) == ((160, True), (0, True), (6, True))
    opened.set({"test_pattern": "0"})
    opened.close()
    unplug_webcam()
    plug_webcam()
    with Watched("vivid") as watched:
        opened = Adjustment(webcam())
        told = {each.control.name: each.value for each in opened.settings()}
        assert (told["brightness"], told["gain_automatic"]) == (160, 0)
        assert int(watched.picture.y[300, 40]) < int(watched.picture.y[300, 600]), "the black bar is on the left"
        opened.reset(())
        watched.cameras.adjust()
        watched.until_pictures(5)
        assert int(watched.picture.y[300, 40]) > int(watched.picture.y[300, 600])
        told = {each.control.name: (each.value, each.kept) for each in opened.settings()}
        assert told["brightness"] == (before["brightness"].control.default, False)
        opened.close()


def test_a_bus_that_cannot_carry_it_gets_smaller_pictures_or_a_clear_word(monkeypatch, figure):
    """Vivid's bus carries everything: what USB's host controller says is put between."""
    stream_on, room = device.stream_on, [500_000]
    tried: list[int] = []

    def narrow(descriptor, side):
        tried.append(device.get_format(descriptor, side).image_bytes)
        if tried[-1] > room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        stream_on(descriptor, side)

    monkeypatch.setattr(device, "stream_on", narrow)
    node = webcam()
    opened = Webcam(node, SMALL)
    assert opened.read(2).data.nbytes <= room[0]
    figure("a narrow bus: bytes a picture that were tried", ", ".join(map(str, tried)))
    assert tried == sorted(tried, reverse=True)
    assert opened.format.width * opened.format.height * 2 >= 100_000, "and no smaller than it has to be"
    opened.close()
    room[0] = 1000
    with pytest.raises(CameraError, match="the USB bus cannot carry its pictures") as refused:
        Webcam(node, SMALL)
    assert "another port" in refused.value.hint
    monkeypatch.undo()
    whole = Webcam(node, SMALL)
    assert (whole.format.width, whole.format.height) == (640, 480)
    whole.close()
