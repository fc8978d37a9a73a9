"""Steadiness without video: a sample, and its *twin*, the same face moved by a pixel or two and drawn anew.

Source: Eilertsen, Mantiuk and Unger 2019, "Single-frame Regularization for Temporally Stable CNNs".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

    from lensd.frames import Affine
    from trainer.distil.losses import Painted, Wanted

# At 128 px the source moves by 2 px, 1 degree and 3 %; a tracker that stands still trembles less.
_SHIFT, _TURN_DEG, _ZOOM = 1.5 / 128, 1.0, 0.02


def nudge(size: int, rng: np.random.Generator) -> Affine:
    """Choose a small move: the affine, (2, 3) float32, from the twin's pixels to the sample's, both `size` a side."""
    turn, zoom = np.radians(rng.uniform(-1, 1) * _TURN_DEG), 1 + rng.uniform(-1, 1) * _ZOOM
    cos, sin = zoom * np.cos(turn), zoom * np.sin(turn)
    linear, middle = np.array([[cos, -sin], [sin, cos]]), np.full(2, (size - 1) / 2)
    shift = rng.uniform(-1, 1, 2) * _SHIFT * size
    return np.column_stack([linear, middle - linear @ middle + shift]).astype(np.float32)


def moved(planes: Tensor, moves: Tensor) -> tuple[Tensor, Tensor]:
    """Return planes (n, c, s, s) as the twins see them, and where that is known, (n, 1, s, s) of 0 and 1.

    Args:
        planes: the samples'.
        moves: (n, 2, 3), as from `nudge`.
    """
    size = planes.shape[-1]
    # grid_sample counts from -1 to 1 between the outer pixels' middles (align_corners): p = (q + 1) (s - 1) / 2.
    scale = 2 / (size - 1)
    linear = moves[:, :, :2]
    shift = scale * moves[:, :, 2] + linear.sum(2) - 1
    grid = functional.affine_grid(torch.cat([linear, shift[:, :, None]], 2), [len(planes), 1, size, size], True)
    inside = (grid.abs() <= 1).all(3)[:, None].to(planes.dtype)
    return functional.grid_sample(planes, grid, padding_mode="border", align_corners=True), inside


def warp_loss(painted: Painted, wanted: Wanted, moves: Tensor) -> Tensor:
    """|(y - Ty) - (y* - Ty*)| near what is drawn, and |a(Tx) - T a(x)|: both are 0 for a lens that moves with the face.

    The last k of the batch are twins of its first k; Ty is what was painted for them, Ty* what should have been.

    Args:
        painted, wanted: of the whole batch.
        moves: (k, 2, 3), of the twins.
    """
    k = len(moves)
    fault = painted.picture - wanted.picture
    near = wanted.near[:k]
    differs = (near * (fault[:k] - fault[-k:]).abs().mean(1, keepdim=True)).sum() / near.sum()
    carried, known = moved(painted.matte[:k], moves)
    slides = (known * (painted.matte[-k:] - carried).abs()).sum() / known.sum()
    return differs + slides
