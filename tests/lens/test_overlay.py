import numpy as np
import pytest

from lensd.frames import Face, Picture
from lensd.lens.align import apply, template_points
from lensd.lens.overlay import (
    OverlayLens,
    Sticker,
    draw_layer,
    face_axes,
    render_crop,
    sticker_to_picture,
)


def face_at(centre=(320.0, 240.0), scale=200.0, roll_deg=0.0, yaw_deg=0.0):
    """Return the template as a camera far away would see it, turned and rolled: (478, 3)."""
    yaw, roll = np.radians(yaw_deg), np.radians(roll_deg)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    lean = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    points = template_points().astype(np.float64) @ (lean @ turn).T * scale
    return (points + np.array([*centre, 0.0])).astype(np.float32)


def block(colour=(10, 20, 30, 255), anchor="eyes", centre=(0.0, -0.165), width=0.8, size=(256, 128)):
    image = np.empty((size[1], size[0], 4), np.uint8)
    image[:] = colour
    return Sticker(image, anchor, centre, width)


@pytest.mark.parametrize("anchor", ["eyes", "nose", "mouth", "brow", "head"])
def test_on_the_template_a_sticker_lies_where_its_numbers_say(anchor):
    sticker = block(anchor=anchor, centre=(0.1, -0.2), width=0.5)
    affine = sticker_to_picture(sticker, face_at())
    middle = apply(affine, np.array([[127.5, 63.5]], np.float32))[0]
    assert middle == pytest.approx((320 + 20, 240 - 40), abs=0.01)
    assert np.hypot(*affine[:, 0]) * 256 == pytest.approx(0.5 * 200, rel=1e-4)


@pytest.mark.parametrize("roll", [-40, 15, 90])
def test_a_sticker_rolls_with_the_head_and_keeps_its_size(roll):
    affine = sticker_to_picture(block(), face_at(roll_deg=roll))
    along = affine[:, 0]
    assert np.degrees(np.arctan2(along[1], along[0])) == pytest.approx(roll, abs=0.01)
    assert np.hypot(*along) * 256 == pytest.approx(160, rel=1e-4)


def test_turning_the_head_foreshortens_the_width_and_keeps_the_corners_square():
    straight, turned = face_axes(face_at()), face_axes(face_at(yaw_deg=35, roll_deg=10))
    assert np.hypot(*turned[:, 0]) / np.hypot(*straight[:, 0]) == pytest.approx(np.cos(np.radians(35)), abs=0.04)
    assert turned[:, 0] @ turned[:, 1] == pytest.approx(0, abs=1e-2)


def test_noise_of_the_mesh_hardly_moves_a_sticker():
    rng = np.random.default_rng(0)
    sticker, face = block(), face_at()
    corners = np.array([[0, 0], [255, 0], [0, 127], [255, 127]], np.float32)
    exact = apply(sticker_to_picture(sticker, face), corners)
    for _ in range(20):
        noisy = face + rng.normal(0, 2.0, face.shape).astype(np.float32)  # one percent of the face's length
        assert np.abs(apply(sticker_to_picture(sticker, noisy), corners) - exact).max() < 1.6


def test_the_gaze_does_not_move_a_sticker():
    face = face_at()
    looking = face.copy()
    looking[468:, 0] += 12
    assert np.array_equal(sticker_to_picture(block(), looking), sticker_to_picture(block(), face))


def test_edges_are_smooth_and_the_inside_is_whole():
    drawn = render_crop([block()], face_at(centre=(64, 64), scale=90, roll_deg=7), 128)
    matte = drawn[..., 3]
    assert (matte == 255).sum() > 0.9 * 0.8 * 0.4 * 90 * 90
    assert ((matte > 20) & (matte < 235)).sum() > 40
    assert np.abs(drawn[matte > 60][:, :3].astype(int) - (10, 20, 30)).max() <= 4
    assert not drawn[matte == 0].any()


def test_the_matte_covers_as_much_as_the_sticker_measures():
    matte = render_crop([block()], face_at(centre=(64, 64), scale=90, roll_deg=23), 128)[..., 3] / 255
    assert matte.sum() == pytest.approx(0.8 * 90 * 0.4 * 90, rel=0.005)
    y, x = np.mgrid[:128, :128]
    affine = sticker_to_picture(block(), face_at(centre=(64, 64), scale=90, roll_deg=23))
    middle = apply(affine, np.array([[127.5, 63.5]], np.float32))[0]
    assert (float((x * matte).sum() / matte.sum()), float((y * matte).sum() / matte.sum())) == pytest.approx(
        tuple(middle), abs=0.03
    )


def test_later_stickers_lie_over_earlier_ones():
    below, above = block((200, 0, 0, 255)), block((0, 0, 200, 128), width=0.4)
    drawn = render_crop([below, above], face_at(centre=(64, 64), scale=90), 128)
    middle = apply(sticker_to_picture(above, face_at(centre=(64, 64), scale=90)), np.array([[127.5, 63.5]], np.float32))
    x, y = middle[0].round().astype(int)
    assert np.abs(drawn[y, x].astype(int) - (100, 0, 100, 255)).max() <= 2


def test_a_sticker_that_waits_for_an_open_mouth_fades_in_with_it():
    waiting = Sticker(np.full((64, 64, 4), 255, np.uint8), "mouth", (0.0, 0.3), 0.3, "mouth-open")
    seen = []
    for gap in np.linspace(0, 40, 21):
        face = face_at()
        face[14, 1] = face[13, 1] + gap
        seen.append(int(render_crop([waiting], face, (640, 480))[..., 3].max()))
    assert seen[0] == 0
    assert seen[-1] == 255
    assert seen == sorted(seen)
    assert any(0 < alpha < 255 for alpha in seen)


def test_a_layer_holds_just_what_the_crop_shows():
    face = face_at(roll_deg=12)
    layer = draw_layer([block()], face, 640, 480)
    x, y = layer.to_picture[:, 2].astype(int)
    whole = render_crop([block()], face, (640, 480))
    height, width = layer.rgba.shape[:2]
    same = whole[y : y + height, x : x + width]
    assert np.abs(layer.rgba[..., 3].astype(int) - same[..., 3]).max() <= 2
    assert np.abs(layer.rgba.astype(int) - same)[same[..., 3] > 60].max() <= 4
    whole[y : y + height, x : x + width] = 0
    assert not whole.any()


@pytest.mark.parametrize("centre", [(-40.0, 240.0), (640.0, 480.0), (320.0, 20.0)])
def test_a_layer_is_cut_to_the_picture(centre):
    layer = draw_layer([block()], face_at(centre=centre), 640, 480)
    x, y = layer.to_picture[:, 2]
    height, width = layer.rgba.shape[:2]
    assert x >= 0
    assert y >= 0
    assert x + width <= 640
    assert y + height <= 480


@pytest.mark.parametrize("centre", [(-500.0, 240.0), (320.0, 900.0)])
def test_outside_the_picture_there_is_no_layer(centre):
    assert draw_layer([block()], face_at(centre=centre), 640, 480) is None


def test_points_that_are_no_numbers_draw_nothing():
    face = face_at()
    face[:] = np.nan
    assert draw_layer([block()], face, 640, 480) is None


def test_points_that_all_coincide_draw_nothing_and_do_not_fail():
    layer = draw_layer([block()], np.full((478, 3), 100, np.float32), 640, 480)
    assert layer is None or not layer.rgba[..., 3].any() or layer.rgba.size < 200


def test_an_overlay_lens_draws_on_a_face():
    lens = OverlayLens("block", [block()])
    layer = lens.draw(Picture(640, 480), Face(1, face_at(), 1.0))
    assert lens.name == "block"
    assert layer.rgba[..., 3].max() == 255
    lens.close()


def test_an_overlay_without_stickers_is_refused():
    with pytest.raises(ValueError, match="at least one sticker"):
        OverlayLens("empty", [])
