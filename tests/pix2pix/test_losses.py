import math

import pytest
import torch
from torch import tensor

from trainer.pix2pix.losses import (
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    has_gan,
    has_l1,
    is_conditional,
    l1,
)

REAL, PAINTED = tensor([0.5, 3.0]), tensor([-1.0, 2.0])


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_the_papers_objective_by_hand():
    real = -(math.log(sigmoid(0.5)) + math.log(sigmoid(3.0))) / 2
    painted = -(math.log(1 - sigmoid(-1.0)) + math.log(1 - sigmoid(2.0))) / 2
    assert float(discriminator_loss("vanilla", REAL, PAINTED)) == pytest.approx(real + painted, rel=1e-6)
    fooled = -(math.log(sigmoid(-1.0)) + math.log(sigmoid(2.0))) / 2
    assert float(generator_loss("vanilla", PAINTED)) == pytest.approx(fooled, rel=1e-6)


def test_least_squares_by_hand():
    assert float(discriminator_loss("lsgan", REAL, PAINTED)) == pytest.approx((0.25 + 4) / 2 + (1 + 4) / 2)
    assert float(generator_loss("lsgan", PAINTED)) == pytest.approx((4 + 1) / 2)


def test_hinge_by_hand():
    assert float(discriminator_loss("hinge", REAL, PAINTED)) == pytest.approx(0.5 / 2 + 3 / 2)
    assert float(generator_loss("hinge", PAINTED)) == pytest.approx(-0.5)


def test_wasserstein_by_hand():
    assert float(discriminator_loss("wgangp", REAL, PAINTED)) == pytest.approx(0.5 - 1.75)
    assert float(generator_loss("wgangp", PAINTED)) == pytest.approx(-0.5)
    # A judge whose slope is 3 at each of 4 values has a gradient of length 6: 10 (6 - 1)^2.
    real, painted = torch.ones(2, 1, 2, 2), torch.zeros(2, 1, 2, 2)
    penalty = gradient_penalty(lambda x: 3 * x, real, painted, torch.rand(2, 1, 1, 1))
    assert float(penalty) == pytest.approx(250)
    slope = torch.ones((), requires_grad=True)
    gradient_penalty(lambda x: slope * x.square(), real, painted, torch.full((2, 1, 1, 1), 0.5)).backward()
    assert float(slope.grad) == pytest.approx(2 * 10 * (2 - 1) * 2)  # its length is 2 |slope| in the middle


def test_a_certain_discriminator_overflows_nothing():
    sure = tensor([1000.0], requires_grad=True)
    loss = discriminator_loss("vanilla", -sure, sure) + generator_loss("vanilla", -sure)
    assert float(loss.detach()) == 3000
    loss.backward()
    assert float(sure.grad) == 3


def test_losses_are_float32_whatever_the_networks_compute_in():
    half = torch.ones(4, dtype=torch.bfloat16)
    assert {discriminator_loss("hinge", half, half).dtype, l1(half, half).dtype} == {torch.float32}
    assert float(l1(tensor([1.0, -1.0]), tensor([0.5, 1.0]))) == 1.25


def test_a_losss_name_says_its_terms():
    terms = {name: (has_l1(name), has_gan(name), is_conditional(name)) for name in ("l1", "gan", "cgan", "l1+cgan")}
    assert terms == {
        "l1": (True, False, False),
        "gan": (False, True, False),
        "cgan": (False, True, True),
        "l1+cgan": (True, True, True),
    }
