from dataclasses import replace

import numpy as np
import pytest

from lensd.errors import ConfigError
from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import render_premultiplied
from trainer.augment import Strength, moved_photo, sample
from trainer.pairs import Crop, is_held_out, make_pairs, open_pairs
from trainer.turn import turn

CALM = Strength(scale=0, shift=0, roll_deg=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)


def test_nobody_is_on_both_sides_of_the_split_and_the_split_never_changes():
    people = [f"p{number:04d}" for number in range(1000)]
    held_out = [person for person in people if is_held_out(person)]
    assert 100 < len(held_out) < 180
    assert held_out[:3] == [person for person in people if is_held_out(person)][:3]
    assert [is_held_out(person) for person in ("p0000", "p0001", "p0002", "p0003")] == [False, True, False, False]


def test_pictures_of_one_person_are_kept_together(pairs):
    sides = {}
    for person, held_out in zip(pairs.persons, pairs.held_out, strict=True):
        sides.setdefault(person, set()).add(bool(held_out))
    assert all(len(side) == 1 for side in sides.values())


def test_strips_to_look_at_show_photograph_result_and_matte(faces_folder, tmp_path):
    import cv2

    from trainer.art.shipped import thug_life_sticker

    make_pairs(faces_folder, tmp_path, [thug_life_sticker()], Crop(1.4, 0.05, 64))
    strip = cv2.imread(str(min((tmp_path / "look").iterdir())))
    a, b, matte = np.split(strip, 3, axis=1)
    assert np.abs(a.astype(int) - b)[matte < 1].max() == 0
    assert b[matte > 254].mean() < 80


def test_a_folder_that_is_no_folder_of_faces_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"index\.csv"):
        make_pairs(tmp_path, tmp_path / "out", [], Crop(1.4, 0.05, 64))
    with pytest.raises(ConfigError, match="not a folder of pairs"):
        open_pairs(tmp_path)


def test_a_calm_sample_is_the_crop_that_the_live_path_cuts(pairs):
    rng = np.random.default_rng(0)
    photo, points = moved_photo(pairs, 3, 64, rng, CALM)
    exact = apply(invert(crop_to_picture(pairs.points[3], 64, 1.4, 0.05)), pairs.points[3, :, :2])
    mirrored = not np.allclose(points[:, :2], exact, atol=0.05)
    if mirrored:
        exact = exact * (-1, 1) + (63, 0)
        from lensd.lens.align import mirror_index

        exact = exact[mirror_index()]
    assert np.abs(points[:, :2] - exact).max() < 0.6
    assert photo.shape == (64, 64, 3)


def test_targets_are_drawn_exactly_on_the_points_that_were_moved(pairs):
    for seed in range(6):
        photo, points = moved_photo(pairs, seed, 64, np.random.default_rng(seed), Strength())
        same_photo, target, same_points = sample(pairs, seed, 64, np.random.default_rng(seed), Strength())
        assert np.array_equal(photo, same_photo)
        assert np.array_equal(points, same_points)
        assert np.array_equal(target, render_premultiplied(pairs.stickers, points, 64))
        assert target[..., 3].max() == 255


def test_where_left_and_right_are_not_alike_nothing_is_mirrored(pairs):
    """The photograph is dark on its left: there it stays in every sample, or it goes to the right in every one."""
    photos = pairs.photos.copy()
    photos[:, :, : photos.shape[2] // 2] = 0
    photos[:, :, photos.shape[2] // 2 :] = 255
    dark = replace(pairs, photos=photos, soft=photos)
    for mirrored in (0.0, 1.0):
        still = Strength(mirrored=mirrored, wide=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)
        for seed in range(6):
            photo = moved_photo(dark, 0, 64, np.random.default_rng(seed), still)[0]
            assert (photo[:, :20].mean() < photo[:, -20:].mean()) == (mirrored == 0.0)


def test_the_eyes_stay_where_the_points_say_when_a_head_is_turned(pairs):
    # The dark pupils of the portrait are found again under the moved iris points.
    strength = Strength(
        scale=0, shift=0, roll_deg=0, turned=1, turn_deg=20, sunglasses=0, glasses=0, occluded=0, spoiled=0
    )
    darker = 0
    for seed in range(10):
        photo, points = moved_photo(pairs, 6, 192, np.random.default_rng(seed), strength)
        grey = photo.mean(2)
        for iris in (468, 473):
            x, y = points[iris, :2].round().astype(int)
            around = grey[y - 14 : y + 15, x - 14 : x + 15]
            darker += grey[y - 1 : y + 2, x - 1 : x + 2].mean() < np.percentile(around, 20)
    assert darker >= 17


def test_turning_by_nothing_moves_nothing(pairs):
    turned, displacement = turn(pairs.points[0], 400, 0.0, 0.0)
    assert np.allclose(turned, pairs.points[0], atol=1e-3)
    assert np.abs(displacement).max() < 1e-3


def test_pictures_without_a_face_come_in_every_kind_and_size(pairs):
    from trainer.no_face import nothing

    rng = np.random.default_rng(0)
    made = [nothing(pairs, int(rng.integers(12)), 128, rng) for _ in range(60)]
    assert all(picture.shape == (128, 128, 3) and picture.dtype == np.uint8 for picture in made)
    assert len({picture.tobytes() for picture in made}) == 60
