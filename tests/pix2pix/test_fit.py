from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lensd.errors import ConfigError, MediaError
from tests.pix2pix.conftest import TINY, drawn_pair, write_rgb
from trainer.pix2pix.data import as_rgb, batch_of, halves, read_pictures
from trainer.pix2pix.fit import fit_to_test, fit_to_train
from trainer.pix2pix.paint import paint_folder
from trainer.pix2pix.run import Run
from trainer.pix2pix.train import train

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def ragged(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ragged")
    write_rgb(folder / "a.png", drawn_pair(1, 50))  # 50x50
    write_rgb(folder / "b.png", np.vstack([drawn_pair(2, 50), drawn_pair(3, 50)[:20]]))  # 50x70
    return folder


@pytest.mark.parametrize(
    ("preprocess", "read", "cut"),
    [
        ("resize_and_crop", [(36, 36), (36, 36)], [(32, 32)] * 2),
        ("crop", [(50, 50), (70, 50)], [(32, 32)] * 2),
        ("scale_width_and_crop", [(36, 36), (50, 36)], [(32, 32)] * 2),
        ("scale_width", [(36, 36), (48, 36)], [(36, 36), (48, 36)]),
        ("none", [(48, 48), (72, 48)], [(48, 48), (72, 48)]),  # to multiples of 4, as a ResNet needs
    ],
)
def test_every_preprocess_reads_and_cuts_its_sizes_and_paints_whole_pictures(preprocess, read, cut, ragged, tmp_path):
    options = replace(TINY, preprocess=preprocess, max_steps=2, serial_batches=True)
    pictures = read_pictures(ragged, fit_to_train(options), "AtoB")
    assert [pictures.size(number) for number in range(2)] == read
    batches = [batch_of(pictures, options, 1, step, CPU) for step in range(20)]
    assert [tuple(batch.shape[2:]) for batch in batches[:2]] == cut
    corner = pictures.pixels[0, 0, 0].tolist()
    assert all(batch[0, :3].min() > 0 for batch in batches), corner  # nothing of what fills up a smaller picture
    assert train(Run(options, tmp_path / "run", pictures))
    assert paint_folder(tmp_path / "run", ragged, tmp_path / "out") == 2
    with Image.open(tmp_path / "out/images/b-outputs.png") as painted:
        wide, high = fit_to_test(options).size(50, 70)
        assert painted.size == (wide, high)
        assert (preprocess == "resize_and_crop") == (wide == high)


def test_what_a_preprocess_cannot_use_is_refused(ragged, tmp_path):
    with pytest.raises(MediaError, match=r"a\.png: 50x50 is smaller than the crop of 64"):
        read_pictures(ragged, fit_to_train(replace(TINY, preprocess="crop", crop_size=64)), "AtoB")
    whole = replace(TINY, preprocess="none", batch_size=2)
    with pytest.raises(ConfigError, match="several sizes"):
        Run(whole, tmp_path / "run", read_pictures(ragged, fit_to_train(whole), "AtoB"))
    patchy = replace(TINY, preprocess="none", patch=70, crop_size=256, scale_size=286)
    small = read_pictures(ragged, fit_to_train(patchy), "AtoB")
    assert Run(patchy, tmp_path / "run", small)
    with pytest.raises(ConfigError, match="too large for a, which is 48 px"):
        Run(replace(patchy, patch=286), tmp_path / "run", small)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("channels", "direction"), [((1, 3), "AtoB"), ((4, 1), "BtoA"), ((2, 4), "AtoB")])
def test_one_to_four_channels_are_read_taught_and_painted(channels, direction, tmp_path):
    rgba = np.dstack([drawn_pair(0), np.repeat([[64] * 40 + [192] * 40], 40, 0).astype(np.uint8)])
    (tmp_path / "pairs").mkdir()
    Image.fromarray(rgba).save(tmp_path / "pairs/x.png")
    given, wanted = channels
    options = replace(
        TINY, input_nc=given, output_nc=wanted, which_direction=direction, max_steps=1, display_freq=1, flip=False
    )
    pictures = read_pictures(tmp_path / "pairs", 40, direction, channels=channels)
    pixels = pictures.whole(0)
    assert pixels.shape == (1, given + wanted, 40, 40)
    first, second = (192, 64) if direction == "BtoA" else (64, 192)
    assert given in (1, 3) or set(pixels[0, given - 1].flatten().tolist()) == {first}
    assert wanted in (1, 3) or set(pixels[0, -1].flatten().tolist()) == {second}
    a, b = halves(pixels, lab=False, given=given)
    assert [as_rgb(part[0]).shape[2] for part in (a, b)] == [4 if n in (2, 4) else 3 for n in channels]
    assert train(Run(options, tmp_path / "run", read_pictures(tmp_path / "pairs", 36, direction, channels=channels)))
    assert paint_folder(tmp_path / "run", tmp_path / "pairs", tmp_path / "out", filetype="jpeg") == 1
    with Image.open(tmp_path / "out/images/x-outputs.jpg") as painted:
        assert (painted.format, painted.mode, painted.size) == ("JPEG", "RGB", (32, 32))
    assert "x-targets.jpg" in (tmp_path / "out/index.html").read_text()


def test_grey_is_what_opencv_and_pillow_call_grey(tmp_path):
    write_rgb(tmp_path / "x.png", drawn_pair(0))
    ours = read_pictures(tmp_path, 40, "AtoB", channels=(1, 1)).pixels[0, ..., 0].numpy()
    theirs = np.asarray(Image.fromarray(drawn_pair(0)[:, :40]).convert("L"))
    assert abs(ours.astype(int) - theirs).max() <= 1


def test_the_first_pairs_by_name_in_their_order_on_request(pair_folder):
    pictures = read_pictures(pair_folder, 36, "AtoB", most=3)
    assert pictures.names == ("pair 0", "pair 1", "pair 2")
    options = replace(TINY, serial_batches=True, flip=False, crop_size=36)
    for step in range(4):
        cut = batch_of(pictures, options, 5, step, CPU)[0].permute(1, 2, 0)
        assert torch.equal(cut, pictures.pixels[step % 3])
