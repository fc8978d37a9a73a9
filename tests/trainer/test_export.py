from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from lensd.config import shipped_lenses_dir
from lensd.errors import ConfigError
from lensd.evaluation.cost import measure_cost
from lensd.lens.network import check_network
from lensd.lens.open import stickers_of
from lensd.lens.package import open_package
from trainer.art.shipped import DRAWN
from trainer.commands import export as export_command
from trainer.commands import pairs as pairs_command
from trainer.distil.families import FAMILIES
from trainer.distil.predecessor import _convolutions, _in_order
from trainer.distil.run import CHECKPOINT, Run
from trainer.distil.settings import Settings
from trainer.distil.train import train
from trainer.distil_command import distil as distil_command
from trainer.export import About, export, licence_text, open_generator, run_onnx, run_torch
from trainer.generator import Generator
from trainer.landmarks import LandmarkNet
from trainer.onnx_graph import generator_onnx, landmarks_onnx
from trainer.torch_engine import TorchEngine

TINY = Settings(size_px=64, batch=2, steps=3, warm_up=1, measure_every=3, widths=(8, 8, 8, 8, 16), blocks=1)


def test_torch_and_onnx_runtime_paint_the_same_picture():
    torch.manual_seed(1)
    network = Generator((8, 8, 16, 16, 16), 1)
    network(torch.rand(4, 3, 64, 64))
    network.eval()
    crop = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = run_torch(network, crop, 2.0)
    content = generator_onnx(network, 64, 2.0)
    check_network(content, 64, "generator.onnx")
    assert np.abs(run_onnx(content, crop).astype(int) - expected).max() <= 2


def test_large_weights_are_stored_in_eight_bits_the_others_in_sixteen():
    family = FAMILIES["0.25"]
    torch.manual_seed(1)
    network = Generator(family.widths, family.blocks).eval()
    content = generator_onnx(network, 64, 2.0)
    assert len(content) < 680_000
    weights = [weight for weight, _ in _convolutions(content)]
    layers = [layer.weight.detach().numpy() for layer in _in_order(network)]
    for weight, wanted in zip(weights, layers, strict=True):
        step = np.abs(wanted).max() / (127 if wanted.size >= 30_000 else 1024)
        assert np.abs(weight - wanted).max() <= step


def test_torch_and_onnx_runtime_find_the_same_points():
    torch.manual_seed(1)
    network = LandmarkNet()
    network(torch.rand(2, 3, 128, 128))
    network.eval()
    crop = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network(torch.from_numpy(crop).permute(0, 3, 1, 2).float() / 255).numpy()
    session = onnxruntime.InferenceSession(landmarks_onnx(network))
    found = session.run(["points"], {"crop": crop})[0]
    assert found.shape == (1, 479, 3)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.1


def test_an_exported_lens_is_a_package_that_lensd_opens(pairs, tmp_path):
    run = Run(pairs, tmp_path / "run", TINY)
    train(run)
    folder = tmp_path / "tiny.lens"
    about = About("tiny", "Tiny", "thug-life-overlay")
    assert export(run.folder / CHECKPOINT, folder, about, "# Tiny\n\n{facts}\n", licence_text()) < 0.5
    package = open_package(folder)
    assert package.manifest.teacher == "thug-life-overlay"
    assert (package.manifest.crop.side, package.manifest.crop.size_px) == (1.4, 64)
    assert b"real GMAC" in package.contents["CARD.md"]
    assert open_generator(run.folder / CHECKPOINT)[2] == 3
    rows = measure_cost(package, also=[TorchEngine(run.folder / CHECKPOINT)]).runtimes
    assert 45 < next(row.parity_db for row in rows if row.runtime == "torch") <= 99


@pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.name)
def test_the_shipped_overlays_are_what_their_art_draws(drawn):
    package = open_package(shipped_lenses_dir() / f"{drawn.name}-overlay.lens")
    assert package.manifest.kind == "overlay"
    for shipped, art in zip(stickers_of(package), drawn.stickers(), strict=True):
        assert (shipped.anchor, shipped.when) == (art.anchor, art.when)
        assert (*shipped.centre, shipped.width) == pytest.approx((*art.centre, art.width))
        away = np.abs(shipped.image.astype(int) - art.image) * (art.image[..., 3:] > 0)
        assert away.mean() < 1  # not byte for byte: another build of OpenCV may soften a line otherwise


def test_the_commands_lead_from_photographs_to_a_package(faces_folder, tmp_path):
    runner = CliRunner()
    pairs_folder, run, lens = tmp_path / "pairs", tmp_path / "run", tmp_path / "mine.lens"
    made = ["--lens", "thug-life-overlay", "--faces", faces_folder, "--out", pairs_folder, "--size", 64]
    trained = ["--pairs", pairs_folder, "--run", run, "--size", 64, "--steps", 2, "--batch", 2]
    exported = [run / CHECKPOINT, "--output", lens, "--teacher", "thug-life-overlay", "--runtime", "onnxruntime"]
    for command, arguments in ((pairs_command, made), (distil_command, trained), (export_command, exported)):
        result = runner.invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    assert open_package(lens).name == "mine"
    assert (tmp_path / "mine.onnx").read_bytes() == open_package(lens).network
    again = runner.invoke(distil_command, [str(argument) for argument in trained])
    assert "--resume" in again.exception.hint


def test_a_network_taught_at_another_size_is_not_exported(pairs, tmp_path):
    run = Run(pairs, tmp_path, replace(TINY, size_px=32))
    run.save()
    with pytest.raises(ConfigError, match="taught at 32 pixels"):
        open_generator(run.folder / CHECKPOINT)
