"""The students: one network (`trainer.generator`) in four sizes, named by their real GMAC at 256 px."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import ConfigError
from trainer.generator import WIDTHS, count_macs
from trainer.networks import ART, network_of
from trainer.onnx_graph import PACKED_FROM

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn


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
    """What a student costs: multiply-adds for one picture, parameters, and bytes of its weights in a package."""

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


def cost(family: Family, size_px: int, art: Mapping[str, Tensor] | None = None) -> Cost:
    """Count, by code and on the network itself, what a student of `family` costs at `size_px` pixels a side.

    Args:
        family: its size.
        size_px: of the lens.
        art: what it wears, or hatches with; its bytes count too.
    """
    network = network_of(family.widths, family.blocks, art or {})
    return Cost(count_macs(network, size_px), sum(p.numel() for p in network.parameters()), _stored(network))


def _stored(network: nn.Module) -> int:
    """Return the bytes of the weights as they are exported: norms folded (a gain and an offset become one offset)."""
    norms = sum(p.numel() for name, p in network.named_parameters() if ".norm." in name)
    narrow = sum(p.numel() for p in network.parameters() if p.numel() >= PACKED_FROM)
    art = sum(buffer.numel() for name, buffer in network.named_buffers() if name in ART)
    return 2 * (sum(p.numel() for p in network.parameters()) - norms // 2) - narrow + art
