"""One photograph to one training sample: move, turn, dress and spoil it, then draw the sticker on the moved points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import apply, crop_to_picture, invert, mirror_index
from lensd.lens.overlay import render_premultiplied
from trainer.finish import finished
from trainer.jaw import open_mouth
from trainer.props import wear_glasses, wear_occluder
from trainer.spoil import degrade, relight, spoil
from trainer.turn import turn
from trainer.window import WINDOW_SIDE

if TYPE_CHECKING:
    from lensd.frames import F32, U8, Affine
    from trainer.pairs import Pairs


@dataclass(frozen=True, slots=True)
class Strength:
    """How far a sample strays; shares are probabilities.

    Attributes:
        scale, shift, roll_deg: half-widths of the crop's jitter: log scale, share of the side, degrees.
        wide: share of the samples whose crop strays so far, as where a tracker has just found a face.
        near: how far the others stray, of that: as behind a tracker that follows.
        mirrored: share of the samples that are; 0 where left and right of what is painted are not alike: by lamps from
            the left, mirrored in every second sample, a bronze was taught to be flat.
        turn_deg: standard deviation of the head's extra yaw; extra pitch has half of it.
        turned, sunglasses, glasses, occluded, spoiled: shares of the samples.
        opened: share of the samples whose mouth is opened, where a sticker waits for that.
        nudge: (2, 3), the sample's pixels to those of the sample that comes of the same chance without it: a face that
            moved a little between two frames.
    """

    scale: float = 0.17
    shift: float = 0.08
    roll_deg: float = 25.0
    wide: float = 0.5
    near: float = 0.25
    mirrored: float = 0.5
    turn_deg: float = 18.0
    turned: float = 0.5
    sunglasses: float = 0.20
    glasses: float = 0.10
    occluded: float = 0.15
    spoiled: float = 0.8
    opened: float = 0.4
    nudge: Affine | None = None


def sample(
    pairs: Pairs, index: int, size: int, rng: np.random.Generator, strength: Strength | None = None
) -> tuple[U8, U8, F32]:
    """Make one sample.

    Args:
        pairs: the opened folder.
        index: which picture.
        size: pixels a side.
        rng: all chance comes from it.
        strength: how far it strays.

    Returns:
        (size, size, 3) uint8 RGB, what the network sees; (size, size, 4) uint8 RGB and matte, what it shall draw,
        colour multiplied by matte; and the mesh in the sample's pixels, (478, 3) float32.
    """
    strength = strength or Strength()
    if pairs.after is not None and pairs.mattes is not None:
        return moved_pair(pairs, pairs.after[index], pairs.mattes[index], index, size, rng, strength)
    photo, points = moved_photo(pairs, index, size, rng, strength)
    return photo, render_premultiplied(pairs.stickers, points, size), points


def moved_photo(pairs: Pairs, index: int, size: int, rng: np.random.Generator, strength: Strength) -> tuple[U8, F32]:
    """Make the photograph's part of a sample: (size, size, 3) uint8 RGB and the (478, 3) mesh in its pixels."""
    shrink = pairs.crop.side / WINDOW_SIDE * pairs.photos.shape[1] / size
    photo, points = (pairs.soft if shrink > 1.5 else pairs.photos)[index], pairs.points[index]
    if any(sticker.when == "mouth-open" for sticker in pairs.stickers) and rng.random() < strength.opened:
        photo, points = open_mouth(photo, points, rng.uniform(0.02, 0.24), rng.uniform(0.5, 2.0))
    grid, placed = _moved(pairs, points, size, rng, strength)
    border = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE)[int(rng.integers(2))]
    crop = _seen_through(photo, grid, border)
    chance = rng.random()
    if chance < strength.sunglasses + strength.glasses:
        wear_glasses(crop, placed, rng, dark=chance < strength.sunglasses)
    if rng.random() < strength.occluded:
        other = pairs.photos[int(rng.integers(len(pairs.photos)))]
        wear_occluder(crop, placed, other, rng)
    if rng.random() < strength.spoiled:
        crop = spoil(crop, rng)
    return crop, placed


def moved_pair(
    pairs: Pairs, after: U8, matte: U8, index: int, size: int, rng: np.random.Generator, strength: Strength
) -> tuple[U8, U8, F32]:
    """Make a sample where B was given: A and B are moved and lit alike, then A alone is degraded.

    Nothing is worn or held before the face: nobody knows what B would show of it.

    Returns:
        As `sample`.
    """
    grid, points = _moved(pairs, pairs.points[index], size, rng, strength)
    border = (cv2.BORDER_REFLECT_101, cv2.BORDER_REPLICATE)[int(rng.integers(2))]
    shrink = pairs.crop.side / WINDOW_SIDE * pairs.photos.shape[1] / size
    photo = _seen_through((pairs.soft if shrink > 1.5 else pairs.photos)[index], grid, border)
    target = np.empty((size, size, 4), np.uint8)
    plane = None if pairs.planes is None else _seen_through(pairs.planes[index], grid, border)
    drawn, target[..., 3] = _seen_through(after, grid, border), _seen_through(matte, grid, cv2.BORDER_CONSTANT)
    if rng.random() < strength.spoiled:
        light_up = relight(size, rng)
        photo = degrade(light_up(photo), rng)
        drawn = drawn if pairs.finish == "hatched" else light_up(drawn)  # paper stays white in any light
    if pairs.finish is not None and plane is not None:
        drawn = finished(pairs.finish, drawn, plane)
    target[..., :3] = (drawn.astype(np.uint16) * target[..., 3:] + 127) // 255
    return photo, target, points


def _moved(pairs: Pairs, points: F32, size: int, rng: np.random.Generator, strength: Strength) -> tuple[F32, F32]:
    """Choose a sample's place: for each of its pixels where in the window it lies, (size, size, 2), and its mesh."""
    width = pairs.photos.shape[2]
    mirrored = rng.random() < strength.mirrored
    if mirrored:
        points = (points[mirror_index()] * (-1, 1, 1) + (width - 1, 0, 0)).astype(np.float32)
    displacement = None
    if rng.random() < strength.turned:
        yaw = float(np.clip(rng.normal(0, strength.turn_deg), -34, 34))
        pitch = float(np.clip(rng.normal(0, strength.turn_deg / 2), -15, 15))
        points, displacement = turn(points, width, yaw, pitch)
    to_window = _jittered_crop(pairs, points, size, rng, strength)
    grid = _grid(size, to_window)
    if displacement is not None:
        field = cv2.remap(displacement, *_grid_scaled(grid, displacement.shape[0] / width), cv2.INTER_LINEAR)
        grid = grid + field
    if mirrored:
        grid[..., 0] = width - 1 - grid[..., 0]
    to_crop = invert(to_window)
    scale = float(np.hypot(to_crop[0, 0], to_crop[1, 0]))
    placed = np.column_stack([apply(to_crop, points[:, :2]), points[:, 2] * scale]).astype(np.float32)
    return grid, placed


def _seen_through(picture: U8, grid: F32, border: int) -> U8:
    warped = cv2.remap(picture, grid[..., 0], grid[..., 1], cv2.INTER_LINEAR, borderMode=border)
    return warped.astype(np.uint8, copy=False)


def _jittered_crop(pairs: Pairs, points: F32, size: int, rng: np.random.Generator, strength: Strength) -> F32:
    """Return crop pixels to window pixels."""
    reach = 1.0 if rng.random() < strength.wide else strength.near
    scale, angle = np.exp(rng.uniform(-1, 1) * strength.scale * reach), rng.uniform(-1, 1) * strength.roll_deg * reach
    shift = rng.uniform(-1, 1, 2) * strength.shift * size * reach
    centre = (size - 1) / 2
    turned = cv2.getRotationMatrix2D((centre, centre), angle, scale)
    turned[:, 2] = turned[:, 2] + shift
    exact = crop_to_picture(points, size, pairs.crop.side, pairs.crop.up)
    whole = np.vstack([turned, [0, 0, 1]])
    if strength.nudge is not None:
        whole = whole @ np.vstack([strength.nudge, [0, 0, 1]])
    return np.asarray(exact.astype(np.float64) @ whole, np.float32)


def _grid(size: int, affine: F32) -> F32:
    x, y = np.meshgrid(np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32))
    return np.stack(
        [affine[0, 0] * x + affine[0, 1] * y + affine[0, 2], affine[1, 0] * x + affine[1, 1] * y + affine[1, 2]], -1
    )


def _grid_scaled(grid: F32, factor: float) -> tuple[F32, F32]:
    return (grid[..., 0] + 0.5) * np.float32(factor) - 0.5, (grid[..., 1] + 0.5) * np.float32(factor) - 0.5
