"""`lensd apply --show`: what is seen on a screen, and what is said where there is none."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from tests.application.conftest import red
from tests.application.media import frames, portrait, write_video
from tests.application.screen import Screen
from tests.lens.packages import write_overlay

with_a_screen = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed (apt install xvfb)")


@pytest.fixture
def package(tmp_path):
    return str(write_overlay(tmp_path / "lenses" / "dots.lens"))


@pytest.fixture
def screen(tmp_path):
    screen = Screen(tmp_path)
    yield screen
    screen.close()


def command(*words):
    return [sys.executable, "-m", "lensd", "apply", *map(str, words)]


def started_and_seen(words, folder):
    """The process, once the lens is seen on its screen, and the screen; the caller ends both.

    In one start of ten Xvfb's file stays black although Qt says that the window is visible, whatever is drawn or moved
    (counted over 66 starts of OpenCV's window alone), so that a black screen is no verdict before the fourth.
    """
    for attempt in range(4):
        (folder / str(attempt)).mkdir()
        screen = Screen(folder / str(attempt))
        process = subprocess.Popen(words, env=screen.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline and process.poll() is None:
            if red(screen.pixels()).sum() > 500:
                return process, screen
            time.sleep(0.05)
        process.kill()
        said = process.communicate()[1]
        screen.close()
    raise AssertionError(f"the lens was never seen: {said}")


@with_a_screen
def test_a_picture_is_seen_with_the_lens_on_until_it_is_ended(package, tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "in.png")
    process, screen = started_and_seen(command("--lens", package, tmp_path / "in.png", "--show"), tmp_path)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    screen.close()
    assert process.returncode == 130
    assert b"Traceback" not in errors


@with_a_screen
def test_a_video_is_shown_while_it_is_written(package, screen, tmp_path):
    source = write_video(tmp_path / "in.mp4", frames=40)
    words = command("--lens", package, source, tmp_path / "out.mp4", "--show")
    done = subprocess.run(words, env=screen.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    written = frames(tmp_path / "out.mp4")
    assert len(written) == 40
    assert red(written[20][1]).any()


@with_a_screen
def test_a_video_is_played_at_its_own_pace(package, screen, tmp_path):
    source = write_video(tmp_path / "in.mp4", frames=50)
    began = time.monotonic()
    done = subprocess.run(
        command("--lens", package, source, "--show"), env=screen.environment, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stderr
    assert "50 frames in" in done.stdout
    assert time.monotonic() - began > 49 / 25


@pytest.mark.parametrize("display", [None, ":987"])
def test_without_a_display_a_sentence_says_so(package, tmp_path, monkeypatch, display):
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    Image.fromarray(portrait()).save(tmp_path / "in.png")
    done = subprocess.run(
        command("--lens", package, tmp_path / "in.png", "--show"), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 65
    assert done.stderr.startswith("error: the window: ")
    assert "display" in done.stderr.splitlines()[0]
    assert done.stderr.splitlines()[1] == "hint:  name an output file, or run it from a desktop"
