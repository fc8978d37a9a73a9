"""A party: a pointed hat with spots and a pompom, and streamers down both sides of the face."""

from __future__ import annotations

import math

from lensd.lens.overlay import Sticker
from trainer.art.brush import Sheet

_COLOURS = ((255, 84, 112), (255, 206, 70), (70, 200, 160), (90, 140, 255), (214, 110, 240))


def stickers() -> list[Sticker]:
    """Return streamers and hat as they are worn."""
    hat = Sheet(-0.5, -1.52, 0.5, -0.4, 640)
    cone = [(0.06, -1.34), (0.37, -0.63), (0.2, -0.57), (0.0, -0.55), (-0.2, -0.57), (-0.37, -0.63)]
    hat.shape([(x * 1.05, -0.95 + (y + 0.95) * 1.025) for x, y in cone], (70, 20, 110), corners=True)
    hat.shape(cone, (186, 92, 255), (112, 44, 204), corners=True)
    spots = (
        (-0.19, -0.73, 0.06),
        (0.05, -0.7, 0.052),
        (0.23, -0.76, 0.05),
        (-0.08, -0.91, 0.052),
        (0.13, -0.95, 0.046),
    )
    for i, (x, y, r) in enumerate([*spots, (0.03, -1.11, 0.04)]):
        hat.ellipse((x, y), (r, r), _COLOURS[(i + 1) % len(_COLOURS)])
    hat.light((-0.12, -0.95), (0.05, 0.3), strength=0.4).light((0.26, -0.7), (0.1, 0.22), (30, 0, 60), 0.45)
    brim = [(-0.38, -0.63), (-0.2, -0.57), (0.0, -0.55), (0.2, -0.57), (0.38, -0.63)]
    hat.line(brim, 0.075, (190, 130, 20)).line(brim, 0.055, (255, 222, 100))
    for i in range(14):
        turn = i * 2 * math.pi / 14
        tip = (0.06 + 0.125 * math.cos(turn), -1.36 + 0.125 * math.sin(turn))
        hat.line([(0.06, -1.36), tip], 0.06, _COLOURS[i % len(_COLOURS)], thin_end=True)
    hat.ellipse((0.06, -1.36), (0.055, 0.055), (255, 240, 170), (250, 190, 60))

    streamers = Sheet(-0.86, -0.66, 0.86, 0.74, 768)
    for i, (x, start, length) in enumerate(((-0.54, -0.58, 1.15), (-0.67, -0.5, 0.86))):
        for side in (-1, 1):
            colour = _COLOURS[(i + (2 if side > 0 else 0)) % len(_COLOURS)]
            course = [
                (-side * x + side * 0.052 * math.sin(k * math.pi / 2), start + length * k / 14) for k in range(15)
            ]
            streamers.line(course, 0.052, (60, 30, 70)).line(course, 0.038, colour)
    return [streamers.sticker("head"), hat.sticker("head")]
