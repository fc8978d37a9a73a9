import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import pytest

from lensd.errors import ConfigError
from tests.pix2pix.conftest import TINY
from trainer.pix2pix.names import ours
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
        ("input_nc", 5),
        ("output_nc", 0),
        ("schedule", "poly"),
        ("init_type", "zero"),
        ("preprocess", "resize"),
        ("n_epochs_decay", 0),
        ("precision", "fp16"),
        ("gan_mode", "wgan"),
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
    with pytest.raises(ConfigError, match=r"input_nc.*another network"):
        changed(TINY, {"input_nc": 1})


def test_two_options_that_cannot_be_together_are_named():
    with pytest.raises(ConfigError, match="lab_colorization: has channels of its own"):
        replace(TINY, lab_colorization=True, input_nc=1)
    with pytest.raises(ConfigError, match="pool_size"):
        replace(TINY, pool_size=50, reuse_judgement=True)


def test_the_docs_name_every_option():
    text = (Path(__file__).parents[2] / "docs/pix2pix.md").read_text().replace("-", "_")
    names = {known.name: (known.name, *known.metadata["also"]) for known in fields(Options)}
    assert [name for name, same in names.items() if not any(one in text for one in same)] == []


def test_processes_share_an_epoch():
    assert replace(TINY, max_epochs=3).steps(5, ranks=2) == 9
    assert replace(TINY, batch_size=2).epoch_steps(8, ranks=2) == 2


def test_the_fields_names_say_the_same():
    """Of pytorch-CycleGAN-and-pix2pix, where one of theirs is two of ours, or the other way round."""
    assert ours({"n_epochs": 100, "n_epochs_decay": 100}) == {
        "max_epochs": 200,
        "n_epochs_decay": 100,
        "schedule": "linear",
    }
    assert ours({"n_epochs": 7, "schedule": "step"}) == {"max_epochs": 7, "schedule": "step"}
    patches = [{"net_d": "basic"}, {"net_d": "pixel"}, *({"net_d": "n_layers", "n_layers_d": n} for n in range(1, 6))]
    assert [ours(given)["patch"] for given in patches] == [70, 1, 16, 34, 70, 142, 286]
    assert ours({"bf16": True}) == {"precision": "bf16"}
    for wrong in (
        {"n_epochs": 3, "max_steps": 5},
        {"net_d": "pixel", "n_layers_d": 2},
        {"net_d": "basic", "patch": 70},
        {"bf16": True, "precision": "fp32"},
    ):
        with pytest.raises(ConfigError):
            ours(wrong)


def test_the_compact_generator_paints_rgb_over_rgb_only():
    with pytest.raises(ConfigError, match="lab_colorization"):
        replace(TINY, generator="compact", crop_size=64, scale_size=64, lab_colorization=True)
