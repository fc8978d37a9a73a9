"""The one person whose picture may be shown: NASA's portrait of Eileen Collins, public domain, in scikit-image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import ConfigError
from lensd.lens.align import apply, crop_to_picture, similarity, template_points

if TYPE_CHECKING:
    from lensd.frames import F32, U8

# The pupils, placed by hand, pixels of the 512x512 portrait.
_PUPILS = np.array([[203.3, 100.0], [246.7, 102.7]], np.float32)
_IRIS = (468, 473)


def portrait() -> tuple[U8, F32]:
    """Return the portrait, (512, 512, 3) uint8 RGB, and the face template laid on its pupils, (478, 3).

    Raises:
        ConfigError: scikit-image is not installed.
    """
    try:
        from skimage.data import astronaut  # only previews and golden pictures need it
    except ImportError as error:
        raise ConfigError("the portrait", "needs scikit-image", "pip install 'snaplens[demo]'") from error
    points = template_points()
    to_picture = similarity(points[_IRIS, :2], _PUPILS)
    scale = float(np.hypot(to_picture[0, 0], to_picture[1, 0]))
    placed = np.column_stack([apply(to_picture, points[:, :2]), points[:, 2] * scale])
    picture: U8 = astronaut()  # type: ignore[no-untyped-call]
    return picture, placed.astype(np.float32)


def cut(photo: U8, points: F32, size: int, side: float, up: float) -> tuple[U8, F32]:
    """Cut a face's square: (size, size, 3) uint8, and the affine from its pixels to the photograph's."""
    to_photo = crop_to_picture(points, size, side, up)
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(photo, to_photo, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), to_photo
