"""`lensd apply` as a process: what it prints, and what it leaves behind when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.application.media import portrait, write_video
from tests.lens.packages import box_network, write_generator, write_overlay


@pytest.fixture
def package(tmp_path):
    return str(write_overlay(tmp_path / "lenses" / "dots.lens"))


def lensd(*arguments, **environment):
    command = [sys.executable, "-m", "lensd", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)


def test_a_picture_is_done_and_said_so(package, tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "in.png")
    done = lensd("apply", "--lens", package, str(tmp_path / "in.png"), str(tmp_path / "out.png"), "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {
        "lens": "dots",
        "kind": "picture",
        "frames": 1,
        "faces": 1,
        "most": 1,
        "sound": "none",
    }.items() <= told.items()
    assert (tmp_path / "out.png").is_file()


def test_for_a_video_runtimes_are_measured_once_and_for_a_picture_never(tmp_path):
    network = box_network()
    lens = str(write_generator(tmp_path / "box.lens", network=network, int8=network.SerializeToString()))
    Image.fromarray(portrait()).save(tmp_path / "in.png")
    video, out = str(write_video(tmp_path / "in.mp4", frames=5)), str(tmp_path / "out.mp4")
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = lensd("apply", "--lens", lens, str(tmp_path / "in.png"), str(tmp_path / "out.png"), **cache)
    assert (done.returncode, "measuring" in done.stderr) == (0, False), done.stderr
    first = lensd("apply", "--lens", lens, video, out, **cache)
    assert first.returncode == 0, first.stderr
    assert "measuring onnxruntime int8, once on this machine\n" in first.stderr
    assert len(list((tmp_path / "cache" / "lensd" / "runtimes").iterdir())) == 1
    again = lensd("apply", "--lens", lens, video, out, **cache)
    assert (again.returncode, "measuring" in again.stderr) == (0, False), again.stderr


def test_an_unknown_lens_is_refused_in_two_lines(tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "in.png")
    done = lensd("apply", "--lens", "thug-lief", str(tmp_path / "in.png"), str(tmp_path / "out.png"))
    assert done.returncode == 65
    assert done.stderr == "error: lens thug-lief: there is no such lens\nhint:  did you mean thug-life?\n"
    assert not (tmp_path / "out.png").exists()


def test_a_truncated_video_is_refused_and_nothing_is_left(package, tmp_path):
    source = write_video(tmp_path / "in.mp4", frames=50)
    source.write_bytes(source.read_bytes()[:4000])
    done = lensd("apply", "--lens", package, str(source), str(tmp_path / "out.mp4"))
    assert done.returncode == 65
    assert "Traceback" not in done.stderr
    assert "cut off" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "lenses"]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_stopping_in_the_middle_leaves_nothing_behind(package, tmp_path, stop):
    source, out = write_video(tmp_path / "in.mp4", frames=600), tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "lensd", "apply", "--lens", package, str(source), str(out / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        # The temporary file has content once frames have been encoded.
        while not any(path.stat().st_size for path in out.iterdir()) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(stop)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert list(out.iterdir()) == []
