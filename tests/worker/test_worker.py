"""The worker as a process: real sockets, real shared memory, the demo's face, real ONNX Runtime."""

import re
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage.data import astronaut

from lensd.worker.bounds import worker_limits
from tests.worker.worker_process import WorkerUnderTest

LENS = "thug-life-overlay"


def test_pictures_of_the_demo_come_at_its_rate_and_are_told_of():
    with WorkerUnderTest() as worker:
        worker.until_pictures(30)
        worker.until_state("running")
        worker.until(lambda: worker.status.get("fps"), "told the rate")
        assert worker.states == ["starting", "running"]
        assert worker.status["camera"] == "demo"
        assert worker.status["lens"] == "none"
        assert worker.status["runtime"] is None
        assert {"faces", "dropped", "replaced", "fps", "latency_ms", "stages_ms"} <= worker.status.keys()
        assert worker.sequences == sorted(set(worker.sequences))
        assert np.ptp(worker.picture.y) > 100
        assert 0 <= time.monotonic_ns() - worker.stamp.captured_ns < 10**9


def test_a_lens_is_on_the_very_first_picture():
    with WorkerUnderTest(lens=LENS) as worker:
        worker.until_pictures(1)
        eyes = worker.rgb()
        assert (eyes.max(2) < 40).sum() > 500  # the demo's room has nothing as black as the glasses
        worker.until(lambda: worker.status.get("faces") == 1, "face told of")
        assert worker.status["lens"] == LENS
        assert_behind_limits_with_room(worker.process.pid)


def assert_behind_limits_with_room(pid):
    process = Path(f"/proc/{pid}")
    told = (process / "limits").read_text()
    wanted = worker_limits()
    assert re.search(rf"Max file size +{wanted.file_bytes} ", told)
    assert re.search(r"Max core file size +0 +0 ", told)
    assert len(list((process / "fd").iterdir())) * 10 < wanted.files
    if wanted.data_bytes is not None:
        assert re.search(rf"Max data size +{wanted.data_bytes} +{wanted.data_bytes} ", told)
        assert int(re.search(r"VmData:\s+(\d+) kB", (process / "status").read_text())[1]) * 1024 * 8 < wanted.data_bytes


def dark(worker):
    return int((worker.rgb().max(2) < 30).sum())


def test_switches_are_answered_and_the_last_one_wins():
    with WorkerUnderTest() as worker:
        worker.until_state("running")
        assert worker.switch(1, LENS) is None
        assert "loading" in worker.states  # the bare face is not shown once a lens is chosen
        worker.until_state("running")
        assert worker.switch(2, "none") is None
        for identity in range(3, 13):
            worker.send({"command": "switch", "id": identity, "lens": LENS if identity % 2 else "none"})
        errors = [worker.answer(identity) for identity in range(3, 13)]
        assert errors[-1] is None
        assert all(error is None or "chosen meanwhile" in error["why"] for error in errors)
        worker.until(lambda: worker.status["lens"] == "none", "the last one")


def test_a_switch_to_a_lens_that_is_not_there_keeps_the_old_one_and_says_why():
    with WorkerUnderTest(lens=LENS) as worker:
        worker.until_state("running")
        error = worker.switch(7, "no-such-lens")
        assert error["code"] == "lens"
        assert "no-such-lens" in error["what"]
        count = len(worker.sequences)
        worker.until_pictures(5)
        assert len(worker.sequences) > count
        worker.until(lambda: worker.status["lens"] == LENS, "old lens")
        assert worker.states[-1] == "running"
        assert "lens-failed" not in worker.states


def test_a_lens_that_cannot_be_loaded_at_the_start_shows_no_bare_face():
    with WorkerUnderTest(lens="no-such-lens") as worker:
        worker.until_state("lens-failed")
        assert "no-such-lens" in worker.why
        deadline = time.monotonic() + 2.5  # two tries more
        while time.monotonic() < deadline:
            worker.turn()
        assert worker.sequences == []
        assert worker.states[-1] == "lens-failed"
        assert worker.switch(1, "none") is None
        worker.until_pictures(3)
        worker.until_state("running")


def test_it_ends_at_once_when_the_keeper_is_gone():
    with WorkerUnderTest() as worker:
        worker.until_pictures(3)
        worker.ours.close()
        started = time.monotonic()
        assert worker.process.wait(5) == 0
        assert time.monotonic() - started < 2


@pytest.mark.parametrize("how", ["stop", signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(how):
    with WorkerUnderTest(lens=LENS) as worker:
        worker.until_pictures(3)
        started = time.monotonic()
        if how == "stop":
            worker.send({"command": "stop"})
        else:
            worker.kill(how)
        assert worker.process.wait(5) == 0
        assert time.monotonic() - started < 3
        assert worker.process.stderr.read() == ""


def test_a_camera_that_is_not_there_is_said_and_taken_when_it_comes(tmp_path):
    path = tmp_path / "portrait.png"
    with WorkerUnderTest(camera=str(path)) as worker:
        worker.until_state("no-camera")
        assert "portrait.png" in worker.why
        assert worker.sequences == []
        cv2.imwrite(str(path), astronaut()[..., ::-1])
        worker.until_state("running", seconds=5)
        worker.until_pictures(1)
        assert worker.states == ["starting", "no-camera", "running"]
        assert np.abs(worker.rgb()[240, 310].astype(int) - astronaut()[256, 245]).max() < 60


@pytest.mark.parametrize(("no_face", "published", "state"), [("pass", True, "running"), ("card", False, "no-face")])
def test_what_is_shown_without_a_face_is_what_was_asked_for(tmp_path, no_face, published, state):
    path = tmp_path / "wall.png"
    cv2.imwrite(str(path), np.full((480, 640, 3), 90, np.uint8))
    with WorkerUnderTest(lens=LENS, camera=str(path), no_face=no_face) as worker:
        worker.until_state(state)
        if published:
            worker.until_pictures(3)
        assert bool(worker.sequences) is published
        assert worker.status["faces"] == 0


def test_shown_points_lie_on_the_face():
    with WorkerUnderTest(show_points=True) as worker:
        worker.until(lambda: worker.status.get("faces") == 1, "face")
        worker.until_pictures(2)
        rgb = worker.rgb().astype(int)
        green = (rgb[..., 1] > 150) & (rgb[..., 0] < 110) & (rgb[..., 2] < 110)
        assert 200 < green.sum() < 4 * 478
        assert green.any(1).argmax() > 20  # below the top: not spread over the picture


@pytest.mark.parametrize(
    "message",
    [
        {"command": "configure", "settings": {"width": 320, "height": 240}, "lens": "none"},
        {"command": "dance"},
        {"command": "switch", "id": "one", "lens": "none"},
    ],
)
def test_a_keeper_that_speaks_nonsense_ends_it_without_a_traceback(message):
    with WorkerUnderTest() as worker:
        worker.until_pictures(1)
        worker.send(message)
        worker.process.wait(5)
        assert "Traceback" not in worker.process.stderr.read()


def test_settings_that_do_not_fit_end_it_with_a_sentence():
    with WorkerUnderTest(lens="none") as worker:
        worker.until_pictures(1)
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "lensd.worker", "--pictures", "0", "--signal", "0", "--control", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
    assert "descriptors" in done.stderr
