"""A lens on a photograph, in the photograph's own pixels: what the lens does not paint stays as it was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from lensd.camera.still import open_still, picture_of, rgb_of
from lensd.composite.blend import MATTE_FLOOR
from lensd.composite.depth import far_to_near
from lensd.composite.region import Region, region_under
from lensd.errors import MediaError
from lensd.face.patient import track_still

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8, Layer
    from lensd.ports import FaceTracker, Lens

_FINER_MAX = 8
_SAVE: dict[str, tuple[str, dict[str, object]]] = {
    ".png": ("PNG", {}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
}


@dataclass(frozen=True, slots=True)
class Painted:
    """A photograph with a lens on it, upright, 8 bits a channel.

    Attributes:
        rgb: (H, W, 3) uint8.
        alpha: (H, W) uint8; None where it is opaque.
        profile: its colour profile; None without one.
        faces: how many were found.
    """

    rgb: U8
    alpha: U8 | None
    profile: bytes | None
    faces: int

    def save(self, target: Path, source: Path) -> None:
        """Write it, with its transparency and colour profile; other metadata (place, camera) is left behind.

        Args:
            target: its suffix chooses the format.
            source: for the sentence.

        Raises:
            MediaError: JPEG cannot hold its transparency.
            OSError: `target` cannot be written.
        """
        kind, options = _SAVE[target.suffix.lower()]
        if self.alpha is not None and kind == "JPEG":
            raise MediaError(str(source), "has transparency, which JPEG cannot hold", "name the output .png or .webp")
        pixels = self.rgb if self.alpha is None else np.dstack([self.rgb, self.alpha])
        profile = {"icc_profile": self.profile} if self.profile else {}
        Image.fromarray(pixels).save(target, kind, **options, **profile)


def paint_still(lens: Lens, tracker: FaceTracker, source: Path) -> Painted:
    """Return `source` with the lens on every face that the tracker finds.

    Args:
        lens: draws each face.
        tracker: finds them.
        source: PNG, JPEG or WebP.

    Raises:
        MediaError: `source` cannot be read.
        EngineError: the network could not be run.
    """
    opened = open_still(source)
    rgb = rgb_of(opened).copy()
    picture = picture_of(rgb)
    faces = track_still(tracker, picture)
    for face in far_to_near(faces):
        if (layer := lens.draw(picture, face)) is not None:
            lay(rgb, layer)
    # A profile for CMYK or grey says nothing about RGB.
    profile = opened.info.get("icc_profile") if opened.mode in ("RGB", "RGBA", "P", "PA") else None
    return Painted(rgb, _alpha(opened), profile, len(faces))


def lay(rgb: U8, layer: Layer) -> Region | None:
    """Draw `layer` over `rgb` (H, W, 3) in place, "over"; pixels under a matte of zero keep their bytes.

    Returns:
        The rectangle that was written; None where nothing was.
    """
    height, width = rgb.shape[:2]
    patch = layer.rgba.copy()
    patch[patch[..., 3] <= MATTE_FLOOR] = 0
    box = Region(*cv2.boundingRect(patch[..., 3]))
    region = region_under(box, layer.to_picture, width + width % 2, height + height % 2) if box.width else None
    if region is None:
        return None
    premultiplied = patch.astype(np.float32) / 255
    premultiplied[..., :3] *= premultiplied[..., 3:]
    to_picture = layer.to_picture.astype(np.float64) - [[0, 0, region.x], [0, 0, region.y]]
    # Drawn smaller than the patch: drawn finer first, then averaged, so that no detail falls between the pixels.
    scale = math.sqrt(abs(float(np.linalg.det(to_picture[:, :2]))))
    finer = min(max(1, math.ceil(1 / scale)), _FINER_MAX)
    to_fine = to_picture * finer
    to_fine[:, 2] += (finer - 1) / 2
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    drawn = cv2.warpAffine(premultiplied, to_fine, (region.width * finer, region.height * finer), flags=flags)
    drawn = cv2.resize(drawn, (region.width, region.height), interpolation=cv2.INTER_AREA)
    under = rgb[region.y : region.y + region.height, region.x : region.x + region.width]
    drawn = drawn[: under.shape[0], : under.shape[1]]  # an odd picture ends inside the even region
    matte = np.clip(drawn[..., 3:], 0, 1)
    blended = under * (1 - matte) + 255 * np.clip(drawn[..., :3], 0, matte)
    under[:] = np.where(matte > 0, np.rint(blended), under)
    return region


def _alpha(picture: Image.Image) -> U8 | None:
    """Return the transparency, (H, W) uint8, or None where the picture is opaque."""
    if not picture.has_transparency_data:
        return None
    alpha = np.asarray(picture.convert("RGBA"), np.uint8)[..., 3]
    return alpha if alpha.min() < 255 else None
