"""RGB to CIE L*a*b* and back (sRGB, D65), for colouring grey pictures: L is the input, a and b are painted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

# IEC 61966-2-1: linear sRGB to XYZ; the white point is the sum of each row.
_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
_WHITE = (0.95047, 1.0, 1.08883)
_BEND = 6 / 29
_AB_MOST = 110.0  # of a and b over all of sRGB: -107..98


def lightness_and_colour(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Take pictures apart.

    Args:
        rgb: (n, 3, h, w) float32 in 0..1.

    Returns:
        L (n, 1, h, w) in -1..1, and a, b (n, 2, h, w) in -1..1 (divided by 110).
    """
    linear = torch.where(rgb > 0.04045, ((rgb.clamp_min(0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,njhw->nihw", linear.new_tensor(_TO_XYZ), linear)
    xyz = xyz / linear.new_tensor(_WHITE).view(3, 1, 1)
    bent = torch.where(xyz > _BEND**3, xyz.clamp_min(_BEND**3) ** (1 / 3), xyz / (3 * _BEND**2) + 4 / 29)
    x, y, z = bent[:, 0:1], bent[:, 1:2], bent[:, 2:3]
    return (116 * y - 16) / 50 - 1, torch.cat([500 * (x - y), 200 * (y - z)], 1) / _AB_MOST


def rgb_of_lab(lightness: Tensor, colour: Tensor) -> Tensor:
    """Put together what `lightness_and_colour` took apart: (n, 3, h, w) in 0..1, clipped to what sRGB can show."""
    y = ((lightness + 1) * 50 + 16) / 116
    a, b = (colour * _AB_MOST).chunk(2, dim=1)
    bent = torch.cat([y + a / 500, y, y - b / 200], 1)
    xyz = torch.where(bent > _BEND, bent**3, 3 * _BEND**2 * (bent - 4 / 29))
    xyz = xyz * bent.new_tensor(_WHITE).view(3, 1, 1)
    linear = torch.einsum("ij,njhw->nihw", torch.linalg.inv(bent.new_tensor(_TO_XYZ)), xyz).clamp(0, 1)
    return torch.where(linear > 0.0031308, 1.055 * linear.clamp_min(0.0031308) ** (1 / 2.4) - 0.055, 12.92 * linear)
