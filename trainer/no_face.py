"""Pictures without a face, for the tracker's presence: pieces of photographs, and drawn patterns.

With pieces of photographs alone the network took 13 % of crops of other pictures (text, coins, grass) for faces.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.spoil import spoil

if TYPE_CHECKING:
    from lensd.frames import U8
    from trainer.pairs import Pairs

_FACE_SIDE = 1.5  # face units of a crop that shows a face


def nothing(pairs: Pairs, index: int, size: int, rng: np.random.Generator) -> U8:
    """Make a picture without a whole, upright face: (size, size, 3) uint8.

    Args:
        pairs: where photographs come from.
        index: which photograph.
        size: pixels a side.
        rng: all chance comes from it.
    """
    kind = rng.random()
    if kind < 0.30:
        return spoil(_pattern(size, rng), rng)
    length = float(np.linalg.norm(pairs.points[index, 152, :2] - pairs.points[index, 10, :2]))
    middle, width = pairs.points[index, :468, :2].mean(0), pairs.photos.shape[1]
    if kind < 0.42:  # so large a piece of the face that it is none
        place = pairs.points[index, int(rng.integers(468)), :2]
        piece = _cut(pairs, index, size, place, length * rng.uniform(0.2, 0.4), 0.6, rng)
    elif kind < 0.55:  # a corner of the photograph
        piece = _cut(pairs, index, size, rng.choice([0.14, 0.86], 2) * width, length * rng.uniform(0.2, 0.45), 3.2, rng)
    elif kind < 0.75:  # the face half outside
        side, direction = length * _FACE_SIDE * rng.uniform(0.75, 1.2), rng.uniform(0, 2 * np.pi)
        away = rng.uniform(0.55, 0.8) * side * np.array([np.cos(direction), np.sin(direction)])
        piece = _cut(pairs, index, size, middle + away, side, 0.6, rng)
    else:  # the whole face, cut into tiles that are shuffled
        piece = _cut(pairs, index, size, middle, length * _FACE_SIDE * rng.uniform(0.6, 1.2), 0.6, rng)
        piece = _shuffled(piece, int(rng.choice([2, 4])), rng)
    return spoil(piece, rng)


def _cut(
    pairs: Pairs, index: int, size: int, centre: np.ndarray, side: float, lean: float, rng: np.random.Generator
) -> U8:
    scale, angle = side / size, rng.uniform(-lean, lean)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    affine = np.column_stack([linear, centre - linear @ np.full(2, (size - 1) / 2)])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    piece = cv2.warpAffine(pairs.photos[index], affine, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return piece.astype(np.uint8, copy=False)


def _shuffled(picture: U8, across: int, rng: np.random.Generator) -> U8:
    tile = picture.shape[0] // across
    tiles = picture.reshape(across, tile, across, tile, 3).swapaxes(1, 2).reshape(-1, tile, tile, 3)
    order = rng.permutation(len(tiles))
    if (order == np.arange(len(tiles))).all():
        order = order[::-1]
    mixed = tiles[order].reshape(across, across, tile, tile, 3).swapaxes(1, 2)
    return np.ascontiguousarray(mixed.reshape(picture.shape))


def _pattern(size: int, rng: np.random.Generator) -> U8:
    """Draw clouds of colour with waves, grain, shapes or letters on them."""
    coarse = rng.uniform(0, 255, (int(rng.integers(1, 24)), int(rng.integers(1, 24)), 3)).astype(np.float32)
    if rng.random() < 0.5:
        coarse = coarse.mean(2, keepdims=True).repeat(3, 2) * rng.uniform(0.6, 1.0, 3).astype(np.float32)
    canvas = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    kind = rng.random()
    if kind < 0.25:  # waves
        y, x = np.mgrid[:size, :size].astype(np.float32)
        for _ in range(int(rng.integers(1, 5))):
            turn, pace = rng.uniform(0, np.pi), rng.uniform(0.03, 1.5)
            wave = np.sin((x * np.cos(turn) + y * np.sin(turn)) * pace + rng.uniform(0, 6))
            canvas = canvas + wave[..., None] * rng.uniform(10, 70)
    elif kind < 0.45:  # grain of some coarseness
        cells = int(rng.integers(size // 12, size))
        grain = rng.normal(0, rng.uniform(10, 70), (cells, cells, 1)).astype(np.float32)
        canvas = canvas + cv2.resize(grain, (size, size), interpolation=cv2.INTER_LINEAR)[..., None]
    elif kind < 0.8:  # round and straight things
        for _ in range(int(rng.integers(1, 40))):
            colour = tuple(float(v) for v in rng.uniform(0, 255, 3))
            place = (int(rng.integers(size)), int(rng.integers(size)))
            axes = (int(rng.integers(2, size // 3)), int(rng.integers(2, size // 3)))
            thick = int(rng.choice([-1, 1, 3]))
            if rng.random() < 0.7:
                cv2.ellipse(canvas, place, axes, float(rng.uniform(0, 180)), 0, 360, colour, thick, cv2.LINE_AA)
            else:
                cv2.rectangle(canvas, place, (place[0] + axes[0], place[1] + axes[1]), colour, thick)
    else:  # lines of letters
        high, ink = float(rng.uniform(0.25, 1.5)), tuple(float(v) for v in rng.uniform(0, 255, 3))
        for row in range(0, size, max(int(26 * high), 6)):
            letters = "".join(chr(int(c)) for c in rng.integers(33, 122, 30))
            start, thick = (int(rng.integers(-20, 10)), row), int(rng.integers(1, 3))
            cv2.putText(canvas, letters, start, cv2.FONT_HERSHEY_SIMPLEX, high, ink, thick, cv2.LINE_AA)
    return np.clip(canvas, 0, 255).astype(np.uint8)
