"""The frame's path in one thread, on frames as a webcam gives them."""

import json
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import pytest

from lensd.evaluation.frame_path import FramePath
from lensd.evaluation.rehearsal import Rehearsal, golden_face
from lensd.frames import PixelFormat, VideoFormat
from lensd.lens.open import find_package
from lensd.lens.package import open_package

VIDEO, LARGE = VideoFormat(640, 480, 30), VideoFormat(1280, 720, 30)
BENCH = Path(__file__).parents[2] / "bench"
RESULT = {
    "scenarios": {
        f"{size}-{pixels}": {
            "cpu_ms_median": 8.0,
            "cpu_ms_p95": 9.0,
            "latency_ms_p50": 9.0,
            "latency_ms_p99": 12.0,
            "rss_mb": 150.0,
        }
        for size in ("480p", "720p", "1080p")
        for pixels in ("mjpg", "yuyv")
    },
    "article_ratio": 21.0,
    "peer_ratio": 1.5,
    "machine_gmacs": 54.0,
    "idle": {"cpu_percent": 0.05, "rss_mb": 42.0},
    "switch": {"gap_ms": 35.0, "frames_lost": 0, "load_ms": 400},
}


@pytest.fixture(scope="module")
def rehearsal():
    package = open_package(find_package("thug-life"))
    return Rehearsal(*golden_face(package), VIDEO)


@pytest.mark.parametrize("pixels", [PixelFormat.MJPG, PixelFormat.YUYV])
def test_who_is_on_a_rehearsed_frame_gets_the_lens(rehearsal, pixels):
    with FramePath("thug-life", VIDEO, "onnxruntime") as path:
        deadline, number = time.monotonic() + 20, 0
        while not path.show(rehearsal.frame(number % 8, pixels, 10**9 + number * 33_333_333)):
            assert time.monotonic() < deadline, "nobody was found"
            number += 1
        assert len(path.lens_network.taken) == 2  # once for the golden pair
        assert set(path.metrics.as_dict()["stages_ms"]) == {"decode", "track", "lens", "blend", "publish", "write"}


def checked(tmp_path, result):
    file = tmp_path / "result"
    file.write_text("a table\n" + json.dumps(result) + "\n")
    return subprocess.run([sys.executable, BENCH / "check.py", file], capture_output=True, text=True)


def test_the_check_passes_a_result_within_its_budgets(tmp_path):
    done = checked(tmp_path, RESULT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "class reference" in done.stdout


def test_the_check_scales_times_by_the_machine_and_names_what_is_over(tmp_path):
    slow = json.loads(json.dumps(RESULT))
    slow["scenarios"]["720p-mjpg"]["cpu_ms_median"] = 12.5  # 15 ms on the machine that the budgets are for
    slow["article_ratio"] = 10.0
    done = checked(tmp_path, slow)
    assert done.returncode == 1
    over = [line for line in done.stdout.splitlines() if line.startswith("OVER")]
    assert len(over) == 2
    assert "720p-mjpg cpu_ms_median" in over[0]
    assert "article_ratio" in over[1]


@pytest.mark.parametrize("pixels", [PixelFormat.MJPG, PixelFormat.YUYV])
def test_a_frame_allocates_nothing_of_a_pictures_size(pixels):
    rehearsal = Rehearsal(*golden_face(open_package(find_package("thug-life"))), LARGE)
    frames = [rehearsal.frame(number, pixels, 10**9 + number * 33_333_333) for number in range(12)]
    with FramePath("thug-life", LARGE, "onnxruntime") as path:
        path.rehearse(frames[:6])  # buffers are made as they are first needed
        tracemalloc.start(1)
        try:
            most = kept = 0
            for frame in frames[6:]:
                before = tracemalloc.get_traced_memory()[0]
                tracemalloc.reset_peak()
                path.show(frame)
                after, peak = tracemalloc.get_traced_memory()
                most, kept = max(most, peak - before), kept + after - before
        finally:
            tracemalloc.stop()
    luma = LARGE.width * LARGE.height
    # There are crops, points, and now and then a plane of a ninth of the picture that is searched for faces.
    assert most < luma / 2
    assert kept < luma / 4
