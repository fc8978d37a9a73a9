"""A head as a pencil drawing: hatched by one hand, with clean contours, graphite on paper.

Drawn slowly, by classical means, so that a network may learn it. Skin and hair are hatched in up to three directions,
as dark as the tone asks for: the strokes lie on the lens's square, always the same ones, and hold still
(`trainer.hatching`). Under them hair has noise smeared along its flow, faintly (line integral convolution, Cabral and
Leedom 1993; for pencils Mao, Nagasaka and Imamiya 2002).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.lens.align import crop_to_picture
from trainer.art.head import head_matte, in_face_units, oval_matte
from trainer.art.ink import drawn, edges
from trainer.art.light import skin_of
from trainer.art.mesh import open_parts, pixels_a_unit, surface, to_bytes
from trainer.art.paint import painted, smooth_step
from trainer.art.strokes import directions, noise, smeared
from trainer.hatching import PAPER, SIDE_PX, hatch, sheet_on, tones

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.mesh import Surface

SIDE, UP = 1.75, 0.15  # of the crop, on which the strokes lie
_GRAPHITE = 0.03  # of the paper's light is left at the darkest
_STUMP = 0.22  # how dark the soft grey under the strokes is
_LOCKS, _HAIR = 0.45, 0.85  # hair: the share of its locks that is drawn, and of its tone that is hatched
_OVAL, _FADE = (0.0, -0.12, 0.66, 0.76), 0.2
_TILE, _TILE_SIDE = 1200, 3.0  # pixels and face units of the sheet that the grain comes from
_HAIR_PX = 8  # half the length of a hair's stroke


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Draw a head: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    picture, tone, matte = draw(photo, points)
    return hatch(picture, tone, sheet_on(crop_to_picture(points, SIDE_PX, SIDE, UP), len(photo))), matte


def draw(photo: U8, points: F32) -> tuple[U8, U8, U8]:
    """Draw a head all but hatched.

    Args:
        photo: (S, S, 3) uint8 RGB.
        points: (478, 3) mesh in its pixels.

    Returns:
        The drawing, (S, S, 3) uint8; how dark the strokes are to make it, (S, S) as `trainer.hatching.tones` has it;
        and the matte, (S, S) uint8.
    """
    size, unit = len(photo), pixels_a_unit(points)
    seen, place = surface(points, size), in_face_units(points, size)
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    calm = np.asarray(cv2.bilateralFilter(luma, 7, 20, 2.5), np.float32)
    dark = 1 - _tone(calm, skin_of(photo, points, seen)[1], unit)
    grain = _sheet_at(_grain(), place)
    bare = _skin(seen, unit)
    locks = _on(_locks(calm, place), np.clip(0.1 + 0.8 * dark, 0, 0.9), grain) * (0.2 + 0.6 * dark)
    ink = _LOCKS * locks * (1 - bare)
    ink = 1 - (1 - ink) * (1 - _STUMP * dark**1.2)
    eyes = open_parts(points, size)
    ink = ink * (1 - eyes) + eyes * np.clip(1.25 * dark, 0, 1) ** 1.2  # small and clean: drawn, not hatched
    lines = np.maximum(0.92 * edges(photo, weight=1.0), 0.6 * painted(drawn(brows=False), seen)[..., 0])
    ink = 1 - (1 - ink) * (1 - lines * np.clip(0.86 + 0.1 * grain, 0, 1))
    picture = np.clip(1 - ink, _GRAPHITE, 1)[..., None] * np.asarray(PAPER, np.float32)
    head = cv2.dilate(head_matte(photo, points), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    head = np.clip(1.15 * cv2.GaussianBlur(head, (0, 0), 0.02 * unit), 0, 1)
    matte = head * oval_matte(points, size, _OVAL, _FADE)
    return to_bytes(picture), tones(dark * (_HAIR + (1 - _HAIR) * bare) * (1 - eyes)), to_bytes(255 * matte)


def _tone(luma: F32, skin: float, unit: float) -> F32:
    """Return the tones a pencil gives, 0..1: skin is nearly paper, a little darker on dark skin, no shadow black."""
    share = luma / 255 / skin
    around = cv2.GaussianBlur(np.clip(share, 0, 1.3), (0, 0), 0.16 * unit)
    even = share - 0.45 * (np.clip(around, 0.4, 1.1) - 0.9)  # a shadowed half of a face is drawn too
    own = 0.80 - 0.22 * float(np.clip((0.62 - skin) / 0.5, 0, 1))
    return np.asarray(np.clip(own * np.clip(even, 0, None) ** 1.15, 0.04, 1), np.float32)


def _skin(seen: Surface, unit: float) -> F32:
    """Return where the face is, (S, S) in 0..1: what is hatched; beyond it hair is drawn."""
    away = cv2.distanceTransform(seen.inside.astype(np.uint8), cv2.DIST_L2, 5) / (0.05 * unit)
    return smooth_step(away, 0.0, 1.0)


def _on(strokes: F32, cover: np.ndarray, grain: F32) -> F32:
    """Return strokes, (H, W) in 0..1, that cover as much of the paper as `cover` says; `strokes` have deviation 1."""
    level = -1.702 * np.log(np.clip(cover, 1e-3, 0.999) / np.clip(1 - cover, 1e-3, 0.999)) / 2.9
    return np.asarray(1 / (1 + np.exp(-(strokes + 0.25 * grain - level) / 0.42)) * np.clip(cover * 8, 0, 1), np.float32)


def _locks(calm: F32, place: F32) -> F32:
    """Return strokes along the hair, (S, S) of mean 0 and deviation 1."""
    along = directions(calm)
    strokes = smeared(_sheet_at(_grain(), place), along, _HAIR_PX)
    return np.asarray((strokes - strokes.mean()) / (strokes.std() + 1e-6), np.float32)


def _sheet_at(sheet: F32, place: np.ndarray) -> F32:
    at = np.asarray((place + _TILE_SIDE / 2) * (_TILE / _TILE_SIDE), np.float32)
    found = cv2.remap(sheet, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(found, np.float32)


@cache
def _grain() -> F32:
    return noise(np.random.default_rng(2), _TILE, _TILE, 1.1)
