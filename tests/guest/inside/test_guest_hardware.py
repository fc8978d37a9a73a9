"""Cameras that come, go and go wrong: which one is taken, what a reader sees meanwhile, and how it is mended."""

from __future__ import annotations

import io
import itertools
import json
import os
import signal
import time

import pytest
from PIL import Image

from lensd.v4l2.hotplug import DeviceNews
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import bars_feed, jpeg_feed
from tests.guest.inside.kernel import plug_webcam, set_controls, unplug_webcam, unplugged, wait_for, webcam
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


def opened(daemon: Daemon) -> int:
    return int(daemon.status()["worker"]["opened"])


def reopened(daemon: Daemon, before: int, timeout_s: float) -> float:
    """Wait until the camera was opened again and pictures go out; returns how long that took, s."""

    def again() -> bool:
        told = daemon.status()
        return told["worker"].get("opened", 0) > before and told["on_air"] == "worker" and told["worker"]["fps"] > 0

    return wait_for(again, timeout_s, "the camera is opened again")


def test_a_webcam_that_fails_in_its_own_ways_is_opened_again_without_a_gap(loopback, daemon, figure):
    node = webcam()
    set_controls(node, test_pattern=0, osd_text_mode=0)
    settled(daemon.start("--camera", "vivid", "--lens", "none", "--no-preview", "--size", "640x480"))
    with reading.mmap(loopback, 640, 480, keep=0) as seen:
        seen.wait(100)

        def measure(name: str, from_ns: int, took: float, limit_s: float) -> None:
            gap = seen.longest_gap_ms(from_ns)
            figure(name, f"back after {took:.2f} s, longest gap {gap:.0f} ms")
            assert took <= limit_s
            assert gap <= GAP_MS

        before, from_ns = opened(daemon), time.monotonic_ns()
        set_controls(node, inject_fatal_streaming_error=1)
        measure("stream broken by the driver", from_ns, reopened(daemon, before, 8), 4)

        before, from_ns = opened(daemon), time.monotonic_ns()
        set_controls(node, percentage_of_dropped_buffers=100)
        daemon.wait_status(12, "the card", on_air="no-camera")
        assert "gave no picture" in daemon.status()["worker"]["why"]
        mended = time.monotonic()
        set_controls(node, percentage_of_dropped_buffers=0)
        daemon.wait_status(8, "the picture", on_air="worker")
        measure("no frames any more", from_ns, time.monotonic() - mended, 4)

        from_ns, at = time.monotonic_ns(), time.time()
        for hours in (1, -26, 25):
            time.clock_settime(time.CLOCK_REALTIME, time.time() + hours * 3600)
            seen.wait(30)
        measure("clock set forward, back and forward", from_ns, abs(time.time() - at) / 3600, 1)
        assert daemon.status()["worker"]["fps"] >= 20

        before, from_ns = opened(daemon), time.monotonic_ns()
        set_controls(node, osd_text_mode=2)  # the bars alone: each picture is the last one
        measure("frozen", from_ns, reopened(daemon, before, 15), 12)
        wait_for(lambda: "same picture" in (daemon.status()["worker"]["doubt"] or ""), 10, "it is said")
        assert opened(daemon) == before + 1, "and not opened again and again"
        assert "same picture" in daemon.command("status").stdout
        set_controls(node, osd_text_mode=0)
        assert daemon.status()["worker"]["restarts"] == 0


def test_a_black_picture_is_tried_once_and_said_to_be_one(loopback, daemon, figure):
    set_controls(webcam(), test_pattern=5, osd_text_mode=2)
    settled(daemon.start("--camera", "vivid", "--lens", "none", "--no-preview", "--size", "640x480"))
    with reading.mmap(loopback, 640, 480, keep=0) as seen:
        from_ns = time.monotonic_ns()
        took = reopened(daemon, 1, 20)
        wait_for(lambda: "lens cap" in (daemon.status()["worker"]["doubt"] or ""), 15, "it is said")
        figure("black", f"opened again after {took:.1f} s, longest gap {seen.longest_gap_ms(from_ns):.0f} ms")
        assert opened(daemon) == 2
        assert daemon.status()["on_air"] == "worker", "a dark room is a picture too"
    set_controls(webcam(), test_pattern=0, osd_text_mode=0)


def test_broken_jpegs_give_a_card_and_good_ones_end_it(two_loopbacks, daemon, figure):
    node, second = two_loopbacks
    file = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(file, "JPEG")
    good = file.getvalue()
    broken = [good[: len(good) // 2], bytes(1000), good[:200] + bytes(len(good) - 200), b"\xff\xd8\xff\xd9"]
    shown = [[good]]
    with jpeg_feed(second, lambda number: shown[0][number % len(shown[0])]):
        settled(daemon.start("--camera", "Face Webcam", "--lens", "none", "--no-preview", "--size", "640x480"))
        with reading.mmap(node, 640, 480, keep=0) as seen:
            seen.wait(100)
            from_ns = time.monotonic_ns()
            shown[0] = [good, *broken[:1]]
            seen.wait(60)
            assert daemon.status()["on_air"] == "worker", "single broken ones are left out"
            shown[0] = broken
            daemon.wait_status(12, "the card", on_air="camera-failed")
            assert "broken JPEG" in daemon.status()["worker"]["why"]
            mended = time.monotonic()
            shown[0] = [good]
            daemon.wait_status(15, "the picture", on_air="worker")
            gap = seen.longest_gap_ms(from_ns)
            figure("broken JPEGs", f"back after {time.monotonic() - mended:.2f} s, longest gap {gap:.0f} ms")
            assert gap <= GAP_MS
            assert daemon.status()["worker"]["restarts"] == 0


def test_a_machine_that_slept_with_its_webcam_reset_goes_on(loopback, daemon, figure):
    settled(daemon.start("--camera", "vivid", "--lens", "none", "--no-preview", "--size", "640x480"))
    with reading.mmap(loopback, 640, 480, keep=0) as seen:
        seen.wait(90)
        processes = daemon.processes()
        for number in (signal.SIGSTOP, signal.SIGCONT):  # all stand still, as in a sleep, and the camera is gone
            for pid in processes:
                os.kill(pid, number)
            if number is signal.SIGSTOP:
                unplug_webcam()
                time.sleep(5)
                plug_webcam()
        awake_ns = time.monotonic_ns()
        took = daemon.wait_status(10, "pictures again", on_air="worker")
        took = max(took, wait_for(lambda: daemon.status()["worker"].get("fps", 0) >= 10, 10, "new pictures"))
        seen.wait(60)
        after = [moment for moment in seen.times_ns if moment > awake_ns]
        burst = sum(moment < awake_ns + 500_000_000 for moment in after)
        figure("after 5 s of sleep", f"back after {took:.2f} s, {burst} pictures in the first half second")
        assert burst <= 20, "no burst"
        assert max(b - a for a, b in itertools.pairwise(after)) / 1e6 <= GAP_MS


def test_controls_and_mirror_are_set_on_air_and_kept_over_an_unplug(loopback, daemon, figure):
    set_controls(webcam(), test_pattern=0, osd_text_mode=2)
    settled(daemon.start("--camera", "vivid", "--lens", "none", "--no-preview"))
    with reading.mmap(loopback) as seen:
        seen.wait(60)
        assert "brightness" in daemon.command("camera", "show").stdout
        refused = daemon.command("camera", "set", "brightness=999", check=False)
        assert "0 to 255" in refused.stderr
        assert "did you mean brightness" in daemon.command("camera", "set", "brightnes=1", check=False).stderr
        told = daemon.command("camera", "set", "mirror=on", "brightness=160", "power_line_frequency=60", check=False)
        if told.returncode:  # vivid has no mains frequency
            daemon.command("camera", "set", "mirror=on", "brightness=160")
        seen.wait(10)
        left, right = (int(seen.newest.y[360, x]) for x in (80, 1200))
        assert left < right, "mirrored: the black bar is on the left"
        with unplugged():
            daemon.wait_status(5, "the card", on_air="no-camera")
        daemon.wait_status(10, "the camera is back", on_air="worker")
        seen.wait(10)
        kept = json.loads(daemon.command("camera", "show", "--json").stdout)
        assert (kept["controls"]["brightness"]["value"], kept["controls"]["brightness"]["kept"]) == (160, True)
        assert kept["view"]["mirror"] is True
        assert int(seen.newest.y[360, 80]) < int(seen.newest.y[360, 1200])
        daemon.command("camera", "reset")
        seen.wait(10)
        assert int(seen.newest.y[360, 80]) > int(seen.newest.y[360, 1200])
        told = json.loads(daemon.command("camera", "show", "--json").stdout)
        assert told["controls"]["brightness"]["value"] == told["controls"]["brightness"]["default"]
