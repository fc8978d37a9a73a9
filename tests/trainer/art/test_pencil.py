"""The pencil drawing: it keeps the face's tones, and is made of strokes that lie on the face."""

import cv2
import numpy as np
import pytest

from trainer.art.pencil import paint
from trainer.portrait import portrait
from trainer.window import window


@pytest.fixture(scope="module")
def face():
    return window(*portrait())


@pytest.fixture(scope="module")
def drawing(face):
    return paint(*face)


def gradient(picture: np.ndarray, where: np.ndarray) -> float:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))[where].mean())


def test_a_drawing_has_the_photographs_tones_in_graphite_on_paper(face, drawing):
    head = drawing[1] > 250
    tones = [cv2.GaussianBlur(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (0, 0), 8)[head] for p in (face[0], drawing[0])]
    assert np.corrcoef(*tones)[0, 1] > 0.75
    assert np.ptp(drawing[0].astype(int), axis=2).max() < 20
    assert drawing[0][head].min() < 70
    assert np.percentile(drawing[0][head], 95) > 220


def test_it_is_made_of_strokes_that_a_blur_takes_away(face, drawing):
    head = drawing[1] > 250
    assert gradient(drawing[0], head) > 1.5 * gradient(face[0], head)
    assert gradient(cv2.GaussianBlur(drawing[0], (0, 0), 2), head) < 0.5 * gradient(drawing[0], head)


def test_the_strokes_lie_on_the_face_and_not_on_the_picture(face, drawing):
    moved = np.array([[1, 0, 17], [0, 1, -11]], np.float32)
    photo = cv2.warpAffine(face[0], moved, (400, 400), borderMode=cv2.BORDER_REFLECT_101)
    points = (face[1] + np.array([17, -11, 0])).astype(np.float32)
    again = paint(photo, points)[0]
    middle = (slice(130, 260), slice(130, 260))
    back = again[119:249, 147:277].astype(int)
    strange = np.abs(drawing[0][middle].astype(int) - again[middle]).mean()
    assert np.abs(drawing[0][middle].astype(int) - back).mean() < 0.3 * strange
