"""Flat colours: light in a few steps, in the teacher's drawing, in torch and in ONNX Runtime the same."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lensd.lens.network import check_network
from lensd.lens.open import find_package
from trainer.distil.families import FAMILIES
from trainer.distil.run import Run
from trainer.distil.settings import Settings
from trainer.export import open_generator, run_onnx, run_torch
from trainer.flat import CHANNELS, COLOURS, FlatGenerator
from trainer.flattening import INK, LUMA, STEP, flatten
from trainer.gallery.lenses import taught
from trainer.gallery.painted import gallery_pairs
from trainer.onnx_graph import flat_onnx
from trainer.pairs import Crop, open_pairs

SIZE = 64
WIDTHS = (8, 8, 16, 16, 16)


def slope():
    """Skin's colour from dark to light, across: (8, 256, 3) uint8."""
    light = np.linspace(0, 1, 256)[None, :, None]
    return np.rint(np.tile(light, (8, 1, 1)) * np.array([255, 200, 170])).astype(np.uint8)


def test_a_slope_becomes_steps_of_the_same_hue():
    flat = flatten(slope(), np.zeros((8, 256), np.uint8))[0].astype(float)
    still = np.abs(np.diff(flat @ np.asarray(LUMA))) < 1.5
    assert still.mean() > 0.75
    light = flat[40:] @ np.asarray(LUMA) / 255
    away = np.abs(light / STEP - 0.12 - np.rint(light / STEP - 0.12))
    assert np.median(away) < 0.05
    hue = flat[60:200, 1] / flat[60:200, 0]
    assert np.abs(hue - 200 / 255).max() < 0.02


def test_ink_lies_over_it():
    ink = np.zeros((8, 256), np.uint8)
    ink[:4] = 255
    flat = flatten(slope(), ink)
    assert np.array_equal(flat[0], np.tile(np.array(INK, np.uint8), (256, 1)))
    assert np.array_equal(flat[4:], flatten(slope(), np.zeros((8, 256), np.uint8))[4:])


@pytest.fixture
def network():
    torch.manual_seed(3)
    made = FlatGenerator(WIDTHS, 1, torch.tensor(INK).reshape(1, 3, 1, 1) / 255)
    made(torch.rand(2, 3, SIZE, SIZE))
    return made.eval()


def test_torch_and_onnx_runtime_paint_alike_but_where_a_step_is_on_the_edge(network):
    torch.nn.init.normal_(network.head.weight, std=3.0)
    crop = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    expected, content = run_torch(network, crop, network.sharpness), flat_onnx(network, SIZE)
    check_network(content, SIZE, "generator.onnx")
    away = np.abs(run_onnx(content, crop).astype(int) - expected)
    assert away.mean() < 0.1
    assert np.percentile(away, 99) <= 2
    assert expected[..., :3].std() > 10


@pytest.mark.parametrize("colour", [(0.2, 0.15, 0.1), (0.9, 0.7, 0.6), (0.5, 0.5, 0.52)])
def test_what_a_network_says_is_painted_as_the_teacher_paints_it(network, colour):
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias[:COLOURS] = torch.logit(torch.tensor(colour))
    painted = run_torch(network, np.zeros((SIZE, SIZE, 3), np.uint8))
    faint = np.full((1, 1), round(255 / (1 + np.exp(4.0))), np.uint8)
    wanted = flatten(np.rint(255 * np.array(colour)).astype(np.uint8)[None, None], faint)
    assert np.abs(painted[..., :3].astype(int) - wanted).max() <= 3


def test_steps_are_learned_though_they_have_no_slope(network):
    """The wanted colour is two steps lighter: within a few moves it is there."""
    wanted = torch.tensor([0.8, 0.7, 0.6]).reshape(1, 3, 1, 1)
    x = torch.full((1, 3, SIZE, SIZE), 0.5)
    optimizer = torch.optim.Adam(network.head.parameters(), 0.03)
    losses = []
    for _ in range(60):
        loss = (torch.sigmoid(network(x)[:, :3]) - wanted).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.4 * losses[0]
    assert losses[-1] < STEP / 2


def test_a_student_begins_as_a_painter_learns_and_is_kept_whole(faces_folder, tmp_path):
    cartoon, family = taught("cartoon"), FAMILIES["0.25"]
    small = replace(cartoon, crop=Crop(cartoon.crop.side, cartoon.crop.up, SIZE))
    gallery_pairs(small, faces_folder, tmp_path / "pairs", every=4)
    pairs = open_pairs(tmp_path / "pairs")
    assert pairs.finish == "flat"
    settings = Settings(size_px=SIZE, batch=4, steps=2, widths=family.widths, blocks=family.blocks)
    run = Run(pairs, tmp_path, settings)
    run.start_from(find_package("bronze"))
    assert run.network.head.weight.shape[0] == CHANNELS
    assert run.network.head.weight[:COLOURS].any()
    assert not run.network.head.weight[COLOURS : COLOURS + 4].any()
    while run.step < 2:
        assert np.isfinite(run.advance()["loss"])
    network, _, step = open_generator(run.save())
    assert step == 2
    assert isinstance(network, FlatGenerator)
