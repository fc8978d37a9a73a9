"""Cameras that come, go and go wrong: which one is taken, what a reader sees meanwhile, and how it is mended."""

from __future__ import annotations

import time

import pytest

from lensd.v4l2.hotplug import DeviceNews
from tests.guest.inside import reading
from tests.guest.inside.feeding import bars_feed
from tests.guest.inside.kernel import plug_webcam, unplug_webcam, wait_for
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera


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
            seen.wait(60)
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
