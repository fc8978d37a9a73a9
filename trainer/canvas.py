"""The network that wears a lens: a canvas with the art on it, and where on it each pixel lies.

A sticker's art, and paint's, is always the same; a face adds its place, its shape, its light, and what is hidden. A
network that paints every pixel by itself has to learn the art by heart, and makes a smooth copy of it: a crown had no
jewels after 42,000 samples, a skull no teeth. So the art is a constant of this network, in the crop's own pixels as a
face of the template's shape wears it. The network looks at the crop at half its size and says, smoothly, from where on
the canvas each pixel is taken, how bright it is there, and how much of it is to be seen. The art is as crisp as it was
drawn, a quarter of the multiplications suffices, and 700 steps where one that paints takes thousands.

Source: Jaderberg, Simonyan, Zisserman and Kavukcuoglu 2015, "Spatial Transformer Networks", a place for each pixel.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lensd.frames import F32, U8
from lensd.lens.align import template_points
from trainer.generator import Generator, logits_of
from trainer.pairs import Crop

LOOK = 2  # times smaller than the crop is what the network looks at
COARSE = 4  # times smaller than the crop are the maps of place, light and sight
MAPS = 6  # place x, y; light red, green, blue; sight
REACH = 0.25  # of half a side: the unit of a place's map, so that a first step moves by some pixels
SEEN = 4.0  # a sigmoid's argument at first: all of the canvas is seen
_STEEPER, _DOUBT = 3.0, 0.75


class Region(NamedTuple):
    """A part of a crop, px, the ends not included; multiples of `COARSE`."""

    top: int
    bottom: int
    left: int
    right: int


class CanvasGenerator(Generator):
    """RGB in 0..1 to logits of colour and matte: a crop of the canvas's size, or, in training, of half of it.

    Attributes:
        region: the part of a crop of the canvas's size in which anything is worn; None for all of it, as in training.
    """

    sharpness = 1.0  # the art's edges are as they were drawn
    region: Region | None = None

    def __init__(self, widths: tuple[int, ...], blocks: int, canvas: Tensor) -> None:
        """Build it with `widths` channels at 1/4, 1/8, ... of the crop, and the art.

        Args:
            widths, blocks: as `Generator`.
            canvas: (1, 4, S, S) float32 in 0..1, straight colour and matte; the colour goes on beyond the matte's edge.
        """
        super().__init__(widths, blocks)
        self.head = nn.Conv2d(widths[0], MAPS, 3, 1, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]
        self.register_buffer("canvas", canvas)
        self.canvas: Tensor

    def paint(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the logits, (n, 4, h, w), the decoder's maps as `Generator` does, and, last of them, the places.

        The places, (n, 2, h', w'), are where on the canvas each pixel of the coarse map looks, -1..1 from edge to edge.
        """
        small = functional.avg_pool2d(x, LOOK) if x.shape[2] == self.canvas.shape[2] else x
        told, maps = self.told(small)
        with torch.autocast(x.device.type, enabled=False):
            told = told.float()
            place = places(told.shape[2], told.device) + REACH * told[:, :2]
            return self._worn(torch.cat([place, told[:, 2:]], 1), x.shape[2]), [*maps, place]

    @torch.no_grad()
    def decide(self, *, back: bool = False) -> None:
        """Have it show what it is sure of, and nothing faintly, in place: for a network that ships; `back` undoes it.

        Half a tongue on somebody who talks, and tips of a crown that come and go, are what trembles. Sight's logit is
        lowered by .75 and trebled, which the head's last row can say: what was seen by .68 is half seen, by .5 a tenth.
        On two clips dog's matte then changes 1.09 and 1.06 times as much as its drawing (1.15 and 1.06 before), crown's
        1.07 and 0.98 (1.13 and 0.98). Lowered by 1 the tips of the crown were faint, by .5 the dog was at 1.11.
        """
        row = MAPS - 1
        weight, bias = self.head.weight[row], self.head.bias[row] + SEEN  # type: ignore[index]
        self.head.weight[row] = weight / _STEEPER if back else weight * _STEEPER
        self.head.bias[row] = (bias / _STEEPER + _DOUBT if back else _STEEPER * (bias - _DOUBT)) - SEEN  # type: ignore[index]

    def _worn(self, told: Tensor, size: int) -> Tensor:
        """Return logits (n, 4, size, size) of the canvas as coarse maps (n, MAPS, h, w) have it worn."""
        side = self.canvas.shape[2]
        top, bottom, left, right = (edge * told.shape[2] // side for edge in self.region or (0, side, 0, side))
        times = size // told.shape[2]
        told = told[:, :, top:bottom, left:right]
        told = functional.interpolate(told, scale_factor=times, mode="bilinear", align_corners=False)
        canvas = self.canvas
        if size < canvas.shape[2]:
            canvas = functional.interpolate(canvas, size=(size, size), mode="area")
        grid = told[:, :2].permute(0, 2, 3, 1)
        worn = functional.grid_sample(canvas.expand(len(told), -1, -1, -1), grid, align_corners=False)
        colour = worn[:, :3] * torch.exp(told[:, 2:5])
        matte = worn[:, 3:] * torch.sigmoid(told[:, 5:] + SEEN)
        bare = (left * times, size - right * times, top * times, size - bottom * times)
        return logits_of(functional.pad(torch.cat([colour, matte], 1), bare))


def places(side: int, device: torch.device | None = None) -> Tensor:
    """Return where a square's pixels lie, (1, 2, side, side): x and y, -1 and 1 at the outer pixels' outer edges."""
    along = (2 * torch.arange(side, device=device, dtype=torch.float32) + 1) / side - 1
    y, x = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([x, y])[None]


@cache
def template_on_canvas(crop: Crop) -> F32:
    """Return the face template's mesh as the canvas of a lens with that crop has it: (478, 3) float32, its pixels."""
    unit, centre = crop.size_px / crop.side, (crop.size_px - 1) / 2
    points: F32 = (template_points() * unit + (centre, centre + crop.up * unit, 0)).astype(np.float32)
    return points


def canvas_tensor(art: U8) -> Tensor:
    """Return (S, S, 4) uint8 RGB and matte as a canvas, (1, 4, S, S) float32 in 0..1."""
    return torch.from_numpy(art).permute(2, 0, 1)[None].float() / 255
