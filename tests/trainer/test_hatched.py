"""Hatching: strokes that come as it gets darker; in the teacher's drawing, in torch and in ONNX Runtime the same."""

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
import torch

from lensd.lens.align import crop_to_picture
from lensd.lens.network import check_network
from lensd.lens.open import find_package
from trainer.augment import Strength, sample
from trainer.distil.families import FAMILIES
from trainer.distil.run import Run
from trainer.distil.settings import Settings
from trainer.export import open_generator, run_onnx, run_torch
from trainer.gallery.lenses import taught
from trainer.gallery.painted import gallery_pairs
from trainer.hatched import CHANNELS, HatchedGenerator, sheet_tensor
from trainer.hatching import SIDE_PX, STEEPNESS, hatch, sheet, tones
from trainer.onnx_graph import hatched_onnx
from trainer.pairs import Crop, open_pairs
from trainer.truth import painted_crop, painted_window

SIZE = 64
WIDTHS = (8, 8, 16, 16, 16)


@pytest.fixture(scope="module")
def hatched_pairs(faces_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hatched") / "pairs"
    pencil = taught("pencil")
    gallery_pairs(replace(pencil, crop=Crop(pencil.crop.side, pencil.crop.up, SIZE)), faces_folder, folder, every=4)
    return open_pairs(folder)


def covered(dark):
    """The share of white paper that one tone inks."""
    white = np.full((SIDE_PX, SIDE_PX, 3), 255, np.uint8)
    drawn = hatch(white, tones(np.full((SIDE_PX, SIDE_PX), dark, np.float32)), sheet())
    return float((drawn[..., 0] < 190).mean())


def test_strokes_come_as_it_gets_darker_and_none_where_nothing_is_hatched():
    shares = [covered(dark) for dark in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)]
    assert shares[0] == 0
    assert all(after > before + 0.05 for before, after in pairwise(shares))
    assert 0.6 < shares[-1] < 0.99


def test_a_light_tone_has_strokes_of_one_direction_and_a_dark_one_crosses_them():
    """The spectrum of a layer lies across its strokes."""

    def directions(dark):
        inked = (sheet() < tones(np.full((1, 1), dark, np.float32))[0, 0]).astype(np.float32)
        power = np.abs(np.fft.fftshift(np.fft.fft2(inked - inked.mean()))) ** 2
        y, x = np.mgrid[-SIDE_PX // 2 : SIDE_PX // 2, -SIDE_PX // 2 : SIDE_PX // 2]
        ring = (np.hypot(x, y) > 40) & (np.hypot(x, y) < 75)
        across = np.degrees(np.arctan2(y, x))[ring] % 180
        shares = [power[ring][np.abs((across - way + 90) % 180 - 90) < 12].sum() for way in (38, 78)]
        return shares[1] / shares[0]

    assert directions(0.3) < 0.05
    assert directions(0.75) > 0.15


@pytest.fixture
def network():
    torch.manual_seed(3)
    made = HatchedGenerator(WIDTHS, 1, sheet_tensor(SIZE))
    made(torch.rand(2, 3, SIZE, SIZE))
    return made.eval()


def test_torch_and_onnx_runtime_hatch_alike(network):
    torch.nn.init.normal_(network.head.weight, std=0.3)
    with torch.no_grad():
        network.head.bias[8:] = 0.5 * STEEPNESS
    crop = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    expected, content = run_torch(network, crop, network.sharpness), hatched_onnx(network, SIZE)
    check_network(content, SIZE, "generator.onnx")
    assert np.abs(run_onnx(content, crop).astype(int) - expected).max() <= 1


def test_what_a_network_says_is_drawn_as_the_teacher_draws_it(network):
    """Grey paper with one tone all over: the network's picture is `hatch`'s, to a step of rounding."""
    tone = np.uint8(150)
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias[:4], network.head.bias[4:8], network.head.bias[8:] = 2.0, 9.0, STEEPNESS * int(tone) / 255
    drawn = run_torch(network, np.zeros((SIZE, SIZE, 3), np.uint8))
    grey = np.rint(np.array([247, 244, 238]) / (1 + np.exp(-2.0))).astype(np.uint8)
    wanted = hatch(np.tile(grey, (SIZE, SIZE, 1)), np.full((SIZE, SIZE), tone), sheet(SIZE))
    assert np.abs(drawn[..., :3].astype(int) - wanted).max() <= 1
    assert wanted.std() > 5


def test_strokes_lie_on_the_sample_wherever_the_face_does(hatched_pairs):
    """White paper of one tone: two samples that stray differently have the same strokes at the same places."""
    white, even = np.full_like(hatched_pairs.after, 255), np.full_like(hatched_pairs.planes, 150)
    matte = np.full_like(hatched_pairs.mattes, 255)
    blank = replace(hatched_pairs, after=white, planes=even, mattes=matte)
    drawn = [sample(blank, 0, SIDE_PX, np.random.default_rng(seed), Strength(wide=1.0))[1] for seed in (1, 2)]
    both = (drawn[0][..., 3] == 255) & (drawn[1][..., 3] == 255)
    assert both.mean() > 0.5
    wanted = hatch(white[0, :SIDE_PX, :SIDE_PX], even[0, :SIDE_PX, :SIDE_PX], sheet())
    for one in drawn:
        assert np.array_equal(one[both][:, :3], wanted[both])


def test_crop_and_window_show_the_same_drawing(hatched_pairs):
    crop = hatched_pairs.crop
    to_window = crop_to_picture(hatched_pairs.points[1], SIDE_PX, crop.side, crop.up)
    on_crop = painted_crop(hatched_pairs, 1, to_window, SIDE_PX)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    window = cv2.warpAffine(painted_window(hatched_pairs, 1), to_window, (SIDE_PX, SIDE_PX), flags=flags)
    assert np.abs(on_crop.astype(int) - window)[60:200, 60:200].mean() < 12
    assert np.corrcoef(on_crop[60:200, 60:200, 0].ravel(), window[60:200, 60:200, 0].ravel())[0, 1] > 0.9


def test_a_student_that_begins_as_a_painter_keeps_its_matte_learns_and_is_kept_whole(hatched_pairs, tmp_path):
    family = FAMILIES["0.25"]
    settings = Settings(size_px=SIZE, batch=4, steps=3, widths=family.widths, blocks=family.blocks)
    run = Run(hatched_pairs, tmp_path, settings)
    run.start_from(find_package("bronze"))
    assert run.network.head.weight.shape[0] == CHANNELS
    assert not run.network.head.weight[8:].any()
    assert run.network.head.weight[:8].any()
    while run.step < 3:
        assert np.isfinite(run.advance()["loss"])
    network, _, step = open_generator(run.save())
    assert step == 3
    assert isinstance(network, HatchedGenerator)
    assert torch.equal(network.sheet, sheet_tensor(SIZE))
    assert Run.resumed(hatched_pairs, tmp_path, 3).step == 3
