"""A network that wears a canvas: what it paints, where it looks, and that every runtime agrees."""

import copy

import cv2
import numpy as np
import pytest
import torch

from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.network import check_network
from lensd.lens.overlay import render_crop
from trainer.canvas import COARSE, SEEN, CanvasGenerator, Region, canvas_tensor, places
from trainer.distil.place import known_places, place_l1, region_of
from trainer.distil.run import Run
from trainer.distil.settings import Settings
from trainer.export import open_generator, run_onnx, run_torch
from trainer.gallery.lenses import GALLERY, taught
from trainer.gallery.painted import canvas_art
from trainer.onnx_graph import canvas_onnx
from trainer.pairs import CANVAS, open_pairs

SIZE = 64
WIDTHS = (8, 8, 16, 16, 16)


@pytest.fixture(scope="module")
def art():
    """A red square with a soft edge on green."""
    made = np.empty((SIZE, SIZE, 4), np.uint8)
    made[:] = (20, 160, 40, 0)
    made[20:44, 20:44] = (200, 30, 30, 255)
    return cv2.GaussianBlur(made, (0, 0), 1)


@pytest.fixture
def network(art):
    torch.manual_seed(2)
    made = CanvasGenerator(WIDTHS, 1, canvas_tensor(art))
    made(torch.rand(2, 3, SIZE, SIZE))
    return made.eval()


@pytest.fixture(scope="module")
def worn_pairs(pairs_folder, art, tmp_path_factory):
    folder = tmp_path_factory.mktemp("worn") / "pairs"
    folder.mkdir()
    for path in pairs_folder.iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    side = open_pairs(pairs_folder).crop.size_px
    canvas = cv2.resize(art, (side, side))
    cv2.imwrite(str(folder / CANVAS), cv2.cvtColor(canvas, cv2.COLOR_RGBA2BGRA))
    return open_pairs(folder)


def test_before_its_first_lesson_it_wears_the_canvas_as_it_is(network, art):
    worn = run_torch(network, np.zeros((SIZE, SIZE, 3), np.uint8))
    assert np.abs(worn.astype(int) - art).max() <= 5  # of the matte a fiftieth is not seen yet


def test_torch_and_onnx_runtime_wear_it_alike_wherever_it_is_moved(network):
    torch.nn.init.normal_(network.head.weight, std=0.2)
    crop = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    expected, content = run_torch(network, crop), canvas_onnx(network, SIZE)
    facts = check_network(content, SIZE, "generator.onnx")
    assert facts.operators["GridSample"] == 1
    assert facts.operators.keys().isdisjoint({"Slice", "Pad"})  # nothing is cut where all of the crop is worn in
    assert np.abs(run_onnx(content, crop).astype(int) - expected).max() <= 2
    assert expected[..., 3].std() > 5


def test_in_a_region_it_wears_the_same_and_outside_nothing(network):
    torch.nn.init.normal_(network.head.weight, std=0.05)
    crop = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    whole = run_torch(network, crop)
    network.region = Region(8, 48, 16, 64)
    part, content = run_torch(network, crop), canvas_onnx(network, SIZE)
    assert whole[12:44, 20:, 3].std() > 5
    np.testing.assert_allclose(part[12:44, 20:], whole[12:44, 20:], atol=1)  # its first pixels lack their neighbours
    outside = np.ones((SIZE, SIZE), bool)
    outside[8:48, 16:] = False
    assert not part[..., 3][outside].any()
    assert check_network(content, SIZE, "generator.onnx").operators["Pad"] == 1
    assert np.abs(run_onnx(content, crop)[..., 3].astype(int) - part[..., 3]).max() <= 2
    assert np.abs(run_onnx(content, crop).astype(int) - part)[part[..., 3] > 0].max() <= 2


def test_the_art_of_every_face_lies_in_the_region_with_room_to_spare(worn_pairs):
    size, crop = worn_pairs.crop.size_px, worn_pairs.crop
    region = region_of(worn_pairs)
    assert not any(edge % COARSE for edge in region)
    assert (region.bottom - region.top) * (region.right - region.left) < 0.7 * size * size
    for points in worn_pairs.points:
        mesh = apply(invert(crop_to_picture(points, size, crop.side, crop.up)), points[:, :2])
        rows, columns = np.nonzero(render_crop(worn_pairs.stickers, mesh, size)[..., 3])
        assert region.top + size // 20 <= rows.min()
        assert rows.max() < region.bottom - size // 20
        assert region.left + size // 20 <= columns.min()
        assert columns.max() < region.right - size // 20


def test_a_pixel_to_the_left_is_where_it_looks_for_what_moves_to_the_right(network, art):
    with torch.no_grad():
        network.head.bias[0] = -0.25  # x, a quarter of a half side by four: so many pixels
    worn = run_torch(network, np.zeros((SIZE, SIZE, 3), np.uint8))
    moved = round(0.25 * 0.25 * SIZE / 2)
    assert moved == 2
    np.testing.assert_allclose(worn[:, moved:, 3].astype(int), art[:, :-moved, 3], atol=6)


def test_what_ships_shows_what_it_is_sure_of_and_nothing_faintly(network, art):
    """Shares of sight of 27, 73, 88 and 98 %: the first is gone, the last whole."""
    solid, crop = art[SIZE // 2, SIZE // 2, 3], np.zeros((SIZE, SIZE, 3), np.uint8)
    assert solid == 255
    shown = {}
    for logit in (-1.0, 1.0, 2.0, SEEN):
        made = copy.deepcopy(network)
        with torch.no_grad():
            made.head.bias[5] = logit - SEEN
        before = run_torch(made, crop)[SIZE // 2, SIZE // 2, 3] / 255
        made.decide()
        shown[round(float(before), 2)] = run_torch(made, crop)[SIZE // 2, SIZE // 2, 3] / 255
        made.decide(back=True)
        assert made.head.bias[5].item() == pytest.approx(logit - SEEN, abs=1e-5)
    assert list(shown) == pytest.approx([0.27, 0.73, 0.88, 0.98], abs=0.01)
    assert list(shown.values()) == pytest.approx([0.0, 0.68, 0.98, 1.0], abs=0.01)


def test_points_of_a_face_are_known_where_the_canvas_has_them(worn_pairs):
    """The template's own face: every point of a sticker lies on the canvas where it lies on the crop."""
    size = worn_pairs.crop.size_px
    points = worn_pairs.points[0]
    known = known_places(worn_pairs, points, worn_pairs.photos.shape[1])
    assert known.shape[1] == 4
    assert len(known) == 36 * len(worn_pairs.stickers)
    # Through the face's own crop both are nearly one place: stickers follow what all faces have in common.
    to_window = crop_to_picture(points, size, worn_pairs.crop.side, worn_pairs.crop.up)
    here = ((known[:, :2] + 1) * worn_pairs.photos.shape[1] - 1) / 2
    inside = np.linalg.inv(np.vstack([to_window, [0, 0, 1]]))[:2] @ np.column_stack([here, np.ones(len(here))]).T
    there = ((known[:, 2:] + 1) * size - 1) / 2
    assert np.abs(inside.T - there).mean() < 0.05 * size


def test_a_network_that_looks_where_it_should_has_no_fault():
    place = places(16)
    spots = torch.tensor([[[-0.5, 0.25, -0.5, 0.25], [0.3, 0.7, 0.3, 0.7], [2.0, 0.0, 9.0, 9.0]]])
    assert float(place_l1(place, spots)) < 1e-6
    assert float(place_l1(place, spots + torch.tensor([0, 0, 0.1, 0.1]))) == pytest.approx(0.1 * 4 / 5, rel=1e-3)


def test_it_learns_where_to_look_first_then_all_the_rest_and_is_kept_whole(worn_pairs, tmp_path):
    size = worn_pairs.crop.size_px
    settings = Settings(
        size_px=size, small_px=size // 2, small_steps=3, place_steps=2, batch=4, steps=4, widths=WIDTHS, blocks=1
    )
    run = Run(worn_pairs, tmp_path, settings)
    told = [set(run.advance()) for _ in range(4)]
    assert told[:2] == [{"loss", "place"}] * 2
    assert all({"place", "l1", "matte", "warp"} <= losses for losses in told[2:])
    network, _, step = open_generator(run.save())
    assert step == 4
    assert isinstance(network, CanvasGenerator)
    assert torch.equal(network.canvas, canvas_tensor(worn_pairs.canvas))
    assert network.region == region_of(worn_pairs)
    assert Run.resumed(worn_pairs, tmp_path, 4).step == 4


@pytest.mark.parametrize("lens", [lens for lens in GALLERY if lens.worn], ids=lambda lens: lens.name)
def test_a_canvas_has_art_within_and_colour_beyond_its_edge(lens):
    art = canvas_art(lens)
    assert art.shape == (lens.crop.size_px, lens.crop.size_px, 4)
    assert 0.01 < (art[..., 3] > 127).mean() < 0.6
    border = np.concatenate([art[0, :, 3], art[-1, :, 3], art[:, 0, 3], art[:, -1, 3]])
    assert (border < 128).mean() > 0.97
    rim = (cv2.dilate(art[..., 3], np.ones((5, 5), np.uint8)) > 127) & (art[..., 3] < 4)
    assert (art[rim][:, :3].max(1) > 0).mean() > 0.98


def test_a_tongue_that_waits_is_on_the_canvas():
    art = canvas_art(taught("dog"))
    tongue = (art[..., 0] > 180) & (art[..., 1] < 150) & (art[..., 3] > 127)
    assert tongue.sum() > 100


def test_without_a_canvas_there_is_no_place_to_be_taught(pairs, tmp_path):
    run = Run(pairs, tmp_path, Settings(size_px=64, batch=2, steps=2, place_steps=1, widths=WIDTHS, blocks=1))
    assert (run.settings.place_steps, run.settings.weights.place) == (0, 0.0)
    assert "place" not in run.advance()
