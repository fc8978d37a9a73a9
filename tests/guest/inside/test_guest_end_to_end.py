"""A webcam, `lensd run` and a reader, on a real kernel: the picture is right, and nothing that dies stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from lensd.frames import U8
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import BARS, bars_feed, worst_bar
from tests.guest.inside.kernel import NODE, SECOND, is_camera, set_controls, wait_for, webcam

pytestmark = pytest.mark.camera

GAP_MS = 150
SIZE = (1280, 720)


def settled(daemon: Daemon) -> Daemon:
    """Wait until lensed pictures are on air."""
    daemon.wait_status(40, "the worker's pictures are on air", on_air="worker")
    return daemon


def worst_vivid_bar(picture: U8) -> int:
    """How far vivid's eight 75 % bars are off: the seven of `BARS`, then black; in steps of 1/255."""
    width, height = SIZE
    luma = picture[: width * height].reshape(height, width).astype(int)
    chroma = picture[width * height :].reshape(2, height // 2, width // 2).astype(int)
    worst = 0
    for number, (y, u, v) in enumerate((*BARS, (16, 128, 128))):
        x = int(width * (number + 0.5) / 8)
        patch = np.s_[300:316, x - 8 : x + 8]
        half = np.s_[150:158, x // 2 - 4 : x // 2 + 4]
        for plane, box, value in ((luma, patch, y), (chroma[0], half, u), (chroma[1], half, v)):
            worst = max(worst, int(np.abs(plane[box] - value).max()))
    return worst


@pytest.fixture
def bars_on_vivid() -> Path:
    node = webcam()
    assert node is not None
    set_controls(node, test_pattern=0, osd_text_mode=2)  # 75 % bars, no text over them
    return node


def test_ffmpeg_and_v4l2_ctl_read_the_webcams_colours_at_its_rate(loopback, bars_on_vivid, daemon, figure):
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "none", "--no-preview"))
    with reading.ffmpeg(loopback) as seen:
        seen.wait(30)
        seen.wait(120)
        figure("ffmpeg fps", round(seen.fps(3), 2))
        figure("ffmpeg bars off by", worst_vivid_bar(seen.pictures[-1]))
        assert seen.fps(3) >= 27
        assert worst_vivid_bar(seen.pictures[-1]) <= 4
    assert "Width/Height      : 1280/720" in reading.describe(loopback)
    rate = reading.v4l2_ctl_fps(loopback)
    figure("v4l2-ctl fps", round(rate, 2))
    assert rate >= 27


def test_an_mjpg_webcam_is_shown_in_its_colours(two_loopbacks, daemon, figure):
    node, face_webcam = two_loopbacks
    with bars_feed(face_webcam):
        settled(daemon.start("--camera", str(face_webcam), "--lens", "none", "--no-preview"))
        with reading.ffmpeg(node) as seen:
            seen.wait(120)
            figure("mjpg fps", round(seen.fps(2), 2))
            figure("mjpg bars off by", worst_bar(seen.pictures[-1], *SIZE))
            assert seen.fps(2) >= 27
            assert worst_bar(seen.pictures[-1], *SIZE) <= 4


def test_a_killed_worker_leaves_no_gap_and_the_lens_is_back(loopback, bars_on_vivid, daemon, figure):
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "thug-life", "--no-preview"))
    with reading.mmap(loopback, keep=0) as seen:  # a kept copy costs 24 ms of the guest's processor
        seen.wait(60)
        before, from_ns = daemon.status()["worker"], time.monotonic_ns()
        os.kill(before["pid"], signal.SIGKILL)
        took = back(daemon, before["generation"], 10)
        seen.wait(30)
        figure("back after kill -9, s", round(took, 2))
        figure("longest gap, ms", round(seen.longest_gap_ms(from_ns), 1))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert took <= 3


def test_a_stopped_worker_is_replaced_without_a_gap(loopback, bars_on_vivid, daemon, figure):
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "thug-life", "--no-preview"))
    with reading.mmap(loopback, keep=0) as seen:  # a kept copy costs 24 ms of the guest's processor
        seen.wait(60)
        before, from_ns = daemon.status()["worker"], time.monotonic_ns()
        os.kill(before["pid"], signal.SIGSTOP)
        took = back(daemon, before["generation"], 15)
        seen.wait(30)
        figure("back after SIGSTOP, s", round(took, 2))
        figure("longest gap, ms", round(seen.longest_gap_ms(from_ns), 1))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert took <= 5


def back(daemon: Daemon, generation: int, timeout_s: float) -> float:
    """Wait until a later worker's pictures are on air with the lens; returns how long that took, s."""

    def again() -> bool:
        told = daemon.status()
        worker = told["worker"]
        return (
            told["on_air"] == "worker"
            and (worker["generation"] or 0) > generation
            and worker.get("lens") == "thug-life"
        )

    return wait_for(again, timeout_s, "the lens is back", every_s=0.1)


def test_after_a_killed_keeper_the_webcam_is_free_and_the_node_works_again(loopback, bars_on_vivid, daemon, figure):
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "none", "--no-preview"))
    with reading.ffmpeg(loopback) as seen:  # a reader that is attached when it happens
        seen.wait(30)
        daemon.send(signal.SIGKILL)
        assert daemon.process is not None
        daemon.process.wait()
        wait_for(lambda: not daemon.processes(), 5, "the worker ends with its keeper")
    words = ["ffmpeg", "-v", "error", "-f", "v4l2", "-i", str(bars_on_vivid), "-frames:v", "3", "-f", "null", "-"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, f"the webcam is not free: {done.stderr}"
    began = time.monotonic()
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "none", "--no-preview"))
    figure("second start until pictures, s", round(time.monotonic() - began, 2))
    with reading.ffmpeg(loopback) as seen:
        seen.wait(60)
        assert worst_vivid_bar(seen.pictures[-1]) <= 4


def test_sigterm_ends_in_time_and_leaves_the_node_to_others(loopback, bars_on_vivid, daemon, figure):
    settled(daemon.start("--camera", str(bars_on_vivid), "--lens", "none"))
    took = daemon.stop(timeout_s=2)
    figure("end after SIGTERM, s", round(took, 2))
    assert took <= 2
    assert not daemon.socket.exists()
    with bars_feed(loopback, codec="rawvideo"):
        assert is_camera(NODE)
        with reading.ffmpeg(loopback) as seen:
            seen.wait(10)


def test_the_second_device_is_not_taken_for_ours(two_loopbacks, daemon):
    node, other = two_loopbacks
    assert other == SECOND
    with bars_feed(other):
        settled(daemon.start("--camera", str(other), "--lens", "none", "--no-preview"))
        assert str(node) in daemon.status()["output"]
