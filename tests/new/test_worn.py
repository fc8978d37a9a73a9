"""A sticker is worn: its canvas, the lens that its network begins as, and what is shipped."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lensd.errors import ConfigError
from lensd.lens.network import check_network
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from tests.new.conftest import write_rgb
from trainer import checkpoint
from trainer.canvas import CanvasGenerator, template_on_canvas
from trainer.canvas_art import stickers_on_canvas
from trainer.distil.families import FAMILIES
from trainer.distil.predecessor import generator_of
from trainer.distil.run import CHECKPOINT
from trainer.distil.settings import DEFAULT_FAMILY
from trainer.export import open_as_shipped, open_generator, run_torch
from trainer.new.command import new
from trainer.new.cropping import crop_round
from trainer.new.efforts import OF_PAIRS, OF_STICKERS, predecessor
from trainer.new.plan import Machine, stages_of
from trainer.new.sticker import PLACES, box_of, read_sticker
from trainer.new.wish import Words, wish_for_pairs, wish_for_sticker
from trainer.pairs import open_pairs
from trainer.torch_engine import TorchEngine

BEGUN_AS = {"mouth": "skull", "head": "crown"}


@pytest.fixture(scope="module", params=list(BEGUN_AS))
def worn(request, faces_folder, tmp_path_factory):
    """A run of 16 steps, one anchor after the other, as large as it ships: the anchor, its folder, and the lens."""
    folder = tmp_path_factory.mktemp(request.param)
    picture = np.zeros((60, 120, 4), np.uint8)
    cv2.ellipse(picture, (60, 30), (50, 24), 0, 0, 360, (200, 20, 60, 255), -1, cv2.LINE_AA)
    write_rgb(folder / "sticker.png", picture)
    asked = ["worn", "--sticker", folder / "sticker.png", "--anchor", request.param, "--faces", faces_folder]
    asked += ["--steps", 16, "--threads", 1, "--run", folder / "run"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder / "home"))
        CliRunner().invoke(new, [str(argument) for argument in asked], catch_exceptions=False)
    return request.param, folder / "run", folder / "home" / "lensd" / "lenses" / "worn.lens"


def test_its_canvas_is_the_sticker_as_the_template_wears_it(worn):
    anchor, run, _ = worn
    pairs = open_pairs(run / "pairs")
    assert pairs.canvas.shape == (256, 256, 4)
    ys, xs = np.nonzero(pairs.canvas[..., 3] > 127)
    points = template_on_canvas(pairs.crop)
    if anchor == "mouth":
        assert np.abs((xs.mean(), ys.mean()) - points[[61, 291], :2].mean(0)).max() < 12
    else:
        assert ys.max() < points[[33, 263], 1].min()  # above the eyes


def test_what_ships_wears_it_and_needs_a_quarter_of_the_multiplications(worn):
    _, run, lens = worn
    package = open_package(lens)
    assert check_network(package.network, 256, "generator.onnx").operators["GridSample"] == 1
    network, crop, step = open_generator(run / "distil" / CHECKPOINT)
    assert isinstance(network, CanvasGenerator)
    assert (crop.size_px, step) == (256, 16)
    assert "0.055 real GMAC" in package.contents["CARD.md"].decode()


def test_it_begins_as_a_lens_that_knows_such_a_place(worn):
    """Steps of the warm-up hardly move a weight: it is known by its convolutions."""
    anchor, run, lens = worn
    weights = checkpoint.unpack("network", checkpoint.load(run / "distil" / CHECKPOINT)[0])
    family, crop = FAMILIES[DEFAULT_FAMILY], torch.zeros(2, 3, 64, 64)
    away = {}
    for name in BEGUN_AS.values():
        known = generator_of(find_package(name), family.widths, family.blocks, [crop]).state_dict()
        layers = [layer for layer in weights if layer.endswith("convolution.weight")]
        away[name] = max(float((known[layer] - weights[layer]).abs().max()) for layer in layers)
    assert 10 * away[BEGUN_AS[anchor]] < max(away.values())
    assert f"began as the lens `{BEGUN_AS[anchor]}`" in open_package(lens).contents["CARD.md"].decode()


def test_torch_paints_what_the_package_does(worn):
    """What is shown in part was decided for both."""
    _, run, lens = worn
    engine = TorchEngine(run / "distil" / CHECKPOINT)
    golden = cv2.imdecode(np.frombuffer(open_package(lens).contents["golden/in.png"], np.uint8), cv2.IMREAD_COLOR)
    crop, painted = np.ascontiguousarray(golden[..., ::-1])[None], np.empty((1, 256, 256, 4), np.uint8)
    engine.infer(crop, painted)
    assert np.array_equal(painted[0], run_torch(open_as_shipped(run / "distil" / CHECKPOINT)[0], crop[0]))
    assert not np.array_equal(painted[0], run_torch(open_generator(run / "distil" / CHECKPOINT)[0], crop[0]))


@pytest.mark.parametrize("anchor", list(PLACES))
def test_hats_begin_as_a_hat_and_all_else_as_what_lies_on_the_face(anchor, sticker_png):
    sticker = read_sticker(sticker_png, anchor, None, None)
    assert predecessor(crop_round(box_of(sticker), 256)) == ("crown" if anchor == "head" else "skull")
    wide = replace(sticker, width=1.6)  # ears beside the head
    assert predecessor(crop_round(box_of(wide), 256)) == "crown"


def test_a_wide_stickers_canvas_ends_where_the_crop_does(sticker_png):
    sticker = read_sticker(sticker_png, "eyes", 3.5, None)
    art = stickers_on_canvas([sticker], crop_round(box_of(sticker), 64))
    assert (art[20:40, [0, -1], 3] > 127).any()


@pytest.mark.parametrize("effort", [*OF_PAIRS.values(), *OF_STICKERS.values()], ids=lambda e: f"{e.name} {e.worn}")
def test_the_work_that_is_done_grows_from_nothing_to_all(effort):
    shares = [effort.share(step) for step in range(0, effort.steps + 1, 50)]
    assert (shares[0], shares[-1]) == (0, 1)
    assert (np.diff(shares) > 0).all()
    assert effort.small_px == (effort.size_px // 2 if effort.worn else 160)


def test_a_size_at_which_its_network_cannot_look_is_refused():
    worn, painted = OF_STICKERS["quick"], OF_PAIRS["quick"]
    assert worn.shortened(None, 128).small_px == 64
    assert painted.shortened(None, 96).small_px == 96
    for effort, size_px in ((worn, 96), (painted, 100)):
        with pytest.raises(ConfigError, match="no multiple of"):
            effort.shortened(None, size_px)


def test_a_run_that_was_begun_before_stickers_were_worn_is_made_anew_and_one_from_pairs_goes_on(
    sticker_png, faces_folder, pairs_folder, tmp_path
):
    words = Words("T", "A", "CC0", "none")
    drawn = wish_for_sticker("x", words, OF_STICKERS["quick"], sticker_png, faces_folder, "eyes", None, None)
    given = wish_for_pairs("x", words, OF_PAIRS["quick"], pairs_folder)
    begun_before = {"pairs": {"digest", "files", "size_px"}, "distil": {"small", "steps", "px"}}
    for wish, more in ((drawn, True), (given, False)):
        inputs = {stage.name: set(stage.inputs) for stage in stages_of(wish, tmp_path, Machine(1, 1), 6)}
        assert all((inputs[name] > known) is more for name, known in begun_before.items())
        assert all(inputs[name] >= known for name, known in begun_before.items())
