"""The pencil drawing: it keeps the face's tones, is made of strokes, and fades where the face ends."""

import cv2
import numpy as np
import pytest

from trainer.art.pencil import draw, face_matte
from trainer.portrait import portrait
from trainer.window import WINDOW_PX, window


@pytest.fixture(scope="module")
def face():
    return window(*portrait())


@pytest.fixture(scope="module")
def drawing(face):
    return draw(face[0], 1)


def gradient(picture: np.ndarray) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)).mean())


def test_a_drawing_has_the_photographs_tones_in_graphite_on_paper(face, drawing):
    tones = [cv2.GaussianBlur(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (0, 0), 8)[::8, ::8] for p in (face[0], drawing)]
    assert np.corrcoef(*(tone.ravel() for tone in tones))[0, 1] > 0.8
    assert np.ptp(drawing.astype(int), axis=2).max() < 20
    assert drawing.min() < 70
    assert np.percentile(drawing, 95) > 225


def test_it_is_made_of_strokes_that_a_blur_takes_away(face, drawing):
    assert gradient(drawing) > 1.5 * gradient(face[0])
    assert gradient(cv2.GaussianBlur(drawing, (0, 0), 2)) < 0.5 * gradient(drawing)


def test_the_same_hand_draws_the_same_and_another_one_other_strokes(face, drawing):
    assert np.array_equal(draw(face[0], 1), drawing)
    other = draw(face[0], 2)
    strokes = np.abs(other.astype(int) - drawing).mean()
    tones = np.abs(cv2.GaussianBlur(other, (0, 0), 6).astype(int) - cv2.GaussianBlur(drawing, (0, 0), 6)).mean()
    assert strokes > 10
    assert tones < strokes / 3


def test_the_drawing_fades_into_the_photograph_before_the_lens_ends(face):
    matte = face_matte(face[1], WINDOW_PX)
    assert np.abs(np.diff(matte.astype(int), axis=0)).max() <= 12
    assert np.abs(np.diff(matte.astype(int), axis=1)).max() <= 12
    nose = face[1][4, :2].round().astype(int)
    assert matte[nose[1], nose[0]] == 255
    assert not matte[:20].any()
    assert not matte[-20:].any()
