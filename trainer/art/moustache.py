"""A gentleman's golden monocle and handlebar moustache, drawn here so that the lens owes nothing to anybody.

Both have soft edges; the glass is clear but for a tint and a glint, so that the eye stays visible. The rim is as wide
as five pixels of the network's picture: of glasses with a rim half as wide a student made a blur (gallery/LOG.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_FINER = 2  # the monocle is drawn so many times larger, then averaged; OpenCV softens the hairs itself
_EYE, _RADIUS = (215.0, 214.0), 184.0
_GOLD_DARK, _GOLD, _GOLD_LIGHT = (92, 58, 14), (222, 168, 58), (255, 238, 176)
_TINT, _GLINT = (120, 150, 165), (255, 255, 255)
_HAIR_DARK, _HAIR_LIGHT = np.array([34, 20, 13], np.float32), np.array([98, 60, 36], np.float32)
_HAIRS = 1800


def draw_monocle() -> U8:
    """Return the monocle with its chain: (880, 512, 4) uint8 RGB and matte; the eye lies at (215, 214)."""
    height, width = 880, 512
    y, x = np.mgrid[0 : height * _FINER, 0 : width * _FINER].astype(np.float32) / _FINER
    picture = np.zeros((*y.shape, 4), np.float32)
    away = np.hypot(x - _EYE[0], y - _EYE[1])
    _lay(picture, _TINT, (0.14 + 0.1 * np.clip((_EYE[1] - y) / 170, -1, 1)) * _inside(away, _RADIUS))
    for shift, long in ((-98.0, 24.0), (-52.0, 10.0)):
        across, along = (x - _EYE[0]) * 0.7 + (y - _EYE[1]) * 0.7 - shift, (x - _EYE[0]) * 0.7 - (y - _EYE[1]) * 0.7
        _lay(picture, _GLINT, 0.4 * _inside(np.abs(across), long, soft=6) * _inside(np.abs(along), 110, soft=30))
    picture *= _inside(away, _RADIUS + 2)[..., None]
    # The chain hangs in an arc from the rim's outer edge, a round link every 34 px.
    hang = np.linspace(0, 1, 19)
    links = np.column_stack([_EYE[0] + 178 + 62 * np.sin(hang * 2.6), _EYE[1] + 62 + 560 * hang**1.15])
    for row, (at_x, at_y) in enumerate(links.tolist()):
        link = np.hypot(x - at_x, (y - at_y) * (0.8 if row % 2 else 1.15))
        _lay(picture, _GOLD_DARK, _inside(link, 21))
        _lay(picture, _GOLD, _inside(np.hypot(x - at_x + 3, y - at_y + 4), 13, soft=3))
    ring = np.abs(away - _RADIUS)
    lit = np.clip(0.5 + (_EYE[0] - x + _EYE[1] - y) / 420, 0, 1)
    _lay(picture, _GOLD_DARK, _inside(ring, 27))
    _lay(picture, _GOLD, _inside(ring, 19))
    _lay(picture, _GOLD_LIGHT, lit * _inside(np.abs(away - _RADIUS - 3), 8, soft=6))
    return _finished(picture, width, height)


def draw_moustache() -> U8:
    """Return the moustache: (384, 1024, 4) uint8 RGB and matte, hair by hair, always the same."""
    height, width = 384, 1024
    chance = np.random.default_rng(7)
    picture = np.zeros((height, width, 4), np.float32)
    for _ in range(_HAIRS):
        side = 1.0 if chance.random() < 0.5 else -1.0
        across = float(np.clip(chance.normal(0, 0.42), -1, 1))
        begin = float(chance.uniform(0, 0.62))
        steps = np.linspace(begin, min(1.0, begin + float(chance.uniform(0.25, 0.5))), 14, dtype=np.float32)
        points = _lobe(steps, across + 0.05 * np.sin(7 * steps + chance.uniform(0, 6)))
        points[:, 0] = width / 2 + side * points[:, 0]
        shade = float(np.clip(0.45 - 0.35 * across + chance.normal(0, 0.22), 0, 1))
        colour: F32 = (_HAIR_DARK + shade * (_HAIR_LIGHT - _HAIR_DARK)).astype(np.float32)
        corner = np.maximum(points.min(0).astype(int) - 4, 0)
        under = picture[corner[1] : int(points[:, 1].max()) + 4, corner[0] : int(points[:, 0].max()) + 4]
        hair = np.zeros(under.shape[:2], np.uint8)
        line = np.rint((points - corner) * 16).astype(np.int32)[None]
        cv2.polylines(hair, [line], isClosed=False, color=255, thickness=3, lineType=cv2.LINE_AA, shift=4)
        _lay(under, colour, hair * np.float32(0.7 / 255))
    return _finished(picture, width, height)


def _lobe(along: F32, across: F32) -> F32:
    """Return points (n, 2), pixels from the middle and down, of one half.

    Args:
        along: 0 beneath the nose to 1 at the curled tip.
        across: -1 at the upper edge to 1 at the lower.
    """
    bend = np.deg2rad(np.array([10.0, 26.0, 18.0, -14.0, -80.0, -205.0]))
    turns = np.interp(np.linspace(0, 1, 101), np.linspace(0, 1, len(bend)), bend)
    steps = np.column_stack([np.cos(turns), np.sin(turns)]) * 5.7
    line = np.vstack([[0, 0], np.cumsum(steps, 0)]) + np.array([-4, 150])
    at = along * 100
    centre = np.column_stack([np.interp(at, np.arange(102), line[:, axis]) for axis in (0, 1)])
    turn = np.interp(at, np.arange(101), turns)
    thick = np.interp(along, [0, 0.12, 0.35, 0.7, 0.88, 1], [52, 70, 74, 36, 14, 2])
    normal = np.column_stack([-np.sin(turn), np.cos(turn)])
    found: F32 = (centre + normal * (thick * across)[:, None]).astype(np.float32)
    return found


def _inside(distance: F32, bound: float, soft: float = 1.5) -> F32:
    """Return 1 where `distance` is below `bound`, 0 above, and a slope of `soft` pixels to either side between."""
    share: F32 = np.clip((bound + soft - distance) / (2 * soft), 0, 1).astype(np.float32)
    return share


def _lay(picture: F32, colour: tuple[int, int, int] | F32, matte: F32) -> None:
    """Lay a colour over `picture` (H, W, 4), which holds colour times matte, 0..255 and 0..1, in place."""
    matte = matte[..., None]
    picture *= 1 - matte
    picture[..., :3] += matte * np.asarray(colour, np.float32)
    picture[..., 3:] += matte


def _finished(picture: F32, width: int, height: int) -> U8:
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    matte = small[..., 3:]
    colour = small[..., :3] / np.maximum(matte, 1e-3)
    out = np.dstack([colour, 255 * matte])
    out[matte[..., 0] < 1 / 255] = 0
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)
