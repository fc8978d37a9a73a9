"""PSNR, SSIM, edge sharpness and leakage, against values that are known or computed by another library."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
from skimage.metrics import structural_similarity

from lensd.evaluation.faces import LabelledFace
from lensd.evaluation.groups import face_luma, groups_of, names
from lensd.evaluation.quality import compare, edge_sharpness, psnr_db, ssim_map
from lensd.frames import Picture
from tests.evaluation.faces import portrait_mesh

PORTRAIT = np.ascontiguousarray(skimage.data.astronaut()[:256, 96:352])
EVERYWHERE = np.ones(PORTRAIT.shape[:2], bool)


def luma(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def boxed(colour=(10, 10, 10)) -> tuple[np.ndarray, np.ndarray]:
    """The portrait with a box on it, and where the box is."""
    inside = np.zeros(EVERYWHERE.shape, bool)
    inside[80:140, 60:190] = True
    picture = PORTRAIT.copy()
    picture[inside] = colour
    return picture, inside


def test_psnr_is_what_its_formula_says_and_bounded_where_pictures_are_equal():
    other = PORTRAIT.copy()
    other[...] = np.where(PORTRAIT < 250, PORTRAIT + 5, PORTRAIT - 5)
    assert psnr_db(PORTRAIT, other, EVERYWHERE) == pytest.approx(20 * np.log10(255 / 5), abs=1e-3)
    assert psnr_db(PORTRAIT, PORTRAIT, EVERYWHERE) == 99.0
    assert psnr_db(PORTRAIT, other, ~EVERYWHERE) is None


def test_ssim_is_scikit_images():
    noisy = np.clip(luma(PORTRAIT) + np.random.default_rng(0).normal(0, 15, EVERYWHERE.shape), 0, 255)
    noisy = noisy.astype(np.float32)
    _, wanted = structural_similarity(
        luma(PORTRAIT), noisy, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )
    ours = ssim_map(luma(PORTRAIT), noisy)
    np.testing.assert_allclose(ours[8:-8, 8:-8], wanted[8:-8, 8:-8], atol=2e-3)


def test_a_blurred_sticker_has_softer_edges_and_an_equal_one_the_same():
    truth, inside = boxed()
    blurred = cv2.GaussianBlur(truth, (0, 0), 3)
    assert edge_sharpness(luma(truth), luma(truth), inside) == 1.0
    assert edge_sharpness(luma(blurred), luma(truth), inside) < 0.7
    flat = np.full_like(luma(truth), 90)
    assert edge_sharpness(luma(truth), flat, inside) is None


def test_inside_and_outside_are_told_apart_and_leakage_is_the_mean_matte_far_away():
    truth, inside = boxed()
    lens, _ = boxed((40, 10, 10))
    far = np.zeros_like(inside)
    far[200:] = True
    matte = np.where(inside, 255, 0).astype(np.uint8)
    matte[200:228] = 51
    figures = compare(lens, truth, inside, far, matte)
    assert figures.psnr_outside == 99.0
    assert figures.psnr_inside == pytest.approx(10 * np.log10(255**2 / (30**2 / 3)), abs=1e-3)
    assert figures.ssim_outside > figures.ssim_inside
    assert figures.leak == pytest.approx(0.2 * 28 / 56)


def test_a_face_belongs_to_the_groups_that_its_row_its_light_and_its_size_say():
    mesh = portrait_mesh()
    dark_and_tight = LabelledFace("a.png", mesh, -30.0, 2.0, "p1", "tight")
    assert groups_of(dark_and_tight, 60.0) == ("yaw > 20", "luma < 100", "face < 170 px", "tight margin")
    large = LabelledFace("b.png", mesh * 4, 5.0, -12.0, "p1", "generous")
    assert groups_of(large, 140.0) == ("yaw <= 20", "roll > 10")
    assert groups_of(LabelledFace("c.png", mesh * 4, None, None), 140.0) == ()
    assert set(groups_of(dark_and_tight, 60.0)) < set(names())


def test_the_light_is_measured_on_the_face_alone():
    picture, mesh = Picture(512, 512), portrait_mesh()
    picture.y[...] = 200
    picture.y[60:180, 160:290] = 50
    assert face_luma(picture, mesh) < 80
    assert face_luma(picture, mesh + 5000) > 180
