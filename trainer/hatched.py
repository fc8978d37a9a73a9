"""The network that hatches: it draws in grey, and says how densely strokes that are given cover each place."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainer.generator import Generator, logits_of
from trainer.hatching import PAPER, PRESS, STEEPNESS, sheet

CHANNELS = 12  # grey, matte and tone of a block of 2x2 pixels


class HatchedGenerator(Generator):
    """RGB in 0..1 to logits of colour and matte: a grey drawing on tinted paper, and hatching as dense as it says."""

    def __init__(self, widths: tuple[int, ...], blocks: int, limits: Tensor) -> None:
        """Build it with `widths` channels at 1/2, 1/4, ... of the size.

        Args:
            widths, blocks: as `Generator`.
            limits: (1, 1, S, S) float32 in 0..1, the sheet.
        """
        super().__init__(widths, blocks)
        self.head = nn.Conv2d(widths[0], CHANNELS, 3, 1, 1)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.register_buffer("sheet", limits)
        self.sheet: Tensor

    def paint(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits and the maps, as `Generator` does."""
        told, maps = self.told(x)
        with torch.autocast(x.device.type, enabled=False):
            grey, matte, tone = functional.pixel_shuffle(told.float(), 2).chunk(3, 1)
            limits = self.sheet
            if limits.shape[2] != x.shape[2]:
                limits = functional.interpolate(limits, size=x.shape[2:], mode="area")
            light = 1 - PRESS * torch.sigmoid(tone - STEEPNESS * limits)
            paper = torch.tensor(PAPER, dtype=torch.float32, device=x.device).reshape(1, 3, 1, 1) / 255
            colour = torch.sigmoid(grey) * light * paper
            return torch.cat([logits_of(colour), matte], 1), maps


def head_of(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the head of a network that hatches, made of one's that paints: its red as grey, its matte, and no strokes.

    Args:
        weight, bias: (16, c, 3, 3) and (16,), colour and matte of a block of 2x2 pixels.
    """
    kept = [0, 1, 2, 3, 12, 13, 14, 15]
    none = weight.new_zeros(4, *weight.shape[1:]), bias.new_zeros(4)
    return torch.cat([weight[kept], none[0]]), torch.cat([bias[kept], none[1]])


def sheet_tensor(size_px: int) -> Tensor:
    """Return the sheet for a lens of `size_px` pixels a side, (1, 1, S, S) float32 in 0..1."""
    return torch.from_numpy(sheet(size_px).copy())[None, None].float() / 255
