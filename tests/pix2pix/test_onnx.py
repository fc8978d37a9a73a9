from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
import torch
from click.testing import CliRunner

from lensd.cli.group import group as lensd_group
from lensd.errors import ConfigError, MediaError
from tests.pix2pix.conftest import TINY
from trainer.pix2pix.data import as_rgb, halves, read_pictures
from trainer.pix2pix.export import by_own_statistics, export
from trainer.pix2pix.generators import GENERATORS, Shape, generator_of, stride_of
from trainer.pix2pix.paint import load_generator, paint
from trainer.pix2pix.train import Run, train
from trainer.pix2pix_commands import pix2pix


@pytest.mark.parametrize("kind", GENERATORS)
def test_instance_norms_paint_as_batch_norms_do_by_the_pictures_own_statistics(kind):
    network = generator_of(kind, Shape(width=4, dropout=False))
    side = max(stride_of(kind), 32)
    a = torch.rand(1, 3, side, side) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(by_own_statistics(network)(a), paint(network, a, own=True), atol=1e-5)


@pytest.mark.parametrize("batch", [1, 8])
def test_the_exported_network_paints_what_test_paints(batch, pair_folder, tmp_path):
    options = replace(TINY, generator="unet_64", scale_size=64, crop_size=64, max_steps=3, batch_size=batch, lr=1e-2)
    assert train(Run(options, tmp_path / "run", read_pictures(pair_folder, 64, "AtoB")))
    out = tmp_path / "painter.onnx"
    result = CliRunner().invoke(pix2pix, ["export", "--checkpoint", str(tmp_path / "run"), "--out", str(out)])
    assert result.exit_code == 0, result.output
    pixels = read_pictures(pair_folder, 64, "AtoB").pixels[:1]
    (painted,) = onnxruntime.InferenceSession(str(out)).run(None, {"picture": pixels[..., :3].numpy()})
    network, _, _ = load_generator(tmp_path / "run", torch.device("cpu"))
    a, _ = halves(pixels.permute(0, 3, 1, 2), lab=False)
    wanted = as_rgb(paint(network, a, own=batch == 1)[0])
    assert painted.std() > 1
    assert np.abs(painted[0].astype(int) - wanted.astype(int)).max() <= 2


def test_lensd_export_tells_a_pix2pix_run_from_a_lens(pair_folder, tmp_path):
    options = replace(TINY, generator="compact", scale_size=64, crop_size=64, ngf=16, max_steps=1)
    assert train(Run(options, tmp_path / "run", read_pictures(pair_folder, 64, "AtoB")))
    for given in ("run", "run/checkpoint-00000001.safetensors"):
        result = CliRunner().invoke(lensd_group, ["export", str(tmp_path / given)])
        assert result.exit_code == 0, result.output
        assert "differ by at most" in result.output
    (network,) = tmp_path.glob("run/*.onnx")
    session = onnxruntime.InferenceSession(str(network))
    for part in (session.get_inputs()[0], session.get_outputs()[0]):
        assert (part.shape, part.type) == ([1, 64, 64, 3], "tensor(uint8)")
    # What is no pix2pix run's goes to the lens's command, which says what it misses.
    (tmp_path / "other.safetensors").write_bytes(b"x")
    lens = CliRunner().invoke(lensd_group, ["export", str(tmp_path / "other.safetensors")])
    assert "Missing option '--out'" in lens.output


def test_a_network_of_other_channels_is_exported_too(pair_folder, tmp_path):
    options = replace(TINY, generator="unet_64", scale_size=64, crop_size=64, input_nc=1, output_nc=4, max_steps=1)
    assert train(Run(options, tmp_path / "run", read_pictures(pair_folder, 64, "AtoB", channels=(1, 4))))
    assert export(tmp_path / "run", tmp_path / "x.onnx") <= 2
    grey = np.zeros((1, 64, 64, 1), np.uint8)
    (painted,) = onnxruntime.InferenceSession(str(tmp_path / "x.onnx")).run(None, {"picture": grey})
    assert painted.shape == (1, 64, 64, 4)


def test_what_cannot_be_exported_is_refused(pair_folder, tmp_path):
    run = Run(replace(TINY, max_steps=1), tmp_path / "run", read_pictures(pair_folder, 36, "AtoB"))
    assert train(run)
    with pytest.raises(MediaError, match="cannot be written"):
        export(tmp_path / "run", tmp_path / "nowhere" / "x.onnx")
    lab = replace(TINY, max_steps=1, lab_colorization=True)
    assert train(Run(lab, tmp_path / "lab", read_pictures(pair_folder, 36, "AtoB", single=True)))
    with pytest.raises(ConfigError, match="RGB"):
        export(tmp_path / "lab", tmp_path / "x.onnx")
    assert not (tmp_path / "x.onnx").exists()
