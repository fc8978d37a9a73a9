"""A golden crown of five points with jewels, on the hair."""

from __future__ import annotations

from lensd.lens.overlay import Sticker
from trainer.art.brush import Sheet

_GOLD, _DARK_GOLD, _EDGE = (255, 214, 84), (206, 138, 22), (126, 76, 10)
_TIPS = ((-0.5, -1.0), (-0.26, -1.12), (0.0, -1.2), (0.26, -1.12), (0.5, -1.0))
_VALLEYS = ((-0.36, -0.76), (-0.125, -0.79), (0.125, -0.79), (0.36, -0.76))


def stickers() -> list[Sticker]:
    """Return the crown as it is worn."""
    sheet = Sheet(-0.62, -1.3, 0.62, -0.42, 640)
    for grow, top, bottom in ((0.014, _EDGE, _EDGE), (0.0, _GOLD, _DARK_GOLD)):
        sheet.shape(_outline(grow), top, bottom, corners=True)
    for tip in _TIPS:
        sheet.ellipse(tip, (0.053, 0.053), _EDGE).ellipse(tip, (0.042, 0.042), (255, 232, 130), _DARK_GOLD)
    band = [(-0.42, -0.62), (0.0, -0.575), (0.42, -0.62)]
    sheet.line(band, 0.135, _EDGE).line(band, 0.112, (255, 224, 110))
    for x, y, colour in (
        (-0.32, -0.607, 0),
        (-0.165, -0.585, 1),
        (0.0, -0.575, 0),
        (0.165, -0.585, 1),
        (0.32, -0.607, 0),
    ):
        top, bottom = (((255, 96, 110), (150, 6, 40)), ((92, 196, 255), (10, 70, 170)))[colour]
        sheet.ellipse((x, y), (0.041, 0.041), _EDGE).ellipse((x, y), (0.032, 0.032), top, bottom)
        sheet.ellipse((x - 0.01, y - 0.012), (0.009, 0.008), (255, 255, 255))
    sheet.light((-0.22, -0.8), (0.07, 0.2), strength=0.55).light((0.3, -0.7), (0.16, 0.16), (90, 40, 0), 0.3)
    return [sheet.sticker("head")]


def _outline(grow: float) -> list[tuple[float, float]]:
    top: list[tuple[float, float]] = []
    for i, (x, y) in enumerate(_TIPS):
        top.append((x, y - grow * 2))
        if i < len(_VALLEYS):
            top.append((_VALLEYS[i][0], _VALLEYS[i][1] - grow))
    bottom = [(0.43 + grow, -0.62 + grow), (0.22, -0.585 + grow), (0.0, -0.575 + grow), (-0.22, -0.585 + grow)]
    return [*top, *bottom, (-0.43 - grow, -0.62 + grow)]
