"""A lens on photographs: every form that a picture file may have."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from PIL import Image

from lensd.application.apply import apply_lens
from lensd.application.still import lay
from lensd.errors import MediaError
from lensd.frames import Layer
from tests.application.conftest import red
from tests.application.media import portrait


def silent(_share: float) -> None:
    pass


def saved(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def opened(path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_every_pixel_that_the_lens_does_not_paint_stays_as_it_was(lens, tracker, tmp_path):
    before = portrait()
    done = apply_lens(lens, tracker, saved(tmp_path / "in.png", before), tmp_path / "out.png", silent)
    after = opened(tmp_path / "out.png")
    painted = red(after)
    assert (done.kind, done.frames, done.faces) == ("picture", 1, 1)
    assert 0.005 < painted.mean() < 0.05
    rows, columns = np.nonzero(painted)
    near = np.zeros_like(painted)
    near[rows.min() - 3 : rows.max() + 4, columns.min() - 3 : columns.max() + 4] = True
    np.testing.assert_array_equal(after[~near], before[~near])


def test_every_face_of_a_picture_gets_the_lens(lens, tracker, tmp_path):
    one = portrait()
    before = np.vstack([np.hstack([one, one[:, ::-1]]), np.hstack([np.full_like(one, 90), one])])
    done = apply_lens(lens, tracker, saved(tmp_path / "in.png", before), tmp_path / "out.png", silent)
    painted = red(opened(tmp_path / "out.png"))
    assert (done.faces, done.most) == (1, 3)
    quarters = [painted[:240, :320], painted[:240, 320:], painted[240:, 320:]]
    assert all(0.005 < quarter.mean() < 0.05 for quarter in quarters)
    assert not painted[240:, :320].any()


def test_a_picture_without_a_face_comes_out_as_it_went_in(lens, tracker, tmp_path):
    before = np.full((240, 320, 3), (70, 90, 120), np.uint8)
    done = apply_lens(lens, tracker, saved(tmp_path / "in.png", before), tmp_path / "out.png", silent)
    assert done.faces == 0
    np.testing.assert_array_equal(opened(tmp_path / "out.png"), before)


@pytest.mark.parametrize("size", [(321, 240), (320, 241), (319, 239)])
def test_an_odd_size_is_kept(lens, tracker, tmp_path, size):
    source = saved(tmp_path / "in.png", portrait(*size))
    apply_lens(lens, tracker, source, tmp_path / "out.png", silent)
    after = opened(tmp_path / "out.png")
    assert after.shape == (size[1], size[0], 3)
    assert red(after).any()


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_transparency_is_kept(lens, tracker, tmp_path, suffix):
    alpha = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (240, 1))
    source = saved(tmp_path / "in.png", np.dstack([portrait(), alpha]))
    apply_lens(lens, tracker, source, tmp_path / f"out.{suffix}", silent)
    after = opened(tmp_path / f"out.{suffix}")
    assert np.abs(after[..., 3].astype(int) - alpha).max() <= (0 if suffix == "png" else 2)
    assert red(after[..., :3]).any()


def test_transparency_into_jpeg_is_refused_and_nothing_is_written(lens, tracker, tmp_path):
    alpha = np.full((240, 320), 100, np.uint8)
    source = saved(tmp_path / "in.png", np.dstack([portrait(), alpha]))
    with pytest.raises(MediaError, match="transparency, which JPEG cannot hold"):
        apply_lens(lens, tracker, source, tmp_path / "out.jpg", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_grey_picture_gets_the_lens_in_colour(lens, tracker, tmp_path):
    source = saved(tmp_path / "in.png", portrait()[..., 1])
    apply_lens(lens, tracker, source, tmp_path / "out.jpg", silent)
    assert red(opened(tmp_path / "out.jpg")).any()


def test_a_16_bit_grey_picture_is_not_clipped(lens, tracker, tmp_path):
    grey = portrait()[..., 1].astype(np.uint16) * 257
    apply_lens(lens, tracker, saved(tmp_path / "in.png", grey), tmp_path / "out.png", silent)
    after = opened(tmp_path / "out.png")
    untouched = ~red(after)
    assert np.median(after[untouched]) == pytest.approx(np.median(portrait()[..., 1]), abs=4)


def test_a_palette_picture_works(lens, tracker, tmp_path):
    Image.fromarray(portrait()).convert("P", palette=Image.Palette.ADAPTIVE).save(tmp_path / "in.png")
    apply_lens(lens, tracker, tmp_path / "in.png", tmp_path / "out.png", silent)
    assert red(opened(tmp_path / "out.png")).any()


def test_a_turned_photograph_comes_out_upright(lens, tracker, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter clockwise to see it upright
    source = saved(tmp_path / "in.jpg", np.rot90(portrait()).copy(), exif=exif, quality=95)
    done = apply_lens(lens, tracker, source, tmp_path / "out.jpg", silent)
    after = opened(tmp_path / "out.jpg")
    assert done.faces == 1
    assert after.shape == (240, 320, 3)
    assert np.abs(after.astype(int) - portrait())[~red(after)].mean() < 6
    with Image.open(tmp_path / "out.jpg") as picture:
        assert 0x0112 not in picture.getexif()


def test_a_colour_profile_is_kept_and_the_place_is_not(lens, tracker, tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "at home"
    source = saved(tmp_path / "in.jpg", portrait(), icc_profile=profile, exif=exif)
    apply_lens(lens, tracker, source, tmp_path / "out.webp", silent)
    with Image.open(tmp_path / "out.webp") as picture:
        assert picture.info["icc_profile"] == profile
        assert not picture.getexif()


def test_an_animation_is_refused(lens, tracker, tmp_path):
    frames = [Image.fromarray(portrait()), Image.fromarray(portrait()[::-1].copy())]
    frames[0].save(tmp_path / "in.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(MediaError, match="is an animation"):
        apply_lens(lens, tracker, tmp_path / "in.webp", tmp_path / "out.webp", silent)


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_a_picture_that_is_cut_off_is_refused_and_the_old_output_stays(lens, tracker, tmp_path, suffix, share):
    content = saved(tmp_path / f"in.{suffix}", portrait()).read_bytes()
    (tmp_path / f"in.{suffix}").write_bytes(content[: int(len(content) * share)])
    (tmp_path / "out.png").write_bytes(b"precious")
    with pytest.raises(MediaError, match="damaged or cut off"):
        apply_lens(lens, tracker, tmp_path / f"in.{suffix}", tmp_path / "out.png", silent)
    assert (tmp_path / "out.png").read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("side", [8000, 12_000, 60_000])
def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_decoded(lens, tracker, tmp_path, side):
    content = bytearray(saved(tmp_path / "in.png", portrait()).read_bytes())
    content[16:24] = side.to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (tmp_path / "in.png").write_bytes(content)
    with pytest.raises(MediaError, match="at most 50 million pixels are allowed"):
        apply_lens(lens, tracker, tmp_path / "in.png", tmp_path / "out.png", silent)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 20.0), (0.35, 40.5), (3.3, -30.25)])
def test_a_layer_lands_where_its_affine_says(scale, shift):
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[16:48, 16:48] = (0, 255, 0, 255)
    rgb = np.full((240, 320, 3), 50, np.uint8)
    lay(rgb, Layer(rgba, np.array([[scale, 0, shift], [0, scale, shift]], np.float32)))
    rows, columns = np.nonzero(rgb[..., 1] > 150)
    low, high = 15.5 * scale + shift, 47.5 * scale + shift
    assert columns.min() == pytest.approx(max(low, 0), abs=1)
    assert columns.max() == pytest.approx(high, abs=1)
    assert rows.min() == pytest.approx(max(low, 0), abs=1)
    assert (rgb[..., 1] >= 50).all()  # no dark or ringing edge
    assert (rgb[..., 0] <= 50).all()


def test_a_layer_beside_the_picture_touches_nothing():
    rgba = np.full((64, 64, 4), 255, np.uint8)
    rgb = np.full((241, 321, 3), 50, np.uint8)
    for shift in (-500, 500, np.nan):
        assert lay(rgb, Layer(rgba, np.array([[1, 0, shift], [0, 1, 0]], np.float32))) is None
    assert (rgb == 50).all()
    assert lay(rgb, Layer(rgba, np.array([[1, 0, 300], [0, 1, 220]], np.float32))) is not None
    assert (rgb[225:, 305:] == 255).all()


def test_a_phones_jpeg_with_a_second_picture_inside_is_a_photograph(lens, tracker, tmp_path):
    pictures = [Image.fromarray(portrait()), Image.fromarray(portrait()[:120, :160].copy())]
    pictures[0].save(tmp_path / "in.jpg", "MPO", save_all=True, append_images=pictures[1:])
    assert apply_lens(lens, tracker, tmp_path / "in.jpg", tmp_path / "out.jpg", silent).faces == 1
    assert opened(tmp_path / "out.jpg").shape == (240, 320, 3)
