"""How good a generator is on people it has not seen, while it trains; `lensd evaluate` measures the finished lens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from lensd.lens.align import apply, crop_to_picture, invert
from trainer.truth import painted_crop

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.generator import Generator
    from trainer.pairs import Pairs


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over held-out faces.

    Attributes:
        faces: how many.
        iou_mean, iou_p5: overlap of the mattes, cut at 0.5, with the drawn ones: mean and 5th percentile.
        iou_turned: mean over heads turned by over 20 degrees; 0 where there are none.
        fired: share with an overlap above 0.5.
        outside: mean change of pixels farther than 4 px from the sticker, 0..255.
        inside: mean error of the finished picture under the sticker, 0..1.
    """

    faces: int
    iou_mean: float
    iou_p5: float
    iou_turned: float
    fired: float
    outside: float
    inside: float


def centred(pairs: Pairs, index: int, size: int) -> tuple[U8, U8, F32]:
    """Return a face's crop as the live path cuts it, the drawing for it, and the mesh in its pixels."""
    to_window = crop_to_picture(pairs.points[index], size, pairs.crop.side, pairs.crop.up)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    photo = cv2.warpAffine(pairs.photos[index], to_window, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    points = apply(invert(to_window), pairs.points[index, :, :2])
    return photo.astype(np.uint8, copy=False), painted_crop(pairs, index, to_window, size), points


@torch.no_grad()
def paint(network: Generator, photos: U8) -> U8:
    """Run the network: (n, S, S, 3) uint8 to (n, S, S, 4) uint8 colour and matte."""
    network.eval()
    x = torch.from_numpy(photos).to(next(network.parameters()).device).permute(0, 3, 1, 2).float().div_(255)
    out = torch.sigmoid(network(x)).mul_(255).round_().to(torch.uint8)
    return np.ascontiguousarray(out.permute(0, 2, 3, 1).cpu().numpy())


def measure(network: Generator, pairs: Pairs, size: int) -> Figures:
    """Measure on everybody held out, at `size` pixels."""
    overlaps, turned, outsides, insides = [], [], [], []
    for index in np.flatnonzero(pairs.held_out):
        photo, truth, _ = centred(pairs, int(index), size)
        painted = paint(network, photo[None])[0]
        overlap, outside, inside = compare(photo, painted, truth)
        overlaps.append(overlap)
        outsides.append(outside)
        insides.append(inside)
        if abs(pairs.yaw[index]) > 20:
            turned.append(overlap)
    overlaps_array = np.array(overlaps or [0.0])
    return Figures(
        faces=len(overlaps),
        iou_mean=float(overlaps_array.mean()),
        iou_p5=float(np.percentile(overlaps_array, 5)),
        iou_turned=float(np.mean(turned)) if turned else 0.0,
        fired=float((overlaps_array > 0.5).mean()),
        outside=float(np.mean(outsides or [0.0])),
        inside=float(np.mean(insides or [0.0])),
    )


def compare(photo: U8, painted: U8, truth: U8) -> tuple[float, float, float]:
    """Return overlap at 0.5, mean change outside (0..255) and mean error inside (0..1) of one painted crop."""
    mine, drawn = painted[..., 3] >= 128, truth[..., 3] >= 128
    overlap = float((mine & drawn).sum() / max((mine | drawn).sum(), 1))
    far = cv2.dilate(truth[..., 3], np.ones((9, 9), np.uint8)) == 0
    finished, ideal = _over(photo, painted), _over(photo, truth)
    outside = float(np.abs(finished - photo)[far].mean()) if far.any() else 0.0
    inside = float(np.abs(finished - ideal)[drawn].mean() / 255) if drawn.any() else 0.0
    return overlap, outside, inside


def _over(photo: U8, rgba: U8) -> F32:
    matte = rgba[..., 3:].astype(np.float32) / 255
    return np.asarray(photo * (1 - matte) + rgba[..., :3] * matte, np.float32)
