"""What the pipeline promises when cameras vanish, lenses fail and people change their minds."""

import itertools
import threading
import time

import numpy as np
import pytest

from lensd.errors import CameraBusy, CameraError, CameraMissing, EngineError, LensError, SourceTimeout
from lensd.pipeline.conditions import Condition, Conditions, State
from tests.pipeline.path_under_test import ASIDE, WIDTH, PathUnderTest


def no_pictures_for(path, seconds):
    time.sleep(0.1)
    count = len(path.pictures)
    time.sleep(seconds)
    return len(path.pictures) == count


def longest_gap(path):
    return max(later - earlier for (earlier, _), (later, _) in itertools.pairwise(path.pictures))


def test_frames_become_pictures_and_a_lens_is_drawn():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(5)
        assert path.lensed()
        assert path.states[-1] == "running"
        assert path.render.lens == "white"
        assert path.render.runtime == "onnxruntime"
        assert path.render.faces == 1
        assert path.render.metrics.as_dict()["fps"] > 0


def test_an_unplugged_camera_is_said_and_comes_back_without_a_restart():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.trouble = path.open_trouble = CameraMissing("test camera", "was unplugged")
        path.until_state("no-camera", 3)
        assert "unplugged" in path.conditions.current.why
        assert no_pictures_for(path, 0.3)
        path.trouble = path.open_trouble = None
        path.until_state("running", 3)
        path.until_pictures(3)
        assert path.opened == 2
        assert path.tracker.resets == 2
        assert path.lensed()


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (CameraBusy("/dev/video0", "is used by zoom"), "camera-busy"),
        (CameraError("/dev/video0", "the driver failed"), "camera-failed"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_reported_for_what_it_is(error, state):
    path = PathUnderTest()
    path.open_trouble = error
    with path:
        path.until_state(state, 3)
        assert path.conditions.current.why == str(error)
        path.open_trouble = None
        path.until_state("running", 3)


def test_a_camera_that_falls_silent_is_opened_again():
    with PathUnderTest() as path:
        path.until_pictures(3)
        path.trouble = SourceTimeout("test camera", "gave no picture")
        path.until_state("no-camera", 4)
        assert "for 1 s" in path.conditions.current.why
        path.trouble = None
        path.until_state("running", 3)
        assert path.opened >= 2


def test_single_broken_frames_are_left_out_and_only_broken_ones_are_a_broken_camera():
    error = CameraError("the camera's picture", "is cut off")
    with PathUnderTest() as path:
        path.decode_trouble = lambda number: error if number % 2 else None
        path.until_pictures(20)
        assert path.conditions.current.state == "running"
        path.decode_trouble = lambda _number: error
        path.until_state("camera-failed", 4)
        path.decode_trouble = None
        path.until_state("running", 4)


def test_a_lens_that_fails_while_drawing_never_gives_way_to_the_bare_face():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.lens_trouble = EngineError("lens white", "the runtime failed")
        path.until_state("lens-failed", 3)
        assert "runtime failed" in path.conditions.current.why
        assert no_pictures_for(path, 0.3)
        path.lens_trouble = None
        path.until_state("running", 8)  # loaded again by itself, after a second or two
        path.until_pictures(3)
        assert all(int(y[24, 32]) == 235 for _, y in path.pictures)


def test_a_lens_that_fails_once_is_back_at_once_and_no_card_is_shown():
    told = []
    with PathUnderTest(lens="white") as path:
        path.render._told_failed = lambda error: (told.append(error), setattr(path, "lens_trouble", None))
        path.until_pictures(3)
        path.lens_trouble = error = EngineError("lens white in tensorrt", "cudaGraphLaunch: out of memory")
        path.until(lambda: told, "told of the failure")
        path.until_pictures(3)
        assert told == [error]
        assert "lens-failed" not in path.states
        assert path.lensed()


def test_a_lens_that_cannot_be_loaded_at_the_start_is_tried_again_behind_its_card():
    path = PathUnderTest(lens="white")
    path.load_trouble = LensError("lens white", "has a wrong hash")
    with path:
        path.until_state("lens-failed", 3)
        time.sleep(1.3)
        assert path.pictures == []
        assert "loading" not in path.states[path.states.index("lens-failed") :]  # no flicker between cards
        path.load_trouble = None
        path.until_state("running", 8)
        assert path.lensed()


def test_a_failed_switch_keeps_the_old_lens_and_says_why():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.load_trouble = LensError("lens other", "has a wrong hash")
        path.switch(1, "other")
        assert path.answer(1) is path.load_trouble
        path.until_pictures(3)
        assert path.lensed()
        assert path.render.lens == "white"


def test_pictures_go_on_with_the_old_lens_while_another_is_loaded():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.load_s = 0.5
        path.switch(1, "other")
        assert path.answer(1) is None
        assert longest_gap(path) < 0.4
        assert path.states.count("loading") <= 1  # that of the start


def test_from_none_to_a_lens_the_bare_face_is_not_shown_once_the_lens_is_chosen():
    with PathUnderTest() as path:
        path.until_pictures(3)
        path.load_s = 0.4
        path.switch(1, "white")
        path.until_state("loading", 3)
        assert no_pictures_for(path, 0.1)
        assert path.answer(1) is None
        path.until_state("running", 3)
        assert path.lensed()


def test_of_many_switches_the_last_one_wins_and_each_is_answered_once():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.load_s = 0.02
        threads = [threading.Thread(target=path.switch, args=(n, f"lens-{n}")) for n in range(100)]
        for thread in threads:
            thread.start()
            time.sleep(0.005)
        for thread in threads:
            thread.join()
        errors = [path.answer(number) for number in range(100)]
        assert errors[99] is None
        path.until(lambda: path.render.lens == "lens-99", "the last lens")
        assert longest_gap(path) < 0.3


def test_a_switch_is_carried_out_while_the_camera_is_gone():
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.trouble = path.open_trouble = CameraMissing("test camera", "was unplugged")
        path.until_state("no-camera", 3)
        path.switch(1, "other")
        assert path.answer(1) is None
        assert path.render.lens == "other"


@pytest.mark.parametrize(("no_face", "lensed"), [("pass", False), ("hold", True)])
def test_without_a_face_comes_what_was_asked_for(no_face, lensed):
    with PathUnderTest(lens="white", no_face=no_face) as path:
        path.until_pictures(5)
        path.tracker.faces = 0
        path.until(lambda: path.render.faces == 0, "no face")
        path.until_pictures(5)
        assert path.lensed() is lensed
        assert path.conditions.current.state == "running"
        if no_face == "hold":
            assert (path.pictures[-1][1] == path.pictures[-3][1]).all()


@pytest.mark.parametrize("no_face", ["card", "hold"])
def test_where_nothing_lensed_can_be_shown_the_state_says_so(no_face):
    path = PathUnderTest(lens="white", no_face=no_face)
    path.tracker.faces = 0
    with path:
        path.until_state("no-face", 3)
        assert path.pictures == []
        path.tracker.faces = 1
        path.until_state("running", 3)
        assert path.lensed()


@pytest.mark.parametrize("faces", [0, 2, 3, 4])
def test_the_lens_is_on_every_face_and_nowhere_else(faces):
    with PathUnderTest(lens="white") as path:
        path.until_pictures(3)
        path.tracker.faces = faces
        path.until(lambda: path.render.faces == faces, f"{faces} faces")
        path.until_pictures(3)
        luma = path.pictures[-1][1]
        white = np.zeros(luma.shape, bool)
        for x in ASIDE[:faces]:
            white[20:28, WIDTH // 2 + x - 4 : WIDTH // 2 + x + 4] = True
        assert (luma[white] == 235).all()
        assert len(set(luma[~white].tolist())) == 1


@pytest.mark.parametrize(("no_face", "full"), [("pass", False), ("hold", True), ("card", True)])
def test_a_lens_fades_only_where_the_bare_face_may_be_seen(no_face, full):
    with PathUnderTest(lens="white", no_face=no_face) as path:
        path.until_pictures(3)
        path.tracker.faces, path.tracker.opacity = 2, 0.5
        path.until(lambda: path.render.faces == 2, "2 faces")
        path.until_pictures(3)
        luma = path.pictures[-1][1]
        first, second, wall = int(luma[24, WIDTH // 2]), int(luma[24, WIDTH // 2 + ASIDE[1]]), int(luma[0, 0])
        assert first == 235
        assert abs(second - (235 if full else (235 + wall) / 2)) <= 1.5


def test_a_tracker_that_fails_ends_its_thread_with_the_reason(monkeypatch):
    crashes = []
    monkeypatch.setattr(threading, "excepthook", crashes.append)
    path = PathUnderTest(lens="white")
    with path:
        path.until_pictures(3)
        path.tracker.trouble = EngineError("face tracker", "the runtime failed")
        path.until(lambda: crashes, "a crash")
        assert crashes[0].exc_value is path.tracker.trouble
        path.lenses[0].close()


def test_the_camera_has_the_first_word_and_running_begins_with_a_picture():
    told = []
    conditions = Conditions(lambda: told.append(conditions.current.state))
    conditions.held_back(Condition(State.LOADING))
    conditions.camera(Condition(State.NO_CAMERA, "gone"))
    conditions.camera(Condition(State.NO_CAMERA, "gone"))
    conditions.pictures_go_out()
    conditions.pictures_go_out()
    assert told == ["loading", "no-camera", "running"]
