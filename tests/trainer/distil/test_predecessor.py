"""A student that begins as a finished lens paints as that lens does, and can be taught on."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lensd.errors import ConfigError
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from trainer.distil import Settings
from trainer.distil.families import FAMILIES
from trainer.distil.predecessor import generator_of
from trainer.distil.run import Run
from trainer.export import run_torch

LENS = find_package("bronze")
FAMILY = FAMILIES["0.25"]


def golden(name):
    content = np.frombuffer(open_package(LENS).contents[f"golden/{name}.png"], np.uint8)
    picture = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA if picture.shape[2] == 4 else cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def network():
    crop = torch.from_numpy(golden("in")).permute(2, 0, 1)[None].float() / 255
    return generator_of(LENS, FAMILY.widths, FAMILY.blocks, [crop, crop.flip(3)])


def test_it_paints_what_the_lens_paints(network):
    painted, wanted = run_torch(network.eval(), golden("in"), network.sharpness), golden("out")
    shown = wanted[..., 3] > 0
    assert np.abs(painted[..., 3].astype(int) - wanted[..., 3]).max() <= 1
    assert np.abs(painted[shown].astype(int) - wanted[shown]).max() <= 1


def test_its_normalisations_are_those_of_the_pictures_that_it_was_shown(network):
    """In training each batch is normalised by itself: on the same pictures that has to paint nearly the same."""
    crop = torch.from_numpy(golden("in")).permute(2, 0, 1)[None].float() / 255
    both = torch.cat([crop, crop.flip(3)])
    with torch.no_grad():
        still, taught = (torch.sigmoid(network.train(mode)(both))[:, 3] for mode in (False, True))
    assert float((still - taught).abs().mean()) < 0.02


def test_a_run_begins_with_it_and_goes_on(pairs, tmp_path):
    settings = Settings(size_px=64, batch=4, steps=6, widths=FAMILY.widths, blocks=FAMILY.blocks)
    run = Run(pairs, tmp_path, settings)
    run.start_from(LENS)
    fresh = Run(pairs, tmp_path, settings)
    assert not torch.equal(run.network.head.weight, fresh.network.head.weight)
    assert torch.equal(run.average.head.weight, run.network.head.weight)
    assert np.isfinite(run.advance()["loss"])


def test_what_is_smaller_than_the_lens_that_it_becomes_was_halved_and_is_looked_at_as_it_is():
    """A lens of 512 px is shown crops of 256 at first, which is what the one to start from halves by itself."""
    skull, crop = find_package("skull"), torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    seen = {}
    for size_px in (None, 64, 128):
        network = generator_of(skull, FAMILY.widths, FAMILY.blocks, [crop], size_px)
        seen[size_px] = network.stem.norm.running_var
    assert torch.equal(seen[None], seen[128])
    assert (seen[64] < 0.5 * seen[128]).any()  # of noise that was halved less is left


def test_another_family_and_what_is_no_lens_are_refused(pairs, tmp_path):
    small = Settings(size_px=64, batch=4, widths=FAMILIES["0.1"].widths)
    with pytest.raises(ConfigError, match="another family"):
        Run(pairs, tmp_path, small).start_from(LENS)
    own = replace(small, widths=FAMILY.widths)
    for wrong in (find_package("crown-overlay"), tmp_path / "none.lens"):
        with pytest.raises(ConfigError, match="no lens to start from"):
            Run(pairs, tmp_path, own).start_from(wrong)
