"""The students: one network (`trainer.generator`) in four sizes, named by their real GMAC at 256 px."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import ConfigError
from trainer.generator import WIDTHS, Generator, count_macs

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Family:
    """What a student is made of: channels at 1/2, 1/4, ... of the size, all in eights, and residual blocks at 1/32."""

    widths: tuple[int, ...]
    blocks: int


# The most channels go where a pixel sees much; at 1/2 a channel costs as much as sixteen of them at 1/8.
FAMILIES = {
    "0.1": Family((8, 16, 32, 48, 64), 2),
    "0.25": Family((16, 24, 48, 64, 80), 2),
    "0.39": Family(WIDTHS, 2),
    "0.45": Family((24, 32, 64, 88, 112), 2),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a student costs: multiply-adds for one picture, parameters, and bytes of its float16 weights."""

    macs: int
    parameters: int
    weight_bytes: int


def family_named(name: str) -> Family:
    """Return the family `name`.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in FAMILIES:
        raise ConfigError("family", f"{name!r} is none of {', '.join(FAMILIES)}")
    return FAMILIES[name]


def cost(family: Family, size_px: int) -> Cost:
    """Count, by code and on the network itself, what a student of `family` costs at `size_px` pixels a side."""
    network = Generator(family.widths, family.blocks)
    return Cost(count_macs(network, size_px), sum(p.numel() for p in network.parameters()), 2 * _folded(network))


def _folded(network: nn.Module) -> int:
    """Return the numbers that are left when norms are folded into biases: a gain and an offset become one offset."""
    norms = sum(p.numel() for name, p in network.named_parameters() if ".norm." in name)
    return sum(p.numel() for p in network.parameters()) - norms // 2
