"""Which network a student is: one that paints all by itself, wears a canvas, hatches, or paints flat: by its art."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from trainer import canvas, flat, hatched
from trainer.canvas import CanvasGenerator, canvas_tensor
from trainer.flat import FlatGenerator
from trainer.flattening import INK
from trainer.generator import Generator
from trainer.hatched import HatchedGenerator, sheet_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trainer.pairs import Pairs

ART = ("canvas", "sheet", "ink")
"""The constants of a network that are art, as its state names them: what it wears, hatches with, or draws lines in."""


def network_of(widths: tuple[int, ...], blocks: int, art: Mapping[str, Tensor]) -> Generator:
    """Return a network that has that art, or where there is none paints all by itself; other names do not count."""
    if "canvas" in art:
        return CanvasGenerator(widths, blocks, art["canvas"])
    if "sheet" in art:
        return HatchedGenerator(widths, blocks, art["sheet"])
    if "ink" in art:
        return FlatGenerator(widths, blocks, art["ink"])
    return Generator(widths, blocks)


def art_of(pairs: Pairs) -> dict[str, Tensor]:
    """Return the art of a network that learns from `pairs`."""
    if pairs.canvas is not None:
        return {"canvas": canvas_tensor(pairs.canvas)}
    if pairs.finish == "hatched":
        return {"sheet": sheet_tensor(pairs.crop.size_px)}
    return {"ink": torch.tensor(INK).reshape(1, 3, 1, 1) / 255} if pairs.finish == "flat" else {}


def blank_art(channels: int, size_px: int) -> dict[str, Tensor]:
    """Return art of the kind that belongs to a head of so many channels, empty, for a lens of `size_px`."""
    shapes = {canvas.MAPS: ("canvas", (1, 4, size_px, size_px)), hatched.CHANNELS: ("sheet", (1, 1, size_px, size_px))}
    shapes[flat.CHANNELS] = ("ink", (1, 3, 1, 1))
    if channels not in shapes:
        return {}
    name, shape = shapes[channels]
    return {name: torch.zeros(shape)}


def head_from_painter(own: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the head that a student with the state `own` makes of that of one that paints all by itself, if any."""
    makes = hatched.head_of if "sheet" in own else flat.head_of if "ink" in own else None
    if makes is None:
        return {}
    return dict(zip(("head.weight", "head.bias"), makes(known["head.weight"], known["head.bias"]), strict=True))
