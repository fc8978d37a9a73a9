"""Which network a student is: one that paints all by itself, wears a canvas, or hatches; its art says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.canvas import CanvasGenerator, canvas_tensor
from trainer.generator import Generator
from trainer.hatched import HatchedGenerator, sheet_tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from trainer.pairs import Pairs

ART = ("canvas", "sheet")
"""The constants of a network that are art, as its state names them: what it wears, or what it hatches with."""


def network_of(widths: tuple[int, ...], blocks: int, art: Mapping[str, Tensor]) -> Generator:
    """Return a network that has that art, or where there is none paints all by itself; other names do not count."""
    if (canvas := art.get("canvas")) is not None:
        return CanvasGenerator(widths, blocks, canvas)
    if (sheet := art.get("sheet")) is not None:
        return HatchedGenerator(widths, blocks, sheet)
    return Generator(widths, blocks)


def art_of(pairs: Pairs) -> dict[str, Tensor]:
    """Return the art of a network that learns from `pairs`."""
    if pairs.canvas is not None:
        return {"canvas": canvas_tensor(pairs.canvas)}
    return {} if pairs.tones is None else {"sheet": sheet_tensor(pairs.crop.size_px)}
