"""A comic's face: the skin in flat tones under a halftone of its own colour, black ink, bold lips; eyes stay alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.ink import drawn, edges
from trainer.art.light import light_on, skin_of
from trainer.art.mesh import LIPS, MOUTH, filled, open_parts, pixels_a_unit, surface, to_bytes
from trainer.art.paint import lay, outer_fade, painted, smooth_step

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_INK = (14, 11, 16)
_PITCH = 0.04  # face units between two dots
_LIGHTER, _VIVID = 1.2, 1.12
_LIP = (204, 40, 58)
_FINER = 3


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Paint a face as a comic's: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    size, unit = len(photo), pixels_a_unit(points)
    seen = surface(points, size)
    own, _ = skin_of(photo, points, seen)
    light = light_on(photo, points, seen)
    paper, printed = _tones(_local(photo, own, unit))
    even = cv2.bilateralFilter(cv2.GaussianBlur(light, (0, 0), 0.012 * unit), -1, 0.12, 0.025 * unit)
    dots = _dots(seen.place, np.asarray(0.13 + 0.95 * (1.06 - even), np.float32))
    colour = lay(paper, printed, dots)
    # A second, flat tone where it is dark, as a colourist lays it; and what is no skin at all keeps its own darkness.
    colour = lay(colour, printed * 0.62, 0.75 * (1 - smooth_step(np.asarray(even, np.float32), 0.6, 0.68)))
    colour = lay(colour, (255, 252, 246), 0.3 * smooth_step(np.asarray(even, np.float32), 1.12, 1.25))
    colour = lay(colour, _INK, 0.85 * (1 - smooth_step(light, 0.34, 0.42)))
    lips = np.clip(filled(points, LIPS, size, soft=0.7) - filled(points, MOUTH, size), 0, 1)
    colour = lay(colour, np.asarray(_LIP) * np.clip(0.55 + 0.5 * even, 0.6, 1.1)[..., None], 0.9 * lips)
    shine = smooth_step(np.asarray(even - cv2.GaussianBlur(even, (0, 0), 0.05 * unit), np.float32), 0.02, 0.07)
    colour = lay(colour, (255, 240, 240), 0.75 * lips * shine)
    lines = painted(drawn(), seen)[..., 0]
    colour = lay(colour, _INK, np.clip(np.maximum(edges(photo), lines), 0, 1))
    matte = outer_fade(points, seen, 0.07) * (1 - open_parts(points, size) * (1 - lines))
    return to_bytes(colour), to_bytes(255 * matte)


def _local(photo: U8, skin: F32, unit: float) -> F32:
    """Return the colours of skin, beard and hair without their light, (S, S, 3): evened towards the skin's own."""
    flat = cv2.pyrMeanShiftFiltering(photo, 0.05 * unit, 26, maxLevel=1)
    flat = cv2.GaussianBlur(flat, (0, 0), 0.012 * unit).astype(np.float32)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    luma, own = flat @ weights, float(skin @ weights)
    even = own * (np.clip(luma, 6, None) / own) ** 0.55
    lit = flat * (even / np.clip(luma, 6, None))[..., None]
    return np.asarray(0.4 * skin * (even / own)[..., None] + 0.6 * lit, np.float32)


def _tones(colour: F32) -> tuple[F32, F32]:
    """Return paper and print: a colour made lighter, and deeper and more vivid; (S, S, 3) each."""
    grey = (colour @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    paper = np.clip((grey + (colour - grey) * _VIVID) * _LIGHTER + 20, 0, 255)
    printed = np.clip((grey + (colour - grey) * 1.3) * np.array([0.93, 0.68, 0.62], np.float32), 0, 255)
    return np.asarray(paper, np.float32), np.asarray(printed, np.float32)


def _dots(place: F32, dark: F32) -> F32:
    """Return a halftone, (S, S) in 0..1, whose dots lie on the face and grow with `dark`, 0..1."""
    size = len(place)
    fine = cv2.resize(place, (size * _FINER,) * 2, interpolation=cv2.INTER_LINEAR)
    want = cv2.resize(np.clip(dark, 0, 1), (size * _FINER,) * 2, interpolation=cv2.INTER_LINEAR)
    turn = np.float32(2 * np.pi / _PITCH / np.sqrt(2))
    u, v = (fine[..., 0] + fine[..., 1]) * turn, (fine[..., 0] - fine[..., 1]) * turn
    screen = 0.5 + 0.25 * (np.cos(u) + np.cos(v))  # 1 at a dot's middle; round when small, joined when large
    on = np.clip((screen - (1 - want)) * 9 + 0.5, 0, 1)
    return np.asarray(cv2.resize(on, (size, size), interpolation=cv2.INTER_AREA), np.float32)
