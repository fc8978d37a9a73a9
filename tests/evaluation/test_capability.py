"""`lensd bench`: what a machine can do, measured and in words."""

import json
import subprocess
import sys
from dataclasses import replace

from lensd.evaluation.capability import SIZES, Figure, in_words

QUICK = Figure("crown", None, 640, 480, "MJPG", 6.0, 7.0, 1.0)


def figures(lens, runtime, worst_ms):
    """A lens that takes `worst_ms` at each size, in both formats."""
    return [
        replace(QUICK, lens=lens, runtime=runtime, width=w, height=h, pixels=pixels, median_ms=ms - 1, worst_ms=ms)
        for (w, h), ms in zip(SIZES, worst_ms, strict=True)
        for pixels in ("MJPG", "YUYV")
    ]


def test_the_largest_size_at_which_every_lens_has_room_is_recommended():
    told = in_words(figures("crown", None, (5, 8, 12)) + figures("toon", "onnxruntime", (15, 20, 40)))
    assert told[1] == (
        "toon in onnxruntime: 640x480 takes 42% of one core, 1280x720 takes 57% of one core, "
        "1920x1080 takes 117% of one core (only 25 a second)."
    )
    assert told[2].endswith("lensd run --size 1280x720")


def test_where_no_size_has_room_for_every_lens_the_lightest_is_named():
    told = in_words(figures("crown", None, (20, 30, 40)) + figures("toon", "onnxruntime", (60, 70, 80)))
    assert "lensd run --lens crown --size 640x480" in told[2]


def test_a_machine_that_is_busy_with_other_things_is_told_so():
    busy = [replace(each, busy=3.0) for each in figures("crown", None, (5, 8, 12))]
    assert any("Other programs" in line for line in in_words(busy))
    assert not any("Other programs" in line for line in in_words(figures("crown", None, (5, 8, 12))))


def test_the_command_measures_a_lens_at_every_size_without_a_webcam():
    command = [sys.executable, "-m", "lensd", "bench", "moustache-overlay", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {(f["width"], f["height"], f["pixels"]) for f in told["figures"]} == {
        (*size, pixels) for size in SIZES for pixels in ("MJPG", "YUYV")
    }
    assert all(0 < f["median_ms"] <= f["worst_ms"] for f in told["figures"])
    assert told["machine_gmacs"] > 1
