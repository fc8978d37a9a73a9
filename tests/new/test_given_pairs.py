import cv2
import numpy as np
import pytest

from lensd.errors import MediaError
from tests.new.conftest import dressed, photographs, write_rgb
from trainer.augment import Strength, sample
from trainer.held_out import centred
from trainer.new.given_pairs import check_pairs_folder, cut_pairs
from trainer.new.matte import fade, matte_of
from trainer.pairs import Crop, held_out_of, open_pairs

WHOLE = np.full((400, 400), 255, np.uint8)
CALM = Strength(scale=0, shift=0, roll_deg=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)


def told(*_):
    """Nobody looks."""


def scene(seed: int = 0) -> np.ndarray:
    """A busy picture, (400, 400, 3) uint8 RGB."""
    coarse = np.random.default_rng(seed).uniform(30, 220, (30, 30, 3)).astype(np.float32)
    return cv2.resize(coarse, (400, 400), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def saved(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


@pytest.fixture(scope="module")
def cut(pairs_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("cut")
    return cut_pairs(pairs_folder, out, 64, 1, told), open_pairs(out)


def test_the_matte_covers_what_differs_and_little_else():
    before = scene()
    after, truth = before.copy(), np.zeros((400, 400), np.uint8)
    cv2.circle(truth, (180, 220), 60, 255, -1)
    after[truth > 0] = 255 - after[truth > 0]
    matte = matte_of(before, after, WHOLE)
    assert matte[truth > 0].min() > 128
    assert not matte[cv2.dilate(truth, np.ones((41, 41), np.uint8)) == 0].any()


def test_two_jpegs_of_one_photograph_do_not_differ():
    before = scene()
    assert not matte_of(saved(before, 92), saved(before, 80), WHOLE).any()


def test_what_stays_the_same_inside_of_what_differs_is_painted_too():
    before = scene()
    after = before.copy()
    cv2.circle(after, (200, 200), 80, (255, 0, 255), -1)
    cv2.circle(after, (200, 200), 20, (0, 0, 0), -1)
    after[190:210, 190:210] = before[190:210, 190:210]
    assert matte_of(before, after, WHOLE)[200, 200] > 250


def test_nothing_is_painted_outside_of_the_picture_that_the_window_was_cut_from():
    inside = np.zeros((400, 400), np.uint8)
    inside[:, :200] = 255
    matte = matte_of(scene(0), scene(1), inside)
    assert matte[:, :150].min() > 200
    assert not matte[:, 205:].any()


def test_the_matte_fades_to_nothing_at_the_crops_border(cut):
    _, pairs = cut
    weight = fade(pairs.points[0], Crop(1.0, 0.0, 64), 400)
    assert weight.max() == 1
    assert not weight[0].any()
    assert not weight[:, -1].any()
    steps = np.abs(np.diff(weight, axis=0)).max(), np.abs(np.diff(weight, axis=1)).max()
    assert max(steps) < 0.1  # no edge that could be seen


def test_a_folder_of_pairs_becomes_windows_with_a_matte_where_b_differs(cut):
    facts, pairs = cut
    assert facts["faces"] == facts["persons"] == 6
    assert facts["left_out"] == 0
    assert 1.3 <= pairs.crop.side <= 1.6
    assert 1 <= pairs.held_out.sum() < 6
    for index in range(6):
        photo, truth, _ = centred(pairs, index, 64)
        assert 0.05 < (truth[..., 3] > 127).mean() < 0.9
        away = np.abs(photo.astype(int) - truth[..., :3]).max(2)
        assert away[truth[..., 3] > 200].mean() > 3 * away[truth[..., 3] < 20].mean()


def test_a_sample_moves_b_and_the_matte_with_a(cut):
    _, pairs = cut
    photo, truth, _ = centred(pairs, 0, 64)
    moved, target, _ = sample(pairs, 0, 64, np.random.default_rng(0), CALM)
    mirrored = np.abs(moved.astype(int) - photo[:, ::-1]).mean() < np.abs(moved.astype(int) - photo).mean()
    wanted = truth[:, ::-1] if mirrored else truth
    assert np.abs(target[..., 3].astype(int) - wanted[..., 3]).mean() < 2
    painted = wanted[..., :3] * (wanted[..., 3:] / 255)
    assert np.abs(target[..., :3] - painted).mean() < 3


def test_light_falls_on_a_and_b_alike(cut):
    _, pairs = cut
    strength = Strength(scale=0, shift=0, roll_deg=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=1)
    made = [sample(pairs, 0, 64, np.random.default_rng(s), strength) for s in range(40)]
    photos, targets, _ = zip(*made, strict=True)
    inside = [target[..., 3] > 250 for target in targets]
    a = [photo[where].mean() for photo, where in zip(photos, inside, strict=True)]
    b = [target[..., :3][where].mean() for target, where in zip(targets, inside, strict=True)]
    assert np.corrcoef(a, b)[0, 1] > 0.8


def test_pairs_without_a_face_or_a_difference_are_left_out_and_counted(pairs_folder, tmp_path):
    folder = tmp_path / "mixed"
    for number, picture in enumerate(photographs()[:3]):
        write_rgb(folder / "A" / f"{number}.png", picture)
        write_rgb(folder / "B" / f"{number}.png", dressed(picture))
    wall, same = scene()[:300, :360], photographs()[4]
    for name, a, b in (("wall", wall, 255 - wall), ("same", same, same)):
        write_rgb(folder / "A" / f"{name}.png", a)
        write_rgb(folder / "B" / f"{name}.png", b)
    write_rgb(folder / "A" / "lonely.png", same)
    (tmp_path / "out").mkdir()
    facts = cut_pairs(folder, tmp_path / "out", 64, 1, told)
    assert facts["faces"] == 3
    assert {why for _, why in facts["why"]} == {
        "is without its other side",
        "no face is found",
        "shows nearly the same in A and B",
    }


def test_a_b_that_lies_beside_its_a_is_said(tmp_path):
    for number, picture in enumerate(photographs()[:3]):
        after = dressed(picture)
        after = np.roll(after, (0, 6), (0, 1)) if number == 1 else after
        write_rgb(tmp_path / "in" / f"{number}.png", np.hstack([picture, after]))
    (tmp_path / "out").mkdir()
    facts = cut_pairs(tmp_path / "in", tmp_path / "out", 64, 1, told)
    assert facts["misaligned_count"] == 1
    ((label, far),) = facts["misaligned"]
    assert label == "1"
    assert 5 < far < 7


def test_a_folder_without_faces_is_refused_with_a_sentence(tmp_path):
    for number in range(3):
        write_rgb(tmp_path / f"{number}.png", np.hstack([scene(number)[:200, :200], scene(number + 9)[:200, :200]]))
    with pytest.raises(MediaError, match="no pair"):
        check_pairs_folder(tmp_path, told)


def test_of_two_people_one_is_held_out_and_never_all():
    for count in range(2, 40):
        people = [f"person {number}" for number in range(count)]
        assert 1 <= len(held_out_of(people)) < count
    assert held_out_of(["alone"]) <= {"alone"}
