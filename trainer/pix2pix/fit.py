"""How a picture of any size becomes one to train on: pytorch-CycleGAN-and-pix2pix's `preprocess`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import MediaError
from trainer.pix2pix.generators import stride_of

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

    from lensd.frames import U8
    from trainer.pix2pix.options import Options

_GREYS = (1, 2)
ALPHAS = (2, 4)


@dataclass(frozen=True, slots=True)
class Fit:
    """What is done to each picture once, when it is read.

    Attributes:
        how: "square" (scaled to `side` by `side`), "width" (scaled to a width of `side`), or "own" size.
        side: px.
        least: both sides have at least so many px, or it is refused ("width": it is made so high).
        multiple: both sides are rounded to multiples of this.
    """

    how: str
    side: int
    least: int = 1
    multiple: int = 1

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height, px, that a picture of `width` by `height` is scaled to."""
        if self.how == "square":
            return self.side, self.side
        if self.how == "width":
            width, height = self.side, max(round(height * self.side / width), self.least)
        wide, high = (max(round(side / self.multiple), 1) * self.multiple for side in (width, height))
        return wide, high

    def scaled(self, picture: U8, path: Path) -> U8:
        """Return `picture` (h, w, c) uint8 at its new size: shrunk by areas, enlarged by cubics.

        Raises:
            MediaError: smaller than `least`; it names `path`.
        """
        height, width = picture.shape[:2]
        if self.how == "own" and min(height, width) < self.least:
            why = f"{width}x{height} is smaller than the crop of {self.least}"
            raise MediaError(str(path), why, "a smaller --crop-size, or --preprocess resize_and_crop")
        wide, high = self.size(width, height)
        if (wide, high) == (width, height):
            return picture
        how = cv2.INTER_AREA if width > wide or height > high else cv2.INTER_CUBIC
        resized = cv2.resize(np.ascontiguousarray(picture), (wide, high), interpolation=how)
        return np.asarray(resized, np.uint8).reshape(high, wide, picture.shape[2])


def fit_to_train(options: Options) -> Fit:
    """Return how pictures are read to be taught from: crops are cut from what comes out, unless `options.whole`."""
    whole = stride_of(options.generator)
    return {
        "resize_and_crop": Fit("square", options.scale_size),
        "crop": Fit("own", 0, options.crop_size),
        "scale_width": Fit("width", options.scale_size, options.crop_size, whole),
        "scale_width_and_crop": Fit("width", options.scale_size, options.crop_size),
        "none": Fit("own", 0, 1, whole),
    }[options.preprocess]


def fit_to_test(options: Options) -> Fit:
    """Return how pictures are read to be painted whole: squares where it was taught squares of scaled pictures."""
    if options.preprocess == "resize_and_crop":
        return Fit("square", options.crop_size)
    return replace(fit_to_train(options), least=1, multiple=stride_of(options.generator))


def channels_of(picture: Image.Image, rgb: U8, channels: int) -> U8:
    """Return (h, w, channels) uint8: grey (1), grey and alpha (2), RGB (3) or RGBA (4).

    Args:
        picture: whose alpha is taken; where it has none all is opaque.
        rgb: its colours, (h, w, 3).
        channels: 1..4.
    """
    colours = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None] if channels in _GREYS else rgb
    if channels not in ALPHAS:
        return np.asarray(colours, np.uint8)
    alpha = np.asarray(picture.convert("RGBA"), np.uint8)[..., 3:]
    return np.concatenate([colours, alpha], axis=2)
