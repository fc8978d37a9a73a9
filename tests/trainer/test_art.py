"""The overlay with monocle and moustache: what ships is what the art draws, and how it is worn."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lensd.frames import Face, Picture
from lensd.lens.align import template_points
from lensd.lens.open import open_lens, stickers_of
from lensd.lens.package import open_package
from trainer.art.shipped import moustache_stickers

SHIPPED = Path(str(files("lensd.lenses") / "moustache-overlay.lens"))


def no_engine(_network):
    raise AssertionError("an overlay needs no engine")


@pytest.fixture(scope="module")
def lens():
    return open_lens(SHIPPED, no_engine)


def face_at(x, y, scale=200.0, roll_deg=0.0):
    roll = np.radians(roll_deg)
    turn = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    return Face(0, (template_points() @ turn * scale + [x, y, 0]).astype(np.float32), 1.0)


def worn(lens, face, size=(640, 480)):
    """What the lens covers: (H, W) uint8."""
    layer = lens.draw(Picture(*size), face)
    matte = np.zeros((size[1], size[0]), np.uint8)
    if layer is not None:
        x, y = layer.to_picture[:, 2].astype(int)
        height, width = layer.rgba.shape[:2]
        matte[y : y + height, x : x + width] = layer.rgba[..., 3]
    return matte


def test_what_ships_is_what_the_art_draws():
    drawn, shipped = moustache_stickers(), stickers_of(open_package(SHIPPED))
    assert [(s.anchor, s.centre, s.width) for s in shipped] == [(s.anchor, s.centre, s.width) for s in drawn]
    for one, other in zip(shipped, drawn, strict=True):
        # Not byte for byte: another build of OpenCV may soften a line otherwise.
        assert np.abs(one.image.astype(int) - other.image).mean() < 1


def test_monocle_and_moustache_are_worn_with_soft_edges_and_an_eye_that_is_seen(lens):
    face = face_at(320, 240)
    matte = worn(lens, face)
    eye, lip, cheek = (face.landmarks_px[point, :2].astype(int) for point in (473, 164, 205))
    assert 15 < matte[eye[1], eye[0]] < 90
    assert matte[lip[1] + 10, lip[0] + 30] > 200
    assert matte[cheek[1], cheek[0]] == 0
    assert ((matte > 0) & (matte < 255)).mean() > 0.01


def test_it_follows_roll_and_scale(lens):
    straight = worn(lens, face_at(319.5, 239.5))
    half = worn(lens, face_at(320, 240, 100))
    assert (half > 127).sum() == pytest.approx((straight > 127).sum() / 4, rel=0.05)
    turned = worn(lens, face_at(319.5, 239.5, roll_deg=90))
    expected = np.rot90(straight[:, 80:560], -1)
    assert np.abs(turned[:, 80:560].astype(int) - expected).mean() < 2


@pytest.mark.parametrize(("x", "y"), [(0, 240), (640, 240), (320, 0), (320, 480), (-2000, 240)])
def test_at_the_border_it_is_cut_off_and_nothing_breaks(lens, x, y):
    whole = worn(lens, face_at(x + 700, y + 700), (2040, 1880)) if x > -2000 else np.zeros((1880, 2040), np.uint8)
    cut = worn(lens, face_at(x, y))
    assert np.abs(cut.astype(int) - whole[700:1180, 700:1340]).max() <= 3
