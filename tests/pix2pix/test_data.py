from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import color

from lensd.errors import MediaError
from tests.pix2pix.conftest import TINY, drawn_pair, write_rgb
from trainer.pix2pix.data import Pictures, as_rgb, batch_of, halves, read_pictures
from trainer.pix2pix.lab import lightness_and_colour, rgb_of_lab

CPU = torch.device("cpu")


def test_a_pair_is_halved_and_turned_round_on_request(pair_folder):
    there = read_pictures(pair_folder, 40, "AtoB")
    back = read_pictures(pair_folder, 40, "BtoA")
    assert there.names == tuple(f"pair {number}" for number in range(5))
    a, b = np.split(drawn_pair(2), 2, axis=1)
    assert np.array_equal(there.pixels[2].numpy(), np.dstack([a, b]))
    assert np.array_equal(back.pixels[2].numpy(), np.dstack([b, a]))


def test_every_kind_of_picture_is_read(tmp_path):
    rgb = drawn_pair(1)
    for name in ("a.png", "b.jpg", "c.webp"):
        Image.fromarray(rgb).save(tmp_path / name, quality=95)
    Image.fromarray(rgb[..., 0]).save(tmp_path / "d.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(tmp_path / "e.png")
    Image.fromarray(np.dstack([rgb, np.full(rgb.shape[:2], 9, np.uint8)])).save(tmp_path / "f.png")
    pixels = read_pictures(tmp_path, 40, "AtoB").pixels.numpy().astype(int)
    assert abs(pixels[1] - pixels[0]).mean() < 12
    assert abs(pixels[2] - pixels[0]).mean() < 12
    assert np.array_equal(pixels[3], pixels[4])
    assert np.array_equal(pixels[5], pixels[0])


def test_halves_are_cropped_and_mirrored_alike():
    """Target = 255 - input: still so after any cut, if both halves are cut alike."""
    rng = np.random.default_rng(0)
    given = rng.integers(0, 256, (4, 36, 36, 3), np.uint8)
    pictures = Pictures(tuple("abcd"), torch.from_numpy(np.concatenate([given, 255 - given], 3)))
    options = replace(TINY, batch_size=4)
    seen = set()
    for step in range(20):
        pixels = batch_of(pictures, options, 1, step, CPU)
        assert pixels.shape == (4, 6, 32, 32)
        assert torch.equal(pixels[:, :3], 255 - pixels[:, 3:])
        a, b = halves(pixels, lab=False)
        assert torch.allclose(a, -b, atol=1e-6)
        seen |= {pixels[number].numpy().tobytes() for number in range(4)}
    assert len(seen) > 50  # of 80 drawn from 4 pictures, 25 corners, mirrored or not


def test_a_mirrored_cut_is_a_cut_of_the_mirrored_picture():
    pixels = torch.arange(36, dtype=torch.uint8).view(1, 1, 36, 1).expand(1, 36, 36, 6).contiguous()
    rows = {tuple(batch_of(Pictures(("a",), pixels), TINY, 1, n, CPU)[0, 0, 0].tolist()) for n in range(60)}
    assert rows == {tuple(range(at, at + 32)[::way]) for at in range(5) for way in (1, -1)}


def test_the_order_follows_from_the_seed_and_shows_every_pair_once_an_epoch(pair_folder):
    pictures = Pictures(tuple("abcde"), torch.arange(5, dtype=torch.uint8).view(5, 1, 1, 1).expand(5, 36, 36, 6))

    def order(seed: int) -> list[int]:
        return [int(batch_of(pictures, TINY, seed, step, CPU)[0, 0, 0, 0]) for step in range(15)]

    assert order(1) == order(1) != order(2)
    assert [sorted(order(1)[at : at + 5]) for at in (0, 5, 10)] == [[0, 1, 2, 3, 4]] * 3
    assert order(1)[:5] != order(1)[5:10]


def test_lab_is_scikit_images_and_comes_back():
    rgb = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    lightness, colour = lightness_and_colour(rgb)
    theirs = color.rgb2lab(rgb[0].permute(1, 2, 0).numpy().astype(np.float64))
    ours = torch.cat([(lightness + 1) * 50, colour * 110], 1)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - theirs).max() < 0.02
    assert torch.allclose(rgb_of_lab(lightness, colour), rgb, atol=1e-3)


def test_pictures_come_back_as_they_were_read(pair_folder):
    pixels = read_pictures(pair_folder, 40, "AtoB").pixels[:1].permute(0, 3, 1, 2)
    a, _ = halves(pixels, lab=False)
    assert np.array_equal(as_rgb(a[0]), pixels[0, :3].permute(1, 2, 0).numpy())
    lightness, colour = halves(pixels[:, :3], lab=True)
    off = as_rgb(colour[0], lightness[0]).astype(int) - pixels[0, :3].permute(1, 2, 0).numpy()
    assert abs(off).max() <= 1


def test_folders_that_cannot_teach_are_refused_with_a_sentence(tmp_path):
    with pytest.raises(MediaError, match="No such file"):
        read_pictures(tmp_path / "nowhere", 32, "AtoB")
    with pytest.raises(MediaError, match="holds no picture"):
        read_pictures(tmp_path, 32, "AtoB")
    write_rgb(tmp_path / "good.png", drawn_pair(0))
    (tmp_path / "broken.png").write_bytes((tmp_path / "good.png").read_bytes()[:200])
    with pytest.raises(MediaError, match=r"broken\.png: is damaged"):
        read_pictures(tmp_path, 32, "AtoB")
    write_rgb(tmp_path / "broken.png", drawn_pair(0)[:, :-1])
    with pytest.raises(MediaError, match="79x40: no two pictures"):
        read_pictures(tmp_path, 32, "AtoB")
    write_rgb(tmp_path / "broken.png", drawn_pair(0))
    write_rgb(tmp_path / "other.png", drawn_pair(0))
    write_rgb(tmp_path / "alone.png", drawn_pair(0)[:, :40])
    with pytest.raises(MediaError, match=r"alone\.png: is 40x40, and .* is 80x40: it seems to be a picture alone"):
        read_pictures(tmp_path, 32, "AtoB")
    (tmp_path / "alone.png").unlink()
    write_rgb(tmp_path / "good.jpg", drawn_pair(0))
    with pytest.raises(MediaError, match="the same name"):
        read_pictures(tmp_path, 32, "AtoB")


def test_more_than_fits_in_memory_is_refused_before_it_is_read(pair_folder):
    with pytest.raises(MediaError, match=r"5 pictures of 500000 px fill .* GiB"):
        read_pictures(pair_folder, 500_000, "AtoB")
