"""The paper's experiment: label maps of faces, the scores, and the judge."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the trainer's extra is not installed")

from lensd.errors import ConfigError  # noqa: E402
from lensd.lens.align import template_points  # noqa: E402
from trainer.pairs import is_held_out  # noqa: E402
from trainer.paper import scores, segmenter  # noqa: E402
from trainer.paper.faces import CROP_PX, SCALE_PX, cut_pair, invented, make_pairs  # noqa: E402
from trainer.paper.label_map import CLASSES, COLOURS, classes_of, coloured, draw_classes  # noqa: E402
from trainer.pix2pix.data import Pictures, read_pictures  # noqa: E402
from trainer.portrait import portrait  # noqa: E402

IRIS, CHEEK, NOSE_TIP, LIP, BROW = 468, 50, 4, 0, 105


def template_map(size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    points = template_points().copy()
    points[:, :2] = points[:, :2] * size / 1.25 + (size - 1) / 2
    return points, draw_classes(points, size)


def test_each_part_lies_where_the_mesh_has_it():
    points, classes = template_map()

    def at(number: int) -> str:
        x, y = np.rint(points[number, :2]).astype(int)
        return CLASSES[classes[y, x]]

    assert [at(number) for number in (IRIS, CHEEK, NOSE_TIP, BROW)] == ["iris", "face", "nose", "brow"]
    assert CLASSES[classes[0, 0]] == "background"
    lips = np.argwhere(classes == CLASSES.index("lips"))
    assert abs(lips[:, 1].mean() - points[LIP, 0]) < 1
    assert (classes == classes[:, ::-1]).mean() > 0.98, "the template is symmetric"


def test_a_shut_eye_is_a_line_and_an_open_mouth_has_an_inside():
    points, _ = template_map()
    eye = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7]
    points[eye, 1] = points[33, 1] - 3 * np.arange(len(eye)) / 100
    points[[17, 84, 181, 91, 146, 375, 321, 405, 314, 14, 87, 178, 88, 95, 324, 318, 402, 317], 1] += 12
    classes = draw_classes(points, 128)
    iris = classes == CLASSES.index("iris")
    assert iris[:, :64].any(0).sum() == iris[:, :64].sum(), "one pixel high"
    assert iris[:, 64:].sum() > 30
    assert (classes == CLASSES.index("mouth")).sum() > 60


def test_a_painted_map_is_read_by_its_nearest_colours():
    classes = invented(0)
    assert (classes_of(coloured(classes)) == classes).all()
    noisy = np.clip(
        coloured(classes).astype(int) + np.random.default_rng(0).integers(-35, 36, (*classes.shape, 3)), 0, 255
    )
    assert (classes_of(noisy.astype(np.uint8)) == classes).all()


def test_invented_faces_are_whole_and_each_is_another():
    some = [invented(seed) for seed in range(6)]
    assert (some[0] == invented(0)).all()
    for one in some:
        assert set(np.unique(one)) >= set(range(len(CLASSES) - 1))
    shares = [(one != other).mean() for one, other in pairwise(some)]
    assert min(shares) > 0.01


def test_pairs_are_split_by_person_and_hold_map_and_photograph(faces_folder: Path, tmp_path: Path):
    train, test = make_pairs(faces_folder, tmp_path)
    persons = [line.split(",")[1] for line in (faces_folder / "index.csv").read_text().splitlines()[1:]]
    assert test == sum(map(is_held_out, persons)) > 0
    assert train + test == len(persons)
    maps = read_pictures(tmp_path / "test", CROP_PX, "AtoB").pixels[..., :3].numpy()
    colours = {tuple(colour) for colour in maps.reshape(-1, 3)[::7].tolist()}
    assert colours <= {tuple(colour) for colour in COLOURS.tolist()}
    assert cv2.imread(str(next((tmp_path / "train").iterdir()))).shape == (SCALE_PX, 2 * SCALE_PX, 3)
    (faces_folder / "index.csv").rename(faces_folder / "aside.csv")
    try:
        with pytest.raises(ConfigError, match="does not say who"):
            make_pairs(faces_folder, tmp_path / "none")
    finally:
        (faces_folder / "aside.csv").rename(faces_folder / "index.csv")


def test_a_margin_shows_more_round_the_face_at_the_same_scale():
    photo, points = portrait()
    small, large = (cut_pair(photo, points, size)[1] for size in (128, 144))
    assert (large[8:-8, 8:-8] == small).mean() > 0.99


def test_a_known_confusion_gives_known_scores():
    right, found = np.array([0, 0, 0, 1], np.uint8), np.array([0, 0, 1, 1], np.uint8)
    counts = scores.confusion(found, right, 3)
    assert counts.tolist() == [[2, 1, 0], [0, 1, 0], [0, 0, 0]]
    told = scores.class_scores(counts)
    assert told.per_pixel == 3 / 4
    assert told.per_class == pytest.approx((2 / 3 + 1) / 2)
    assert told.iou == pytest.approx((2 / 3 + 1 / 2) / 2)
    stray = scores.class_scores(scores.confusion(np.array([0, 2], np.uint8), np.array([0, 0], np.uint8), 3))
    assert (stray.per_class, stray.iou) == (0.5, 0.25)


def test_scores_vary_with_the_pictures_only_where_these_differ():
    one, other = np.array([[3, 1], [0, 4]]), np.array([[1, 3], [4, 0]])
    assert scores.spread(np.stack([one] * 9)).iou == pytest.approx(0, abs=1e-9)
    mixed = scores.spread(np.stack([one, other] * 20))
    assert 0.04 < mixed.per_pixel < 0.09, "half of them 7/8, half 1/8: .375 / sqrt(40) = .059"


def test_a_blur_lowers_the_energies_and_a_tint_parts_the_colours():
    photo = portrait()[0][:256, :256]
    soft = np.asarray(cv2.GaussianBlur(photo, (0, 0), 2.0), np.uint8)
    assert scores.gradient_energy(soft) < 0.6 * scores.gradient_energy(photo)
    assert scores.fine_energy(soft) < 0.2 * scores.fine_energy(photo)
    assert scores.colour_overlap([photo], [photo]) == pytest.approx((1, 1, 1))
    lightness, _, b = scores.colour_overlap([photo], [photo // 2 + np.array([0, 0, 100], np.uint8)])
    assert lightness < 0.9
    assert b < 0.5


def test_the_kernel_distance_grows_with_the_shift():
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(200, 16)).astype(np.float32) for _ in range(2))
    same, near, far = (scores.kernel_distance(x, y + shift) for shift in (0, 0.3, 1))
    assert abs(same) < 0.02
    assert same < near < far


def test_the_judge_learns_to_tell_parts_and_is_kept_as_it_is(tmp_path: Path):
    rng = np.random.default_rng(1)
    maps = np.stack([cv2.resize(invented(seed), (72, 72), interpolation=cv2.INTER_NEAREST) for seed in range(8)])
    shades = rng.integers(0, 256, (len(CLASSES), 3))
    photos = np.clip(shades[maps] + rng.normal(0, 8, (*maps.shape, 3)), 0, 255).astype(np.uint8)
    pairs = Pictures(tuple("abcdefgh"), torch.from_numpy(np.concatenate([coloured(maps), photos], 3)))
    judge = segmenter.teach(pairs, 48, 60)
    found, features = segmenter.look(judge, photos[:, 4:52, 4:52])
    told = scores.class_scores(scores.confusion(found, maps[:, 4:52, 4:52], len(CLASSES)))
    assert told.per_pixel > 0.85
    assert told.iou > 0.3, "more than face and background"
    segmenter.save(judge, tmp_path / "judge.safetensors")
    again, same = segmenter.look(segmenter.load(tmp_path / "judge.safetensors"), photos[:, 4:52, 4:52])
    assert (again == found).all()
    assert same == pytest.approx(features, abs=1e-5)
