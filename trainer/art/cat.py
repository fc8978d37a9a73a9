"""A cat: upright ears, a small nose and whiskers."""

from __future__ import annotations

from lensd.lens.overlay import Sticker
from trainer.art.brush import Sheet

_FUR, _DARK, _EDGE = (98, 98, 112), (52, 52, 64), (26, 26, 34)


def stickers() -> list[Sticker]:
    """Return ears, whiskers and nose as they are worn."""
    ears = Sheet(-0.62, -1.16, 0.62, -0.48, 640)
    outer = [(-0.1, -0.66), (-0.2, -0.86), (-0.4, -1.08), (-0.5, -1.1), (-0.54, -0.98), (-0.52, -0.74), (-0.42, -0.52)]
    outer += [(-0.26, -0.58)]
    inner = [(x * 0.96 - 0.013, y * 0.96 - 0.033) for x, y in outer]
    pink = [(-0.24, -0.72), (-0.34, -0.9), (-0.46, -1.01), (-0.48, -0.86), (-0.44, -0.64), (-0.34, -0.62)]
    ears.shape(outer, _EDGE).shape(inner, _FUR, _DARK).shape(pink, (255, 188, 196), (222, 112, 132))
    for x, y in ((-0.27, -0.78), (-0.34, -0.82), (-0.4, -0.8)):
        ears.line([(x, y + 0.17), (x - 0.02, y + 0.06), (x - 0.06, y - 0.04)], 0.026, (250, 224, 226), thin_end=True)
    ears.light((-0.3, -0.98), (0.05, 0.1), strength=0.35).mirrored()

    whiskers = Sheet(-0.66, -0.1, 0.66, 0.34, 768)
    for y, out in ((0.085, -0.045), (0.12, 0.085), (0.155, 0.22)):
        course = [(-0.14, y), (-0.36, (y + out) / 2 - 0.03), (-0.63, out)]
        whiskers.line(course, 0.03, (30, 30, 36), thin_end=True).line(course, 0.018, (250, 250, 252), thin_end=True)
        whiskers.ellipse((-0.125, y), (0.012, 0.012), (40, 34, 38))
    whiskers.mirrored()

    nose = Sheet(-0.11, -0.04, 0.11, 0.14, 256)
    pad = [(-0.075, -0.005), (0.0, -0.018), (0.075, -0.005), (0.05, 0.05), (0.0, 0.085), (-0.05, 0.05)]
    nose.shape([(x * 1.12, 0.035 + (y - 0.035) * 1.15) for x, y in pad], (96, 34, 48))
    nose.shape(pad, (255, 150, 164), (212, 84, 106)).line([(0.0, 0.08), (0.0, 0.125)], 0.012, (96, 34, 48))
    nose.light((-0.02, 0.005), (0.03, 0.011), strength=0.9)
    return [ears.sticker("head"), whiskers.sticker("nose"), nose.sticker("nose")]
