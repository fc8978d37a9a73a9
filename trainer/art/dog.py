"""A dog: hanging ears, a wet nose, and a tongue while the mouth is open."""

from __future__ import annotations

from lensd.lens.overlay import Sticker
from trainer.art.brush import Sheet

_FUR, _DARK, _EDGE = (176, 116, 62), (104, 60, 28), (62, 34, 16)


def stickers() -> list[Sticker]:
    """Return ears, nose and tongue as they are worn."""
    ears = Sheet(-0.74, -0.98, 0.74, -0.06, 640)
    outer = [(-0.24, -0.8), (-0.38, -0.92), (-0.56, -0.84), (-0.67, -0.52), (-0.665, -0.22), (-0.575, -0.12)]
    outer += [(-0.48, -0.2), (-0.43, -0.44), (-0.32, -0.62)]
    inner = [(x * 0.975 - 0.012, y * 0.975 - 0.014) for x, y in outer]
    fold = [(-0.33, -0.78), (-0.47, -0.8), (-0.575, -0.5), (-0.575, -0.27), (-0.52, -0.32), (-0.47, -0.52)]
    ears.shape(outer, _EDGE).shape(inner, _FUR, _DARK).shape(fold, (142, 88, 46), (84, 46, 22))
    ears.light((-0.42, -0.85), (0.11, 0.05), (255, 226, 180), 0.5).mirrored()

    nose = Sheet(-0.17, -0.075, 0.17, 0.165, 256)
    pad = [(-0.125, -0.005), (-0.06, -0.045), (0.0, -0.05), (0.06, -0.045), (0.125, -0.005), (0.1, 0.07), (0.0, 0.115)]
    nose.shape([*pad, (-0.1, 0.07)], (62, 54, 56), (14, 11, 13))
    nose.ellipse((-0.058, 0.035), (0.026, 0.016), (4, 3, 4)).ellipse((0.058, 0.035), (0.026, 0.016), (4, 3, 4))
    nose.line([(0.0, 0.06), (0.0, 0.14)], 0.014, (20, 15, 17))
    nose.light((-0.035, -0.022), (0.055, 0.02), strength=0.85)

    tongue = Sheet(-0.16, 0.17, 0.16, 0.6, 256)
    edge = [(-0.1, 0.2), (0.0, 0.18), (0.1, 0.2), (0.118, 0.38), (0.085, 0.52), (0.0, 0.57), (-0.085, 0.52)]
    body = [(x * 0.9, 0.385 + (y - 0.385) * 0.94) for x, y in [*edge, (-0.118, 0.38)]]
    tongue.shape([*edge, (-0.118, 0.38)], (150, 30, 56)).shape(body, (214, 70, 96), (255, 132, 146))
    tongue.line([(0.0, 0.22), (0.004, 0.36), (0.0, 0.47)], 0.014, (176, 46, 76), thin_end=True)
    tongue.light((-0.045, 0.47), (0.024, 0.05), strength=0.7)
    return [ears.sticker("head"), tongue.sticker("mouth", when="mouth-open"), nose.sticker("nose")]
