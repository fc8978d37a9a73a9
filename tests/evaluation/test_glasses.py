"""Glasses are told from the picture: the portrait wears none, and then a drawn pair."""

from __future__ import annotations

import csv

import cv2
import numpy as np
import pytest
import skimage.data

from lensd.camera.still import picture_of
from lensd.evaluation.evaluate import evaluate
from lensd.evaluation.faces import read_faces
from lensd.evaluation.glasses import wears_glasses
from lensd.lens.catalogue import find_lens
from lensd.lens.open import open_package, stickers_of
from lensd.lens.overlay import OverlayLens
from tests.evaluation.faces import portrait_mesh, write_faces
from trainer.props import wear_glasses


@pytest.fixture(scope="module")
def dressed():
    """The portrait with drawn glasses, as the trainer puts them on photographs."""
    picture = skimage.data.astronaut().copy()
    wear_glasses(picture, portrait_mesh(), np.random.default_rng(3), dark=False)
    return picture


@pytest.mark.parametrize("scale", [0.6, 1.0, 2.0])
def test_the_portrait_wears_none_until_it_is_dressed(dressed, scale):
    for rgb, wears in ((skimage.data.astronaut(), False), (dressed, True)):
        scaled = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        assert wears_glasses(picture_of(np.asarray(scaled, np.uint8)), portrait_mesh() * np.float32(scale)) is wears


def test_what_the_folder_says_goes_before_what_is_seen(tmp_path):
    folder = write_faces(tmp_path / "set", 3)
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "glasses"), ("face_0.png", "sun"), ("face_1.png", "no"), ("face_2.png", "")]
        )
    lens = OverlayLens("dots", stickers_of(open_package(find_lens("thug-life-overlay").path)))
    groups = evaluate(lens, lens._stickers, read_faces(folder)).groups
    assert groups["glasses"].faces == 1
