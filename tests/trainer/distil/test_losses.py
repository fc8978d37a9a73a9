"""Every loss: zero where nothing is wrong, switched by its weight alone, and finite on real samples."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from lensd.errors import ConfigError
from lensd.evaluation.quality import ssim_map
from tests.trainer.distil.test_run import ALL_BUT_TEACHER, TINY
from trainer.distil.losses import Painted, Wanted, gradient_l1, matte_dice, picture_l1, ssim_loss
from trainer.distil.run import Run
from trainer.distil.settings import Settings
from trainer.distil.steady import moved, warp_loss
from trainer.distil.weights import LOSSES, Weights

OWN = [name for name in LOSSES if name not in ("teacher", "channel", "place")]  # they need a teacher, or a canvas
NONE = Weights(**dict.fromkeys(LOSSES, 0.0))


def settings(weights: Weights) -> Settings:
    return Settings(**{**asdict(TINY), "weights": weights, "adversarial_from": 0.0})


@pytest.mark.parametrize("name", OWN)
def test_each_loss_alone_is_finite_and_teaches(pairs, tmp_path, name):
    run = Run(pairs, tmp_path, settings(NONE.changed({name: 1.0})))
    before = run.network.head.weight.detach().clone()
    told = run.advance()
    assert set(told) == {"loss", name}
    assert np.isfinite(told[name])
    assert told["loss"] == pytest.approx(told[name])
    assert not torch.equal(before, run.network.head.weight)


def test_a_weight_of_zero_is_as_if_the_loss_were_not_there(pairs, tmp_path):
    ends = []
    for weights in (ALL_BUT_TEACHER, ALL_BUT_TEACHER.changed({"ssim": 0, "gradient": 0}), Weights(), Weights(ssim=0)):
        run = Run(pairs, tmp_path, settings(weights))
        told = [run.advance() for _ in range(2)][-1]
        assert set(told) - {"loss"} == {name for name in OWN if asdict(weights)[name]}
        ends.append(run.network.head.weight.detach())
    assert not torch.equal(ends[0], ends[1])
    assert torch.equal(ends[2], ends[3])


def test_weights_that_cannot_be_used_are_refused():
    for wrong in (-1.0, float("nan"), float("inf"), "loud"):
        with pytest.raises(ConfigError, match="no number from 0 up"):
            Weights(l1=wrong)
    with pytest.raises(ConfigError, match="none of the losses"):
        Weights().changed({"vgg": 1.0})


@pytest.fixture
def scene() -> Wanted:
    photo = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    matte = torch.zeros(2, 1, 48, 48)
    matte[..., 12:36, 12:36] = 1
    return Wanted.of(photo, torch.cat([0.2 * matte.expand(-1, 3, -1, -1), matte], 1))


def exact(wanted: Wanted) -> Painted:
    logits = torch.cat([torch.full_like(wanted.photo, 0.2).logit(), 60 * wanted.matte - 30], 1)
    return Painted(logits, wanted.photo)


def test_what_is_painted_exactly_has_no_fault(scene):
    painted = exact(scene)
    for loss in (picture_l1, ssim_loss, gradient_l1):
        assert float(loss(painted.picture, scene.picture, scene.near)) < 1e-4
    assert float(matte_dice(painted.logit, scene.matte)) < 1e-3
    assert float(matte_dice(torch.full_like(scene.matte, -20), scene.matte)) > 0.99


def test_ssim_is_the_one_that_lenses_are_measured_with(scene):
    other = (scene.picture + 0.1 * torch.randn(scene.picture.shape, generator=torch.Generator().manual_seed(2))).clamp(
        0, 1
    )
    flat = torch.ones(2, 1, 48, 48)
    luma = [
        (255 * (picture * torch.tensor([0.299, 0.587, 0.114]).reshape(3, 1, 1)).sum(1)).numpy()
        for picture in (other, scene.picture)
    ]
    theirs = np.mean([ssim_map(a, b)[8:-8:2, 8:-8:2] for a, b in zip(*luma, strict=True)])
    inner = flat.clone()
    inner[..., :8, :] = inner[..., -8:, :] = inner[..., :8] = inner[..., -8:] = 0
    assert 1 - float(ssim_loss(other, scene.picture, inner)) == pytest.approx(float(theirs), abs=2e-3)


def test_gradients_blame_blur_more_than_a_wrong_tone(scene):
    blurred = torch.nn.functional.avg_pool2d(scene.picture, 5, 1, 2, count_include_pad=False)
    dimmer = scene.picture - (blurred - scene.picture).abs().mean()
    assert gradient_l1(blurred, scene.picture, scene.near) > 10 * gradient_l1(dimmer, scene.picture, scene.near)


def shifted(planes: torch.Tensor, by: tuple[int, int]) -> torch.Tensor:
    return torch.roll(planes, (-by[1], -by[0]), (2, 3))


@pytest.mark.parametrize("by", [(0, 0), (3, -2)])
def test_a_lens_that_moves_with_the_face_has_no_warp_loss_and_one_that_stands_still_has(scene, by):
    move = torch.tensor([[[1.0, 0, by[0]], [0, 1, by[1]]]]).repeat(2, 1, 1)
    carried, known = moved(scene.matte, move)
    assert torch.allclose(known * carried, known * shifted(scene.matte, by), atol=1e-4)
    photo = torch.cat([scene.photo, shifted(scene.photo, by)])
    matte = torch.cat([scene.matte, shifted(scene.matte, by)])
    both = Wanted.of(photo, torch.cat([0.2 * matte.expand(-1, 3, -1, -1), matte], 1))
    follows = exact(both)
    assert float(warp_loss(follows, both, move)) < 1e-4
    stands = exact(both)
    stands.matte = torch.cat([scene.matte, scene.matte])
    stands.picture = both.photo + stands.matte * (stands.colour - both.photo)
    assert (float(warp_loss(stands, both, move)) > 0.05) == (by != (0, 0))
