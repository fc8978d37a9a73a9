"""The golden pair, run through a real runtime."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import GoldenMismatch, PackageError
from lensd.lens.golden import check_golden, compare_golden, golden_pair
from lensd.lens.package import open_package
from tests.lens.packages import SIZE, box_network, box_picture, png, write_generator, write_overlay


def run(folder):
    package = open_package(folder)
    engine = OnnxRuntimeEngine(package.network)
    try:
        return check_golden(package, engine)
    finally:
        engine.close()


def test_a_network_that_gives_its_own_picture_passes(generator):
    result = run(generator)
    assert result.psnr_db == float("inf")
    assert result.tile_error == 0


def test_colour_under_an_empty_matte_does_not_count(tmp_path):
    expected = box_picture()[None]
    other = expected.copy()
    other[..., :3][expected[..., 3] == 0] = 7
    assert compare_golden(other, expected, 60, "tiny", "onnxruntime").psnr_db == float("inf")


@pytest.mark.parametrize("colour", [(60, 30, 30), (200, 200, 30)])
def test_another_colour_is_a_mismatch_that_says_by_how_much(tmp_path, colour):
    folder = write_generator(tmp_path / "tiny.lens", network=box_network(colour=colour))
    with pytest.raises(
        GoldenMismatch, match=r"gives another picture than the golden one: \d+\.\d dB, 40 dB are needed"
    ):
        run(folder)


def test_a_network_that_draws_nothing_is_told(tmp_path):
    with pytest.raises(GoldenMismatch, match="draws nothing at all"):
        run(write_generator(tmp_path / "tiny.lens", network=box_network(matte=0)))


def test_a_network_of_nan_is_caught(tmp_path):
    model = box_network()
    box = next(tensor for tensor in model.graph.initializer if tensor.name == "box")
    box.raw_data = np.full((1, 4, SIZE, SIZE), np.nan, np.float32).tobytes()
    with pytest.raises(GoldenMismatch):
        run(write_generator(tmp_path / "tiny.lens", network=model))


def test_a_blotch_that_the_whole_pictures_psnr_forgives_is_caught():
    expected = np.zeros((1, 256, 256, 4), np.uint8)
    expected[..., 3] = 255
    blotched = expected.copy()
    blotched[0, 32:48, 64:80, :3] = 45
    with pytest.raises(GoldenMismatch, match="a part of the picture is off by 34 of 255"):
        compare_golden(blotched, expected, 40, "tiny", "tensorrt")
    assert compare_golden(np.abs(expected.astype(int) - 1).astype(np.uint8), expected, 40, "x", "y").psnr_db > 48


def test_a_golden_picture_that_shows_nothing_proves_nothing(tmp_path):
    folder = write_generator(tmp_path / "tiny.lens")
    content = png(np.zeros((SIZE, SIZE, 4), np.uint8))
    package = open_package(folder)
    hollow = dataclasses.replace(package, contents={**package.contents, "golden/out.png": content})
    with pytest.raises(PackageError, match="empty matte"):
        golden_pair(hollow)


def test_a_damaged_golden_picture_is_a_package_error(tmp_path):
    package = open_package(write_generator(tmp_path / "tiny.lens"))
    cut = package.contents["golden/in.png"][:-40]
    damaged = dataclasses.replace(package, contents={**package.contents, "golden/in.png": cut})
    with pytest.raises(PackageError, match="is a damaged PNG"):
        golden_pair(damaged)


def test_an_overlay_has_no_golden_pair(tmp_path):
    with pytest.raises(PackageError, match="has no golden pair"):
        golden_pair(open_package(write_overlay(tmp_path / "dots.lens")))
