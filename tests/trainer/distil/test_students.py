"""Families, and what is exported of them; teachers."""

import numpy as np
import pytest
import torch

from lensd.errors import ConfigError
from lensd.lens.network import check_network
from tests.trainer.distil.test_losses import NONE
from tests.trainer.distil.test_run import TINY
from trainer.canvas import CanvasGenerator
from trainer.distil.families import FAMILIES, cost, family_named
from trainer.distil.run import CHECKPOINT, Run
from trainer.distil.settings import Settings
from trainer.distil.teacher import Adapters, Teacher
from trainer.distil.train import train
from trainer.distil.weights import Weights
from trainer.export import open_generator, run_onnx, run_torch
from trainer.generator import Generator, count_macs, fold
from trainer.onnx_graph import canvas_onnx, generator_onnx
from trainer.pix2pix import keep
from trainer.pix2pix.model import Model
from trainer.pix2pix.options import Options


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_costs_what_its_name_says(name):
    family, costs = family_named(name), cost(FAMILIES[name], 256)
    assert costs.macs == pytest.approx(float(name) * 1e9, rel=0.15)
    assert all(width % 8 == 0 for width in family.widths)
    network = Generator(family.widths, family.blocks)
    kinds = {type(layer) for layer in network.modules()}
    assert not kinds & {torch.nn.ConvTranspose2d, torch.nn.Dropout, torch.nn.InstanceNorm2d}
    content = generator_onnx(network.eval(), 256, 2.0)
    assert costs.weight_bytes < len(content) < costs.weight_bytes + 20_000 < 3_000_000
    assert check_network(content, 256, name).macs == costs.macs


def test_a_worn_student_costs_a_quarter_of_the_multiplications_and_its_canvas():
    family, canvas = family_named("0.25"), torch.zeros(1, 4, 256, 256)
    painted, worn = cost(family, 256), cost(family, 256, {"canvas": canvas})
    assert 3.5 < painted.macs / worn.macs < 5
    network = CanvasGenerator(family.widths, family.blocks, canvas).eval()
    content = canvas_onnx(network, 256)
    assert worn.weight_bytes < len(content) < worn.weight_bytes + 120_000  # where each pixel lies itself, and the nodes


def test_macs_are_counted_as_the_formula_says():
    layer = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1))
    assert count_macs(layer, 32) == 16 * 16 * 8 * 3 * 9
    with pytest.raises(ConfigError, match=r"none of 0\.1"):
        family_named("7")


@pytest.mark.parametrize("name", ["0.1", "0.25"])
def test_folded_and_in_onnx_runtime_a_student_paints_the_same(name):
    torch.manual_seed(1)
    family = FAMILIES[name]
    network = Generator(family.widths, family.blocks)
    for _ in range(3):
        network(torch.rand(4, 3, 64, 64))  # running statistics other than the first
    network.eval()
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    x = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        before = torch.sigmoid(network(x))
        painted = run_torch(network, crop)
        assert float((torch.sigmoid(fold(network)(x)) - before).abs().max()) < 1e-3
    assert np.abs(run_onnx(generator_onnx(network, 64, 1.0), crop).astype(int) - painted).max() <= 1


def test_a_run_that_is_still_among_its_small_samples_is_not_exported(pairs, tmp_path):
    settings = Settings(**{**_values(TINY), "small_px": 32, "small_steps": 2, "steps": 3, "weights": Weights()})
    steps = iter([False, True])
    train(Run(pairs, tmp_path, settings), stop=lambda: next(steps))
    with pytest.raises(ConfigError, match="taught at 32 pixels"):
        open_generator(tmp_path / CHECKPOINT)
    train(Run.resumed(pairs, tmp_path, 3))
    assert open_generator(tmp_path / CHECKPOINT)[2] == 3


@pytest.fixture(scope="module", params=[1, 8], ids=["own statistics", "running statistics"])
def u_net(request, tmp_path_factory):
    options = Options(generator="unet_64", ngf=4, loss="l1", crop_size=64, scale_size=64, batch_size=request.param)
    folder = tmp_path_factory.mktemp("teacher")
    keep.save(folder, Model(options, 1, torch.device("cpu")).tensors(), keep.State(options, 1), best=False)
    return folder


def test_a_teacher_is_asked_for_its_picture_and_its_maps(u_net):
    teacher = Teacher(u_net)
    pictures, maps = teacher.look(torch.rand(3, 3, 96, 96))
    assert pictures.shape == (3, 3, 96, 96)
    assert [tuple(one.shape) for one in maps] == [(3, 32, 4, 4), (3, 16, 8, 8), (3, 8, 16, 16)]
    alone, its_maps = teacher.look(torch.zeros(1, 3, 96, 96))
    assert len(its_maps) == 3
    assert torch.isfinite(alone).all()


def test_a_run_with_a_teacher_goes_on_bit_for_bit_and_with_no_other(pairs, tmp_path, u_net):
    weights = Weights(channel=0.5)
    settings = Settings(**{**_values(TINY), "steps": 3, "weights": weights})
    straight = Run(pairs, tmp_path / "straight", settings, teacher=Teacher(u_net))
    assert train(straight)
    steps = iter([False, False, True])
    train(Run(pairs, tmp_path / "cut", settings, teacher=Teacher(u_net)), stop=lambda: next(steps))
    with pytest.raises(ConfigError, match="another teacher"):
        Run.resumed(pairs, tmp_path / "cut", 3)
    resumed = Run.resumed(pairs, tmp_path / "cut", 3, teacher=Teacher(u_net))
    train(resumed)
    for one, other in zip(straight.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", ["teacher", "channel"])
def test_each_of_a_teachers_losses_is_finite_and_teaches(pairs, tmp_path, u_net, name):
    settings = Settings(**{**_values(TINY), "weights": NONE.changed({name: 1.0})})
    run = Run(pairs, tmp_path, settings, teacher=Teacher(u_net))
    before = run.network.stem.convolution.weight.detach().clone()
    told = run.advance()
    assert set(told) == {"loss", name}
    assert 0 < told[name] < 100
    assert not torch.equal(before, run.network.stem.convolution.weight)
    with pytest.raises(ConfigError, match="no loss is left"):
        Run(pairs, tmp_path, settings)


def test_channels_that_look_where_the_teachers_do_have_no_fault():
    adapters = Adapters([2], [2])
    with torch.no_grad():
        adapters[0].weight.copy_(torch.eye(2)[..., None, None])
        adapters[0].bias.fill_(3.0)  # a channel's level does not say where it looks
    maps = torch.randn(1, 2, 8, 8)
    with torch.no_grad():
        assert float(adapters.loss([maps], [maps])) < 1e-5
        assert float(adapters.loss([maps], [maps.flip(3)])) > 0.1


def test_a_teacher_that_cannot_teach_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        Teacher(tmp_path)
    options = Options(lab_colorization=True, generator="unet_64", ngf=4, loss="l1", crop_size=64, scale_size=64)
    keep.save(tmp_path, Model(options, 1, torch.device("cpu")).tensors(), keep.State(options, 1), best=False)
    with pytest.raises(ConfigError, match="from lightness"):
        Teacher(tmp_path)


def _values(settings: Settings) -> dict[str, object]:
    return {name: getattr(settings, name) for name in settings.__slots__}
