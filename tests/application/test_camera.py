"""`lensd apply` on a camera (the demo, which every machine has) and on a folder of pictures."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from lensd.application.live import is_camera
from tests.application.conftest import red
from tests.application.media import frames, portrait
from tests.lens.packages import write_overlay


@pytest.fixture
def package(tmp_path):
    return str(write_overlay(tmp_path / "lenses" / "dots.lens"))


def command(*words):
    return [sys.executable, "-m", "lensd", "apply", *map(str, words)]


def lensd(*words):
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=120)


def test_a_camera_is_recorded_for_the_time_asked_for(package, tmp_path):
    done = lensd(
        "--lens", package, "demo", tmp_path / "out.mp4", "--seconds", 1.5, "--size", "320x240", "--fps", 15, "--json"
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    written = frames(tmp_path / "out.mp4")
    assert told["kind"] == "camera"
    assert told["frames"] == len(written) > 3
    assert told["faces"] > 0
    assert written[-1][1].shape == (240, 320, 3)
    assert red(written[-1][1]).any()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_the_recording_and_keeps_it(package, tmp_path, stop):
    words = command("--lens", package, "demo", tmp_path / "out.mp4", "--size", "320x240")
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(path.suffix != ".lens" and path.is_file() for path in tmp_path.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(1)
        process.send_signal(stop)
        told, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert f"{tmp_path}/out.mp4: " in told
    assert len(frames(tmp_path / "out.mp4")) > 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("demo",), "name an OUT to write, or --show"),
        (("demo", "out.webm"), "must end in .mp4, .mkv, .mov"),
        (("no such camera", "out.mp4"), "there is no such camera"),
        (("demo", "missing/out.mp4"), "No such file or directory"),
        (("demo", "out.mp4", "--size", "321x240"), "must be even"),
    ],
)
def test_what_cannot_be_recorded_is_a_sentence(package, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    done = lensd("--lens", package, *words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["lenses"]


def test_a_file_that_is_there_is_a_file_whatever_it_is_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"camera": True, "0": True, "/dev/video0": True, "Integrated Camera": True, "in.png": False, "a/b": False}
    assert {name: is_camera(name) for name in names} == names
    (tmp_path / "holiday").touch()
    assert not is_camera("holiday")


def test_every_picture_of_a_folder_is_done_and_a_broken_one_is_told(package, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(portrait()).save(folder / "a.png")
    Image.fromarray(portrait()).save(folder / "b.jpg", quality=95)
    (folder / "c.webp").write_bytes(b"RIFF")
    (folder / "words.txt").write_text("no picture")
    done = lensd("--lens", package, folder, tmp_path / "out")
    assert done.returncode == 65
    assert done.stdout == f"{tmp_path}/out: 2 pictures, a face on 2\n"
    assert f"left out: {folder}/c.webp: " in done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.jpg"]
    assert red(np.asarray(Image.open(tmp_path / "out" / "a.png"))).any()
    again = lensd("--lens", package, folder, folder)
    assert "is the folder that is read" in again.stderr
