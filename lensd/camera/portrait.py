"""The demo's material: a person, cut out, and the room behind her, both as planes.

The portrait is NASA's, of Eileen Collins, public domain, as scikit-image brings it (`skimage.data.astronaut`). It is
read from the installed package without importing that (15 ms, where `import skimage.data` takes 0.4 s). The matte
beside this file is ours (scripts/make_portrait_matte.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from lensd.camera.still import picture_of
from lensd.errors import CameraMissing

if TYPE_CHECKING:
    from lensd.frames import F32, U8, Picture

SIDE = 512
_ROOM_BLUR = 3.5  # of the portrait's pixels: a lens that is focused on the person
_MOST_SPREAD = 8
_NEVER_ZERO = np.float32(1e-3)


@dataclass(frozen=True)
class Portrait:
    """A person to be laid over a room, SIDE x SIDE pixels.

    Attributes:
        luma: (S, S, 2) uint8, the luma under the matte (premultiplied), and 255 less the matte.
        chroma: (S / 2, S / 2, 3) uint8, both chromas likewise, and 255 less the matte.
        room: (S, S, 3) uint8 RGB, what is behind the person, filled in where she stands, out of focus.
    """

    luma: U8
    chroma: U8
    room: U8


def load_portrait() -> Portrait:
    """Return the portrait.

    Raises:
        CameraMissing: scikit-image, which has it, is not installed.
    """
    rgb = _photograph()
    with (
        files("lensd.camera").joinpath("portrait.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as archive,
    ):
        matte: U8 = archive["matte"]
    planes = picture_of(rgb)
    half = cv2.resize(matte, (SIDE // 2, SIDE // 2), interpolation=cv2.INTER_AREA)
    luma = np.dstack([cv2.multiply(planes.y, matte, scale=1 / 255), 255 - matte])
    u, v = (cv2.multiply(plane, half, scale=1 / 255) for plane in (planes.u, planes.v))
    return Portrait(luma, np.dstack([u, v, 255 - half]), _room(rgb, matte))


def _photograph() -> U8:
    spec = find_spec("skimage")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "data" / "astronaut.png"
        if path.is_file():
            with Image.open(path) as picture:
                if picture.size == (SIDE, SIDE):
                    return np.asarray(picture.convert("RGB"))
    raise CameraMissing("the demo camera", "its portrait comes with scikit-image", "pip install 'snaplens[demo]'")


def _room(rgb: U8, matte: U8) -> U8:
    """Return the photograph with the person replaced by what is round her, from near to far."""
    weight: F32 = np.divide(255 - cv2.dilate(matte, np.ones((9, 9), np.uint8)), 255, dtype=np.float32)[..., None]
    premultiplied: F32 = np.multiply(rgb, weight, dtype=np.float32)
    filled, total = premultiplied.copy(), weight.copy()
    for spread in range(1, _MOST_SPREAD):
        colour, share = _spread(premultiplied, spread), _spread(weight, spread)[..., None]
        room_left = (1 - np.clip(total, 0, 1)) * np.clip(share * 4, 0, 1)
        filled += room_left * colour / np.maximum(share, _NEVER_ZERO)
        total += room_left
    filled /= np.maximum(total, _NEVER_ZERO)
    return np.clip(cv2.GaussianBlur(filled, (0, 0), _ROOM_BLUR), 0, 255).astype(np.uint8)


def _spread(picture: F32, spread: int) -> F32:
    size = SIDE >> spread
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    wide = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.2), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return np.asarray(wide, np.float32)


def room_picture(room: U8, width: int, height: int) -> Picture:
    """Return the room filling a picture of even size, mirrored where the photograph ends, darker at the edges."""
    scale = max(1.49 * height / SIDE, width / SIDE / 1.19)
    to_picture = np.array([[scale, 0, width / 2 - scale * SIDE * 0.5], [0, scale, height / 2 - scale * SIDE * 0.38]])
    rgb = cv2.warpAffine(room, to_picture, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    light = 0.92 - 0.16 * (x * x + y * y) / 2
    return picture_of(np.clip(rgb * light[..., None], 0, 255).astype(np.uint8))
