from dataclasses import replace

import pytest
import torch

from tests.pix2pix.conftest import TINY
from trainer.pix2pix.data import Pictures, batch_of, halves, read_pictures
from trainer.pix2pix.generators import Shape, UNet
from trainer.pix2pix.losses import GAN_MODES, LOSSES, discriminator_loss
from trainer.pix2pix.model import D_LOSS, GAN_LOSS, L1_LOSS, Model
from trainer.pix2pix.paint import paint

CPU = torch.device("cpu")


def a_batch(side: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    a, b = torch.rand(2, 2, 3, side, side, generator=torch.Generator().manual_seed(5)) * 2 - 1
    return a, b


def weights(network: torch.nn.Module) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in network.parameters()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("mode", GAN_MODES)
def test_every_objective_teaches_both_networks(loss, mode):
    model = Model(replace(TINY, loss=loss, gan_mode=mode, lr=1e-3), 10, CPU)
    before = weights(model.generator)
    told = model.advance(*a_batch())
    assert set(told) == {L1_LOSS} | ({D_LOSS, GAN_LOSS} if "gan" in loss else set())
    assert all(torch.isfinite(value) for value in told.values())
    assert not same(before, weights(model.generator))
    assert (model.discriminator is None) == (loss == "l1")


def test_the_discriminators_step_leaves_the_generator_alone_and_the_other_way_round():
    model = Model(replace(TINY, dropout=False), 10, CPU)
    assert model.discriminator is not None
    a, b = a_batch()
    painted = model.generator(a)
    painters, judges = weights(model.generator), weights(model.discriminator)
    model._teach_discriminator(a, b, painted.detach())
    assert same(painters, weights(model.generator))
    assert all(weight.grad is None for weight in model.generator.parameters())
    assert not same(judges, weights(model.discriminator))
    judges = weights(model.discriminator)
    taught = [weight.grad.clone() for weight in model.discriminator.parameters()]
    model._teach_generator(a, b, painted)
    assert same(judges, weights(model.discriminator))
    assert same(taught, [weight.grad for weight in model.discriminator.parameters()])
    assert not same(painters, weights(model.generator))


def test_one_judgement_teaches_both_as_two_judgements_by_the_same_discriminator_do():
    """The original's: the generator is taught against the discriminator as it was before its own step."""
    options = replace(TINY, dropout=False, reuse_judgement=True, lr=1e-3)
    model = Model(options, 10, CPU)
    a, b = a_batch()
    painted = model.generator(a)
    real, false = (model.discriminator(torch.cat([a, other], 1)) for other in (b, painted))
    for_judge = 0.5 * discriminator_loss("vanilla", real, false)
    wanted = torch.autograd.grad(for_judge, list(model.discriminator.parameters()), retain_graph=True)
    for_painter = 100 * (painted - b).abs().mean() + torch.nn.functional.softplus(-false).mean()
    wanted += torch.autograd.grad(for_painter, list(model.generator.parameters()))
    told = model.advance(a, b)
    assert set(told) == {D_LOSS, GAN_LOSS, L1_LOSS}
    found = [weight.grad for network in (model.discriminator, model.generator) for weight in network.parameters()]
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found, wanted, strict=True))


@pytest.mark.parametrize("kind", ["xavier", "kaiming", "orthogonal"])
def test_weights_begin_as_is_asked(kind):
    model = Model(replace(TINY, init_type=kind, init_gain=0.5, ngf=16), 10, CPU)
    weight = next(weight for weight in model.generator.parameters() if weight.shape == (64, 64, 3, 3))
    rows = weight.detach().flatten(1)
    spread = {"xavier": 0.5 * (2 / (128 * 9)) ** 0.5, "kaiming": (2 / 576) ** 0.5, "orthogonal": 0.5 / 576**0.5}
    assert float(rows.std()) == pytest.approx(spread[kind], rel=0.02)
    if kind == "orthogonal":
        assert torch.allclose(rows @ rows.T, 0.25 * torch.eye(64), atol=1e-5)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_discriminator_is_taught_as_by_two_passes_of_its_own(norm):
    model = Model(replace(TINY, dropout=False, norm=norm), 10, CPU)
    assert model.discriminator is not None
    a, b = a_batch()
    painted = model.generator(a).detach()
    real, false = (model.discriminator(torch.cat([a, other], 1)) for other in (b, painted))
    plain = 0.5 * discriminator_loss("vanilla", real, false)
    wanted = torch.autograd.grad(plain, list(model.discriminator.parameters()))
    model._teach_discriminator(a, b, painted)
    for weight, gradient in zip(model.discriminator.parameters(), wanted, strict=True):
        assert torch.allclose(weight.grad, gradient, atol=1e-6)


def test_a_gan_without_condition_does_not_see_the_input():
    options = replace(TINY, loss="gan", dropout=False, l1_weight=0)
    first, second = Model(options, 10, CPU), Model(options, 10, CPU)
    a, b = a_batch()
    painted = torch.zeros_like(b)
    one, other = (model._teach_discriminator(given, b, painted) for model, given in ((first, a), (second, a + 1)))
    assert float(one) == float(other)


def test_the_linear_schedule_falls_over_the_second_half():
    model = Model(replace(TINY, schedule="linear"), 8, CPU)
    assert [model.pace.at(step) for step in range(8)] == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]


def test_the_running_mean_follows_the_weights():
    model = Model(replace(TINY, ema=0.9, lr=1e-2), 10, CPU)
    for _ in range(3):
        model.advance(*a_batch())
    assert model.average is not None
    apart = [
        float((one - other).abs().max())
        for one, other in zip(weights(model.average), weights(model.generator), strict=True)
    ]
    assert 0 < max(apart) < 0.05
    assert Model(replace(TINY, ema=0.0), 10, CPU).average is None


def test_painting_leaves_the_network_and_chance_as_they_were():
    network = UNet(5, Shape(width=4)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    chance = torch.get_rng_state()
    a, _ = a_batch()
    own, running = (paint(network, a, own=flag) for flag in (True, False))
    assert torch.equal(chance, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(module.training for module in network.modules())
    assert not torch.equal(own, running)
    # Its own statistics: what else is in the batch does not matter.
    assert torch.equal(paint(network, a[:1], own=True), own[:1])


def test_bfloat16_keeps_weights_and_losses_in_float32():
    model = Model(replace(TINY, precision="bf16"), 10, CPU)
    told = model.advance(*a_batch())
    assert {value.dtype for value in told.values()} == {torch.float32}
    assert {weight.dtype for weight in model.generator.parameters()} == {torch.float32}


def test_one_pair_is_learned_by_heart(pair_folder):
    options = replace(
        TINY, generator="unet_64", ngf=8, ndf=8, scale_size=64, crop_size=64, flip=False, dropout=False, lr=2e-3
    )
    pictures = read_pictures(pair_folder, 64, "AtoB")
    alone = Pictures(pictures.names[:1], pictures.pixels[:1])
    a, b = halves(batch_of(alone, options, 1, 0, CPU), lab=False)
    model = Model(options, 150, CPU)
    for _ in range(150):
        told = model.advance(a, b)
    assert float(told[L1_LOSS]) < 0.06
    assert float((paint(model.best_generator, a, own=True) - b).abs().mean()) < 0.06
