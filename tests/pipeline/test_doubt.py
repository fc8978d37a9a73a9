"""Frozen and black pictures are doubted, and a lens cap is not reopened for ever."""

import numpy as np

from lensd.pipeline.doubt import Doubt


def doubts(pictures, seconds, step_s=0.1, doubt=None, start_s=100.0):
    """The times at which the camera is to be opened again, from the beginning; and the doubt."""
    doubt = doubt or Doubt()
    told = [
        (round(number * step_s), why)
        for number in range(int(seconds / step_s))
        if (why := doubt.look(pictures(number), start_s + number * step_s))
    ]
    return told, doubt


def noisy(level):
    rng = np.random.default_rng(0)
    base = np.full((720, 1280), level, np.int16)
    frames = [np.clip(base + rng.integers(-3, 4, base.shape), 16, 235).astype(np.uint8) for _ in range(3)]
    return lambda number: frames[number % 3]


def test_a_still_scene_seen_by_a_sensor_is_never_doubted():
    assert not doubts(noisy(90), 60, 0.25)[0]
    assert not doubts(noisy(60), 60, 0.25)[0], "a dim room is no black picture"


def test_a_frozen_picture_is_reopened_after_six_seconds():
    frame = noisy(90)(0)
    told, doubt = doubts(lambda _number: frame, 8)
    assert told == [(6, "gives the same picture again and again")]
    moving, _ = doubts(noisy(90), 3, doubt=doubt, start_s=110)
    assert (moving, doubt.note) == ([], "")


def test_a_lens_cap_is_tried_less_and_less_often_and_said_to_be_black():
    black = np.full((720, 1280), 16, np.uint8)
    told, doubt = doubts(lambda _number: black, 3600, 0.5)
    assert [when for when, _ in told] == [6, 36, 156, 756, 1356, 1956, 2556, 3156]
    assert "lens cap" in doubt.note
    assert all("black" in why for _, why in told)
