"""MediaPipe's face mesh as a process: really run where there is a Python that has it, and its absence everywhere."""

import logging
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from lensd.errors import EngineError, RuntimeMissing
from tests.trainer.dataset.pictures import portrait
from trainer.dataset import faces
from trainer.dataset.faces import best_finders, find_faces
from trainer.dataset.mediapipe_mesh import (
    PYTHON_VARIABLE,
    MediaPipe,
    install_hint,
    mediapipe_python,
    shared_mediapipe,
)
from trainer.dataset.photographs import finders_for

with_mediapipe = pytest.mark.skipif(
    mediapipe_python() is None,
    reason=f"no Python with mediapipe 0.10.21, 1 GB, which cannot share ours: {PYTHON_VARIABLE}, or {install_hint()}",
)
without_mediapipe = pytest.mark.skipif(find_spec("mediapipe") is not None, reason="our own Python has MediaPipe")
PUPILS = np.array([[203.3, 100.0], [246.7, 102.7]])
IRISES = [468, 473]


@pytest.fixture
def afresh():
    """Nobody remembers the process before, nor that it failed."""
    yield
    if shared_mediapipe.cache_info().currsize:
        shared_mediapipe().close()
    shared_mediapipe.cache_clear()
    faces._mediapipe_works = True


@with_mediapipe
def test_mediapipe_finds_all_faces_of_a_wide_photograph_where_their_eyes_are(afresh):
    tilt = cv2.getRotationMatrix2D((225, 120), 15, 0.8)
    other = cv2.warpAffine(portrait(), tilt, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    found = find_faces(np.hstack([portrait(), other]), ("mediapipe",))
    assert len(found) == 2
    assert all((face.shape, face.dtype) == ((478, 3), np.float32) for face in found)
    wanted = np.vstack([PUPILS, PUPILS @ tilt[:, :2].T + tilt[:, 2] + (512, 0)])
    assert np.abs(np.vstack([face[IRISES, :2] for face in found]) - wanted).max() < 4
    assert find_faces(255 - portrait(), ("mediapipe",)) == []


@with_mediapipe
def test_mediapipe_and_the_tracker_agree_on_the_mesh(afresh):
    one, other = (find_faces(portrait(), (finder,))[0] for finder in ("tracker", "mediapipe"))
    height = np.ptp(other[:, 1])
    assert np.abs(one - other)[:, :2].mean() < 0.03 * height
    assert np.corrcoef(one[:, 2], other[:, 2])[0, 1] > 0.95


@with_mediapipe
def test_a_process_that_dies_is_an_error_that_says_so(afresh):
    opened = MediaPipe(mediapipe_python())
    assert len(opened.find(portrait())) == 1
    os.kill(opened._process.pid, signal.SIGKILL)
    opened._process.wait(10)
    with pytest.raises(EngineError, match="its process died"):
        opened.find(portrait())
    opened.close()


@without_mediapipe
def test_a_python_without_mediapipe_is_refused_with_its_own_words_and_the_commands(afresh):
    opened = MediaPipe(Path(sys.executable))
    with pytest.raises(RuntimeMissing, match="ModuleNotFoundError: No module named 'mediapipe'") as raised:
        opened.find(portrait())
    opened.close()
    assert raised.value.hint.endswith("/bin/pip install mediapipe==0.10.21")


@without_mediapipe
def test_the_tracker_goes_on_alone_where_mediapipe_does_not_work(afresh, monkeypatch, caplog):
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    assert best_finders() == ("tracker", "mediapipe")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            assert find_faces(np.full((64, 64, 3), 90, np.uint8), best_finders()) == []
    assert [record.message.split(":")[0] for record in caplog.records] == ["the tracker alone looks for faces"]


def test_a_python_that_is_not_there_is_refused(afresh, tmp_path):
    with pytest.raises(RuntimeMissing, match="cannot be started"):
        MediaPipe(tmp_path / "python")


@without_mediapipe
def test_mediapipe_is_refused_with_the_commands_where_it_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(RuntimeMissing, match="is not installed") as raised:
        finders_for("mediapipe")
    assert f"{tmp_path}/lensd/mediapipe/bin/pip install mediapipe==0.10.21" in raised.value.hint
