"""The pixel sunglasses of "thug life": 16 by 5 blocks, drawn here so that the lens owes nothing to anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lensd.frames import U8

# K black, W white, . nothing. Few and big blocks: a block is then 10 pixels wide in the network's picture. With 24 by
# 8 blocks, 7 pixels each, the network rounded the steps off.
_BLOCKS = (
    "KKKKKKKKKKKKKKKK",
    ".KKWKWKKKKKWKWK.",
    ".KWKWKK..KWKWKK.",
    ".KKKKKK..KKKKKK.",
    "..KKKK....KKKK..",
)
_COLOUR = {"K": (12, 12, 14, 255), "W": (250, 250, 250, 255), ".": (0, 0, 0, 0)}
BLOCK_PX = 64


def draw() -> U8:
    """Return the sunglasses: (320, 1024, 4) uint8 RGB and matte, every block `BLOCK_PX` pixels a side."""
    blocks = np.array([[_COLOUR[block] for block in row] for row in _BLOCKS], np.uint8)
    return blocks.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)
