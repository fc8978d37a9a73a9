import cv2
import numpy as np
import pytest
from PIL import Image

from lensd.errors import MediaError
from tests.trainer.dataset.pictures import portrait, tile
from trainer.dataset.read import list_pictures, read_layer, read_rgb


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_every_format_gives_nearly_the_same_pixels(suffix, tmp_path):
    Image.fromarray(portrait()).save(tmp_path / f"a.{suffix}", quality=95)
    assert np.abs(read_rgb(tmp_path / f"a.{suffix}").astype(int) - portrait()).mean() < 4


def test_sixteen_bits_keep_their_upper_eight(tmp_path):
    grey = (np.arange(64 * 64, dtype=np.uint16) * 16).reshape(64, 64)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "colour.png"), np.dstack([grey, grey // 2, grey // 4]))
    assert np.array_equal(read_rgb(tmp_path / "grey.png")[..., 1], (grey >> 8).astype(np.uint8))
    assert np.array_equal(read_rgb(tmp_path / "colour.png")[..., 0], (grey // 4 >> 8).astype(np.uint8))


def test_grey_pictures_and_palettes_become_rgb(tmp_path):
    Image.fromarray(tile(0)).convert("L").save(tmp_path / "grey.png")
    Image.fromarray(tile(0)).convert("P").save(tmp_path / "palette.png")
    assert read_rgb(tmp_path / "grey.png").shape == (64, 64, 3)
    assert np.abs(read_rgb(tmp_path / "palette.png").astype(int) - tile(0)).mean() < 30


def test_what_is_transparent_is_seen_in_front_of_white(tmp_path):
    rgba = np.dstack([tile(0), np.full((64, 64), 255, np.uint8)])
    rgba[:32, :, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    rgb = read_rgb(tmp_path / "a.png")
    assert (rgb[:32] == 255).all()
    assert np.array_equal(rgb[32:], tile(0)[32:])
    assert np.array_equal(read_layer(tmp_path / "a.png")[1], rgba[..., 3])


def test_a_phone_s_turned_picture_comes_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(portrait()).copy()).save(tmp_path / "a.jpg", exif=exif, quality=95)
    assert np.abs(read_rgb(tmp_path / "a.jpg").astype(int) - portrait()).mean() < 4


@pytest.mark.parametrize("suffix", ["png", "webp", "jpg"])
def test_every_format_is_turned_as_its_exif_says(suffix, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(portrait()[::-1, ::-1].copy()).save(tmp_path / f"a.{suffix}", exif=exif, quality=95)
    assert np.abs(read_rgb(tmp_path / f"a.{suffix}").astype(int) - portrait()).mean() < 4


def test_sixteen_bits_with_transparency_and_grey_with_transparency_are_read(tmp_path):
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    cv2.imwrite(str(tmp_path / "deep.png"), np.dstack([ramp, ramp, ramp, ramp]))
    rgb, matte = read_layer(tmp_path / "deep.png")
    assert np.abs(rgb[..., 0].astype(int) - (ramp >> 8)).max() <= 1
    assert np.abs(matte.astype(int) - (ramp >> 8)).max() <= 1
    grey = Image.fromarray(tile(0)).convert("LA")
    grey.putalpha(128)
    grey.save(tmp_path / "grey.png")
    grey.save(tmp_path / "grey.webp", lossless=True)
    for name in ("grey.png", "grey.webp"):
        rgb, matte = read_layer(tmp_path / name)
        assert (rgb[..., 0] == rgb[..., 2]).all()
        assert (matte == 128).all()


def test_what_is_no_picture_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    Image.fromarray(tile(0)).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:900])
    header = bytearray((tmp_path / "whole.png").read_bytes())
    header[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "bomb.png").write_bytes(bytes(header))
    for name in ("a.png", "cut.png", "bomb.png", "missing.png"):
        with pytest.raises(MediaError, match=name):
            read_rgb(tmp_path / name)


def test_a_folder_is_listed_by_name_and_two_of_one_name_are_refused(tmp_path):
    for name in ("b.png", "a.JPG", ".hidden.png", "words.txt"):
        (tmp_path / name).touch()
    assert list(list_pictures(tmp_path)) == ["a", "b"]
    (tmp_path / "b.webp").touch()
    with pytest.raises(MediaError, match=r"b\.png and b\.webp have the same name"):
        list_pictures(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(MediaError, match="has no pictures"):
        list_pictures(tmp_path / "empty")
    with pytest.raises(MediaError, match="no such file"):
        list_pictures(tmp_path / "nowhere")
