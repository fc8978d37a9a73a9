"""What webcams and bad light do to a picture: exposure, colour, blur, noise, few pixels, JPEG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import U8


def spoil(picture: U8, rng: np.random.Generator) -> U8:
    """Return a spoiled copy of `picture` (S, S, 3) uint8 RGB; every effect comes by its own chance from `rng`."""
    return degrade(relight(picture.shape[0], rng)(picture), rng)


def relight(size: int, rng: np.random.Generator) -> Callable[[U8], U8]:
    """Choose exposure, colour and light, and return what gives them to a picture (size, size, 3) uint8 RGB.

    What is painted after the face (pairs whose B was given) is lit with it; a sticker is not.
    """
    level = np.arange(256, dtype=np.float32) / 255
    gamma, gain = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(0, 0.2))
    if rng.random() < 0.15:
        gain *= rng.uniform(0.25, 0.7)  # a dim room
    white = np.exp(rng.normal(0, 0.08, 3))
    table = np.clip(level[:, None] ** gamma * gain * white * 255 + rng.normal(0, 6), 0, 255).astype(np.uint8)
    keep = float(rng.uniform(0, 1.4)) if rng.random() < 0.3 else None
    light = None
    if rng.random() < 0.3:  # light from one side
        coarse = np.exp(rng.normal(0, 0.35, (2, 2))).astype(np.float32)
        light = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)

    def light_up(picture: U8) -> U8:
        made: np.ndarray = cv2.LUT(picture, table.reshape(1, 256, 3))
        if keep is not None:
            grey = cv2.cvtColor(cv2.cvtColor(made, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
            made = cv2.addWeighted(made, keep, grey, 1 - keep, 0)
        if light is not None:
            made = np.clip(made * light[..., None], 0, 255)
        return made.astype(np.uint8, copy=False)

    return light_up


def degrade(picture: U8, rng: np.random.Generator) -> U8:
    """Return a copy of `picture` (S, S, 3) uint8 RGB as a poor lens, sensor and codec give it."""
    made: np.ndarray = picture
    size = picture.shape[0]
    chance = rng.random()
    if chance < 0.25:
        made = cv2.GaussianBlur(made, (0, 0), float(rng.uniform(0.3, 1.6)) * size / 160)
    elif chance < 0.35:
        length = max(int(rng.integers(3, 9)) * size // 160, 1)  # small pictures hardly smear
        kernel = np.zeros((length, length), np.float32)
        along = rng.uniform(0, np.pi)
        reach = np.array([np.cos(along), np.sin(along)]) * length / 2
        middle = np.array([length / 2, length / 2])
        start, end = (middle - reach).astype(int), (middle + reach).astype(int)
        cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
        made = cv2.filter2D(made, -1, kernel / max(float(kernel.sum()), 1.0))
    elif chance < 0.55:
        small = max(int(size * rng.uniform(0.25, 0.8)), 8)
        made = cv2.resize(made, (small, small), interpolation=cv2.INTER_AREA)
        made = cv2.resize(made, (size, size), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.4:
        noise = rng.standard_normal((size, size, 1 if rng.random() < 0.5 else 3), dtype=np.float32)
        made = np.clip(made + noise * rng.uniform(1, 12), 0, 255).astype(np.uint8)
    if rng.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 90))]
        _, data = cv2.imencode(".jpg", made, quality)
        made = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return made.astype(np.uint8, copy=False)
