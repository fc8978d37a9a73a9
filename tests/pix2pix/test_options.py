import json
from dataclasses import asdict, replace

import pytest

from lensd.errors import ConfigError
from tests.pix2pix.conftest import TINY
from trainer.pix2pix.options import Options, changed


def test_defaults_are_the_papers():
    options = Options()
    assert (options.lr, options.beta1, options.l1_weight, options.gan_weight) == (2e-4, 0.5, 100, 1)
    assert (options.batch_size, options.ngf, options.ndf, options.patch) == (1, 64, 64, 70)
    assert (options.scale_size, options.crop_size, options.flip, options.which_direction) == (286, 256, True, "AtoB")
    assert (options.loss, options.generator, options.max_epochs) == ("l1+cgan", "unet_256", 200)


def test_options_survive_json():
    options = replace(TINY, max_steps=7, loss="gan", lab_colorization=True)
    assert Options.from_json(options.to_json()) == options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lambda", 100),
        ("lr", "fast"),
        ("lr", float("nan")),
        ("lr", -1),
        ("batch_size", 0),
        ("batch_size", 2.0),
        ("flip", 1),
        ("ngf", True),
        ("generator", "unet_512"),
        ("patch", 71),
        ("crop_size", 300),
        ("crop_size", 100),
        ("patch", 286),
        ("ema", 1.0),
        ("separable_conv", True),
    ],
)
def test_what_cannot_be_used_is_named(name, value):
    values = {**asdict(TINY), "generator": "unet_64" if name == "crop_size" else TINY.generator, name: value}
    with pytest.raises(ConfigError, match=name):
        Options.from_json(json.dumps(values))


@pytest.mark.parametrize("text", ["", "[]", "{", '"lr"'])
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ConfigError, match="JSON"):
        Options.from_json(text)


def test_steps_follow_from_epochs_and_steps_win():
    assert replace(TINY, max_epochs=3, batch_size=2).steps(5) == 9
    assert replace(TINY, max_epochs=3, max_steps=4).steps(5) == 4


def test_a_checkpoints_options_may_change_but_not_its_network():
    assert changed(TINY, {"lr": 1e-4, "max_steps": 9}) == replace(TINY, lr=1e-4, max_steps=9)
    with pytest.raises(ConfigError, match="another network"):
        changed(TINY, {"ngf": 8})


def test_the_compact_generator_paints_rgb_over_rgb_only():
    with pytest.raises(ConfigError, match="lab_colorization"):
        replace(TINY, generator="compact", crop_size=64, scale_size=64, lab_colorization=True)
