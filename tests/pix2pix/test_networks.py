import pytest
import torch
from torch import nn

from trainer.generator import Generator
from trainer.pix2pix.blocks import UpConv
from trainer.pix2pix.discriminators import PATCHES, PatchGAN, map_side
from trainer.pix2pix.generators import GENERATORS, Shape, UNet, generator_of, stride_of


def parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def without_memory(kind: str, shape: Shape) -> nn.Module:
    with torch.device("meta"):
        return generator_of(kind, shape)


def test_the_papers_networks_have_as_many_weights_as_published():
    convolutions = [
        module.weight.numel()
        for module in without_memory("unet_256", Shape()).modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert sum(convolutions) == 54_404_096
    assert 54.40e6 < parameters(without_memory("unet_256", Shape())) < 54.42e6
    assert 11.3e6 < parameters(without_memory("resnet_9blocks", Shape())) < 11.4e6
    with torch.device("meta"):
        assert 2.76e6 < parameters(PatchGAN(6)) < 2.77e6


@pytest.mark.parametrize("kind", GENERATORS)
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_every_generator_paints_a_picture_of_its_inputs_size(kind, norm):
    side = max(stride_of(kind), 32)
    channels = (3, 3) if kind == "compact" else (1, 2)
    network = generator_of(kind, Shape(*channels, 2, norm))
    painted = network(torch.rand(1, channels[0], side, side) * 2 - 1)
    assert painted.shape == (1, channels[1], side, side)
    assert float(painted.detach().abs().max()) <= 1


def test_a_separable_u_net_is_smaller_and_paints_the_same_size():
    dense, separable = (UNet(5, Shape(width=8, separable=flag)) for flag in (False, True))
    assert parameters(separable) < parameters(dense) / 4
    assert separable(torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_the_bottleneck_of_one_pixel_is_alive():
    """With a norm there, every picture would give the same bottleneck at batch 1, and no gradient to the encoder."""
    network = UNet(5, Shape(width=4, dropout=False), skips=False)
    assert isinstance(network.down_norms[-1], nn.Identity)
    network.train()
    first, second = (network(torch.rand(1, 3, 32, 32)) for _ in range(2))
    assert not torch.allclose(first, second, atol=1e-6)
    first.square().sum().backward()
    assert float(network.down[0].weight.grad.abs().max()) > 0


@pytest.mark.parametrize(("batch", "side", "bias"), [(1, 1, True), (2, 4, False), (1, 7, True)])
def test_a_transposed_convolution_in_a_hurry_is_the_same(batch, side, bias):
    layer = UpConv(6, 5, 4, 2, 1, bias=bias).double()
    x = torch.rand(batch, 6, side, side, dtype=torch.double, requires_grad=True)
    wanted = layer(x)
    leaves = [x, *layer.parameters()]
    slope = torch.rand_like(wanted)
    gradients = torch.autograd.grad(wanted, leaves, slope)
    layer.hurry()
    found = layer(x)
    assert torch.allclose(found, wanted, atol=1e-12)
    for one, other in zip(torch.autograd.grad(found, leaves, slope), gradients, strict=True):
        assert torch.allclose(one, other, atol=1e-12)
    assert layer(torch.rand(1, 6, 12, 12, dtype=torch.double)).shape == (1, 5, 24, 24)


def test_weights_begin_as_the_paper_says():
    network = UNet(6, Shape(width=32))
    weights = torch.cat([layer.weight.detach().flatten() for layer in network.down])
    assert abs(float(weights.mean())) < 1e-3
    assert float(weights.std()) == pytest.approx(0.02, rel=0.02)
    scales = torch.cat([norm.weight.detach() for norm in network.up_norms if isinstance(norm, nn.BatchNorm2d)])
    assert float(scales.mean()) == pytest.approx(1, abs=0.01)


def test_the_compact_generator_is_the_lenses_own_and_lays_its_colour_over_the_input():
    network = generator_of("compact", Shape())
    assert [tuple(weight.shape) for weight in network.network.parameters()] == [
        tuple(weight.shape) for weight in Generator().parameters()
    ]
    network.network.head.weight.data.zero_()
    network.network.head.bias.data = torch.tensor([0.0] * 12 + [-40.0] * 4)  # no matte anywhere
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    assert torch.equal(network(picture), picture)


def test_dropout_can_be_left_out_and_is_only_noise():
    picture = torch.rand(1, 3, 64, 64)
    noisy, calm = (UNet(6, Shape(width=4, dropout=flag, norm="none")).train() for flag in (True, False))
    for network in (noisy, calm):
        for layer in (*network.down, *network.up):
            layer.weight.data.mul_(10)  # weights of .02 paint grey on grey
    assert not torch.equal(noisy(picture), noisy(picture))
    assert torch.equal(calm(picture), calm(picture))
    assert torch.equal(noisy.eval()(picture), noisy(picture))


@pytest.mark.parametrize("patch", sorted(PATCHES))
def test_a_value_of_the_map_sees_a_patch_of_the_named_side(patch):
    side = 64 if patch < 64 else 384
    judge = PatchGAN(1, patch, 1, "none")
    for weight in judge.parameters():
        weight.data.fill_(0.01)  # all of one sign, so that nothing cancels out
    picture = torch.ones(1, 1, side, side, requires_grad=True)
    logits = judge(picture)
    middle = logits.shape[-1] // 2
    logits[0, 0, middle, middle].backward()
    rows = torch.nonzero(picture.grad[0, 0].abs().sum(1)).flatten()
    assert len(rows) == int(rows[-1] - rows[0]) + 1 == patch


@pytest.mark.parametrize("patch", sorted(PATCHES))
def test_the_maps_side_is_foretold(patch):
    assert PatchGAN(1, patch, 1)(torch.zeros(1, 1, 128, 128)).shape[-1] == map_side(128, patch)
    assert map_side(256, 70) == 30
