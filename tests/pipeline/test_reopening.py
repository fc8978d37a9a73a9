"""Cameras that give frames, and still are of no use: closed and opened again, and not for ever."""

import time

from lensd.errors import CameraError
from lensd.pipeline import doubt
from tests.pipeline.path_under_test import PathUnderTest


def test_a_fault_after_calm_seconds_opens_the_camera_again_without_a_word():
    with PathUnderTest() as path:
        path.until_pictures(220)  # more than two seconds
        path.capture.complain(CameraError("test camera", "hangs"))
        path.until(lambda: path.opened == 2, "opened again")
        path.until_state("running", 3)
        assert path.states[-2:] == ["starting", "running"]


def test_a_camera_of_broken_frames_is_opened_again_at_ever_longer_intervals():
    error = CameraError("the camera's picture", "is cut off")
    with PathUnderTest() as path:
        path.decode_trouble = lambda _number: error
        path.until_state("camera-failed", 4)
        path.until(lambda: path.opened >= 3, "opened again", 8)
        path.decode_trouble = None
        path.until_state("running", 8)


def test_a_still_picture_of_a_sensor_opens_it_once_and_is_told(monkeypatch):
    monkeypatch.setattr(doubt, "_AFTER_S", 0.4)
    monkeypatch.setattr(doubt, "_LOOK_S", 0.05)
    with PathUnderTest() as path:
        path.still = True
        path.until(lambda: path.opened == 2, "opened again", 5)
        path.until(lambda: "same picture" in path.render.doubt, "told", 5)
        path.until_pictures(20)
        time.sleep(1)
        assert path.opened == 2
