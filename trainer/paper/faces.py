"""Pairs label map | photograph from photographs of faces and their meshes; and invented faces, which nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import ConfigError
from lensd.evaluation.faces import IMAGES_NAME, read_faces
from lensd.lens.align import apply, crop_to_picture, invert, mirror_index, template_points
from trainer.dataset.write import write_png
from trainer.pairs import is_held_out
from trainer.paper.label_map import coloured, draw_classes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32, U8

SIDE, UP = 1.25, 0.05  # face units of the square, and how far its middle lies above the face's
CROP_PX, SCALE_PX = 128, 143  # what is painted; what crops are cut from at random, as 256 from 286


def cut_pair(photo: U8, points: F32, size: int) -> tuple[U8, U8]:
    """Cut a face's square as the live path does, and draw its label map.

    Args:
        photo: (H, W, 3) uint8 RGB.
        points: (478, 3), mesh in its pixels.
        size: px; more than `CROP_PX` shows more round the face at the same scale, a margin for crops at random.

    Returns:
        The photograph (size, size, 3) uint8 RGB and the map's class indices (size, size).
    """
    to_photo = crop_to_picture(points, size, SIDE * size / CROP_PX, UP)
    shrinks = float(np.hypot(to_photo[0, 0], to_photo[1, 0]))
    if shrinks > 1:  # warping alone would alias
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.4 * shrinks), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    square = cv2.warpAffine(photo, to_photo, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(square, np.uint8), draw_classes(apply(invert(to_photo), points[:, :2]), size)


def make_pairs(faces: Path, out: Path, tell: Callable[[int, int], None] = lambda _done, _of: None) -> tuple[int, int]:
    """Write `out/train/NAME.png` at 143 px and `out/test/NAME.png` at 128 px, label map left, photograph right.

    Who is held out follows from the person's name, as for the lenses.

    Args:
        faces: folder with `images/`, `mesh478.npz` and `index.csv` with a column `person`.
        out: folder to write.
        tell: is given how many are done, and of how many.

    Returns:
        Number of pairs to train and to test with.

    Raises:
        MediaError: no such folder, a picture that cannot be read, or `out` cannot be written.
        ConfigError: it is not said who is on a picture.
    """
    found = read_faces(faces).faces
    if nameless := next((face.file for face in found if not face.person), None):
        raise ConfigError(str(faces), f"does not say who is on {nameless}", "a column 'person' in index.csv")
    counts = {"train": 0, "test": 0}
    for number, face in enumerate(found):
        phase = "test" if is_held_out(face.person) else "train"
        photo = rgb_of(open_still(faces / IMAGES_NAME / face.file, upright=False))
        square, classes = cut_pair(photo, face.landmarks_px, CROP_PX if phase == "test" else SCALE_PX)
        path = out / phase / f"{face.file.rsplit('.', 1)[0]}.png"
        write_png(path, np.hstack([coloured(classes), square]))
        counts[phase] += 1
        tell(number + 1, len(found))
    return counts["train"], counts["test"]


def invented(seed: int, size: int = CROP_PX) -> U8:
    """Draw the label map of a face that nobody has: class indices (size, size).

    The mean face of `lensd.lens.align`, its parts made longer, wider and shifted by chance, both sides alike; a turn of
    up to 15 degrees; the mouth open or shut.
    """
    rng = np.random.default_rng(seed)
    points = template_points().astype(np.float64).copy()
    mirror = mirror_index()
    moved = np.zeros_like(points)
    for _ in range(6):  # smooth bumps
        middle = points[int(rng.integers(468))]
        near = np.exp(-np.square(points - middle).sum(1) / (2 * 0.18**2))
        moved += near[:, None] * rng.normal(0, [0.022, 0.03, 0.0])
    other = moved[mirror] * [-1, 1, 1]
    points += (moved + other) / 2 * 1.4
    points[:, 0] *= rng.uniform(0.93, 1.08)
    yaw = np.radians(rng.uniform(-15, 15))
    points[:, 0] = points[:, 0] * np.cos(yaw) + (points[:, 2] - points[:, 2].mean()) * np.sin(yaw)
    scale = size / SIDE
    middle_px = (size - 1) / 2
    pixels = points[:, :2] * scale + [middle_px, middle_px + UP * scale]
    return draw_classes(pixels.astype(np.float32), size)
