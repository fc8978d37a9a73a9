"""What is to be painted on a face of a folder of pairs, as its teacher would: on the square, and on the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import render_crop
from trainer.finish import finished
from trainer.hatching import SIDE_PX

if TYPE_CHECKING:
    from lensd.frames import U8, Affine
    from trainer.pairs import Pairs


def painted_crop(pairs: Pairs, index: int, to_window: Affine, size: int) -> U8:
    """Return what is to be painted on a face's crop: (size, size, 4) uint8 RGB and matte, straight alpha.

    Args:
        pairs: of either kind.
        index: which face.
        to_window: (2, 3), the crop's pixels to the window's.
        size: pixels a side of the crop.
    """
    if pairs.after is None or pairs.mattes is None:
        return render_crop(pairs.stickers, apply(invert(to_window), pairs.points[index, :, :2]), size)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    drawn = np.empty((size, size, 4), np.uint8)
    drawn[..., :3] = cv2.warpAffine(pairs.after[index], to_window, (size, size), flags=flags)
    drawn[..., 3] = cv2.warpAffine(pairs.mattes[index], to_window, (size, size), flags=flags)
    if pairs.finish is not None and pairs.planes is not None:
        plane = cv2.warpAffine(pairs.planes[index], to_window, (size, size), flags=flags).astype(np.uint8, copy=False)
        drawn[..., :3] = finished(pairs.finish, drawn[..., :3], plane)
    return drawn


def painted_window(pairs: Pairs, index: int) -> U8 | None:
    """Return the same on a face's window, (WINDOW_PX, WINDOW_PX, 4) uint8; None where B was not given."""
    if pairs.after is None or pairs.mattes is None:
        return None
    after = pairs.after[index]
    if pairs.finish is not None and pairs.planes is not None:
        to_window = crop_to_picture(pairs.points[index], SIDE_PX, pairs.crop.side, pairs.crop.up)
        after = finished(pairs.finish, after, pairs.planes[index], to_window)
    return np.dstack([after, pairs.mattes[index]])
