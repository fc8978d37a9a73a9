"""The network that paints in flat colours: smooth ones, of whose light it makes steps, and ink over them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.flattening import DARKEST, LIFT, LUMA, SOFT, STEP
from trainer.generator import Generator, logits_of

COLOURS = 3
CHANNELS = COLOURS + 8  # a block of 2x2 pixels has one colour, and ink and matte for each
NO_INK = -4.0  # a sigmoid's argument at first


class FlatGenerator(Generator):
    """RGB in 0..1 to logits of colour and matte: flat colours with ink lines."""

    def __init__(self, widths: tuple[int, ...], blocks: int, ink: Tensor) -> None:
        """Build it with `widths` channels at 1/2, 1/4, ... of the size.

        Args:
            widths, blocks: as `Generator`.
            ink: (1, 3, 1, 1) float32 in 0..1, its colour.
        """
        super().__init__(widths, blocks)
        self.head = nn.Conv2d(widths[0], CHANNELS, 3, 1, 1)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.head.bias[COLOURS : COLOURS + 4], NO_INK)  # type: ignore[index]
        self.register_buffer("ink", ink)
        self.ink: Tensor

    def paint(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits and the maps, as `Generator` does."""
        told, maps = self.told(x)
        with torch.autocast(x.device.type, enabled=False):
            told = told.float()
            # Coarse colours: where a tone ends is a level of them, and as crisp as if they were fine.
            colour = functional.interpolate(told[:, :COLOURS], scale_factor=2.0, mode="bilinear", align_corners=False)
            ink, matte = functional.pixel_shuffle(told[:, COLOURS:], 2).chunk(2, 1)
            colour = torch.sigmoid(colour)
            # Steps have no slope: what is learned is learned as if the smooth colour had only been made brighter.
            colour = (colour * _brighter(colour.detach())).clamp(0, 1)
            share = torch.sigmoid(ink)
            colour = colour + share * (self.ink - colour)
            return torch.cat([logits_of(colour), matte], 1), maps


def _brighter(colour: Tensor) -> Tensor:
    """Return by how much colours (n, 3, h, w) are to be multiplied for their light to fall in steps: (n, 1, h, w)."""
    weights = colour.new_tensor(LUMA).reshape(1, 3, 1, 1)
    light = (colour * weights).sum(1, keepdim=True).clamp_min(DARKEST)
    steps = light / STEP
    whole = torch.floor(steps)
    risen = ((steps - whole - 0.5) / SOFT + 0.5).clamp(0, 1)
    return STEP * (whole + risen + LIFT) / light


def head_of(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the head of such a network, made of one's that paints: its mean colours, its matte, and no ink.

    Args:
        weight, bias: (16, c, 3, 3) and (16,), colour and matte of a block of 2x2 pixels.
    """
    colours = [part.reshape(4, 4, *part.shape[1:])[:COLOURS].mean(1) for part in (weight, bias)]
    none = weight.new_zeros(4, *weight.shape[1:]), bias.new_full((4,), NO_INK)
    return torch.cat([colours[0], none[0], weight[12:]]), torch.cat([colours[1], none[1], bias[12:]])
