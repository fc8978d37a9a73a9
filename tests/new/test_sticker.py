import numpy as np
import pytest

from lensd.errors import MediaError
from lensd.lens.align import template_points
from lensd.lens.overlay import render_crop
from tests.new.conftest import write_rgb
from trainer.new.cropping import crop_round
from trainer.new.sticker import PLACES, box_of, read_sticker


def picture(path, height, width, around=0):
    """A red box, with nothing around it."""
    canvas = np.full((height + 2 * around, width + 2 * around, 4), 255, np.uint8)
    canvas[..., 3] = 0
    canvas[around : around + height, around : around + width] = (200, 0, 0, 255)
    write_rgb(path, canvas)
    return path


def drawn_box(sticker):
    """Where it is drawn on the template itself: x0, y0, x1, y1 in face units."""
    points = (template_points()[:, :2] * 200 + 400).astype(np.float32)
    ys, xs = np.nonzero(render_crop([sticker], points, 800)[..., 3] > 127)
    return [(value - 400) / 200 for value in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1)]


def test_what_can_be_seen_gets_the_width_that_was_asked_for(tmp_path):
    for around in (0, 37):
        sticker = read_sticker(picture(tmp_path / f"{around}.png", 101, 203, around), "eyes", 0.8, (0.1, -0.2))
        x0, y0, x1, y1 = drawn_box(sticker)
        assert x1 - x0 == pytest.approx(0.8, abs=0.02)
        assert (x0 + x1) / 2 == pytest.approx(0.1, abs=0.02)
        assert (y0 + y1) / 2 == pytest.approx(-0.2, abs=0.02)
        assert all(side % 16 == 0 for side in sticker.image.shape[:2])


def test_a_huge_picture_is_made_small_enough_for_a_package(tmp_path):
    sticker = read_sticker(picture(tmp_path / "huge.png", 700, 3000), "eyes", 0.9, None)
    assert max(sticker.image.shape[:2]) <= 1024
    x0, _, x1, _ = drawn_box(sticker)
    assert x1 - x0 == pytest.approx(0.9, abs=0.02)
    assert (sticker.image[sticker.image[..., 3] > 200][:, :3] == (200, 0, 0)).all()  # no white from outside mixed in


@pytest.mark.parametrize("anchor", list(PLACES))
def test_each_anchor_places_things_of_every_shape_within_its_bounds(anchor, tmp_path):
    for height, width in ((100, 400), (100, 100), (400, 100)):
        sticker = read_sticker(picture(tmp_path / f"{height}x{width}.png", height, width), anchor, None, None)
        x0, y0, x1, y1 = drawn_box(sticker)
        place = PLACES[anchor]
        assert x1 - x0 <= place.width + 0.02
        assert y1 - y0 <= place.height + 0.02
        if place.foot is not None:
            assert y1 == pytest.approx(place.foot, abs=0.02)


def test_a_hat_stands_on_the_head_and_glasses_lie_on_the_eyes(tmp_path):
    hat = drawn_box(read_sticker(picture(tmp_path / "hat.png", 90, 120), "head", None, None))
    assert hat[1] < -0.9
    assert hat[3] < -0.25
    glasses = drawn_box(read_sticker(picture(tmp_path / "g.png", 40, 120), "eyes", None, None))
    eyes = template_points()[[33, 263], :2]
    assert (eyes > glasses[:2]).all()
    assert (eyes < glasses[2:]).all()


def test_the_network_sees_the_sticker_and_the_face_with_room(tmp_path):
    for anchor in PLACES:
        sticker = read_sticker(picture(tmp_path / f"{anchor}.png", 90, 120), anchor, None, None)
        crop = crop_round(box_of(sticker), 256)
        x0, y0, x1, y1 = drawn_box(sticker)
        left, top = -crop.side / 2, -crop.up - crop.side / 2
        assert left + 0.08 < min(x0, -0.42)
        assert top + 0.05 < y0
        assert top + crop.side > max(y1, 0.25) + 0.05
        assert -left - 0.08 > max(x1, 0.42)


def test_pictures_that_nobody_could_wear_are_refused_with_a_sentence(tmp_path):
    write_rgb(tmp_path / "opaque.png", np.full((50, 50, 3), 99, np.uint8))
    write_rgb(tmp_path / "empty.png", np.zeros((50, 50, 4), np.uint8))
    picture(tmp_path / "tiny.png", 5, 40, 20)
    (tmp_path / "broken.png").write_bytes((tmp_path / "tiny.png").read_bytes()[:60])
    (tmp_path / "text.png").write_text("not a picture")
    for name, why in {
        "opaque": "no transparency",
        "empty": "transparent all over",
        "tiny": "shows 40x5 px only",
        "broken": "damaged",
        "text": "no picture",
        "missing": "No such file",
    }.items():
        with pytest.raises(MediaError, match=why):
            read_sticker(tmp_path / f"{name}.png", "eyes", None, None)
