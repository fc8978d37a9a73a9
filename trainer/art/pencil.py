"""A head as a pencil drawing: hatched by one hand, hair drawn along its locks, clean contours, graphite on paper.

Drawn slowly, by classical means, so that a network may learn it. Skin is hatched in up to three directions, as dark as
the tone asks for: the strokes lie on the face, always the same ones, bent by its forms, so that they can be learned and
hold still. Hair is noise smeared along its flow (line integral convolution, Cabral and Leedom 1993; for pencils Mao,
Nagasaka and Imamiya 2002).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainer.art.head import head_matte, in_face_units, oval_matte
from trainer.art.ink import drawn, edges
from trainer.art.light import skin_of
from trainer.art.mesh import open_parts, pixels_a_unit, surface, to_bytes
from trainer.art.paint import lay, painted, smooth_step
from trainer.art.strokes import directions, noise, smeared

if TYPE_CHECKING:
    from lensd.frames import F32, U8
    from trainer.art.mesh import Surface

_PAPER, _GRAPHITE = (247.0, 244.0, 238.0), (44.0, 43.0, 48.0)
_OVAL, _FADE = (0.0, -0.12, 0.66, 0.76), 0.2
# Layers of hatching: degrees, how dark it must be before one begins, and how hard it is pressed.
_LAYERS = ((-52.0, 0.12, 0.42), (-18.0, 0.38, 0.46), (-84.0, 0.6, 0.55))
_TILE, _TILE_SIDE = 1200, 3.0  # pixels and face units of the sheet that strokes come from
_STROKE, _HAIR_PX = 41, 8  # pixels of the sheet along a stroke; half the length of a hair's stroke
_BENT = 0.05  # by so many face units do the forms bend a stroke


def paint(photo: U8, points: F32, seed: int = 0) -> tuple[U8, U8]:
    """Draw a head: (S, S, 3) uint8 RGB and its mesh to the same and a matte; `seed` changes nothing."""
    del seed
    size, unit = len(photo), pixels_a_unit(points)
    seen, place = surface(points, size), in_face_units(points, size)
    luma = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    calm = np.asarray(cv2.bilateralFilter(luma, 7, 20, 2.5), np.float32)
    dark = 1 - _tone(calm, skin_of(photo, points, seen)[1], unit)
    grain = _sheet_at(_grain(), place)
    bare = _skin(seen, unit)
    bent = place + _BENT * cv2.GaussianBlur(seen.normal[..., :2], (0, 0), 0.02 * unit) * bare[..., None]
    ink: np.ndarray = np.zeros((size, size), np.float32)
    for degrees, begins, press in _LAYERS:
        cover = np.clip((dark - begins) / (1 - begins) * 1.25, 0, 0.82)
        ink = 1 - (1 - ink) * (1 - press * _on(_sheet_at(_strokes(degrees), bent), cover, grain))
    locks = _on(_locks(calm, place), np.clip(0.1 + 0.8 * dark, 0, 0.9), grain) * (0.2 + 0.6 * dark)
    ink = ink * bare + locks * (1 - bare)
    ink = 1 - (1 - ink) * (1 - 0.34 * dark**1.2)  # the stump's soft grey under the strokes
    eyes = open_parts(points, size)
    ink = ink * (1 - eyes) + eyes * np.clip(1.25 * dark, 0, 1) ** 1.2  # small and clean: drawn, not hatched
    lines = np.maximum(0.92 * edges(photo, weight=1.0), 0.6 * painted(drawn(brows=False), seen)[..., 0])
    ink = 1 - (1 - ink) * (1 - lines * np.clip(0.86 + 0.1 * grain, 0, 1))
    paper = np.asarray(_PAPER, np.float32) + 2.2 * grain[..., None]
    picture = lay(paper, _GRAPHITE, np.clip(ink, 0, 0.97))
    head = cv2.dilate(head_matte(photo, points), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    head = np.clip(1.15 * cv2.GaussianBlur(head, (0, 0), 0.02 * unit), 0, 1)
    return to_bytes(picture), to_bytes(255 * head * oval_matte(points, size, _OVAL, _FADE))


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


@cache
def _strokes(degrees: float) -> F32:
    """Return a sheet full of straight strokes, (_TILE, _TILE), mean 0 and deviation 1."""
    rng = np.random.default_rng(round(100 + degrees))
    raw = rng.standard_normal((_TILE, _TILE), dtype=np.float32)
    middle, reach = (_STROKE - 1) / 2, _STROKE / 2
    way = np.radians(degrees)
    kernel = np.zeros((_STROKE, _STROKE), np.float32)
    ends = [(middle + s * reach * np.cos(way), middle + s * reach * np.sin(way)) for s in (-1, 1)]
    start, end = ((round(x * 16), round(y * 16)) for x, y in ends)
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_8, 4)
    smooth = cv2.GaussianBlur(cv2.filter2D(raw, -1, kernel / kernel.sum()), (0, 0), 1.0)
    return np.asarray((smooth - smooth.mean()) / smooth.std(), np.float32)
