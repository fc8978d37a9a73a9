"""Pictures drawn with smooth shapes in face units, where they are worn: what stickers are made with.

A `Sheet` is a piece of the face template's plane (origin half way between hair line and chin, their distance 1, y
down), so a sticker's place and width follow from where it was drawn. Drawn four times as fine as it is kept.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from lensd.lens.overlay import Sticker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import U8
    from lensd.lens.overlay import Anchor, When

Point = tuple[float, float]
Colour = tuple[int, int, int]

_FINE = 4
_STEPS = 24


class Sheet:
    """An empty piece of the template's plane to draw on."""

    def __init__(self, x0: float, y0: float, x1: float, y1: float, pixels: int = 512) -> None:
        """Take the corners in face units, and how many pixels wide the picture becomes."""
        self._corner, self._box = (x0, y0), (x1 - x0, y1 - y0)
        height = 2 * round(pixels * self._box[1] / self._box[0] / 2)
        self._size, self._scale = (pixels, height), pixels * _FINE / self._box[0]
        self._image = Image.new("RGBA", (pixels * _FINE, height * _FINE))

    def shape(
        self, points: Sequence[Point], colour: Colour, lower: Colour | None = None, *, corners: bool = False
    ) -> Sheet:
        """Fill the smooth curve through `points` (straight lines with `corners`), from `colour` down to `lower`."""
        outline = list(points) if corners else smooth(points, closed=True)
        self._fill(self._mask_of(outline), colour, lower)
        return self

    def ellipse(self, centre: Point, radii: Point, colour: Colour, lower: Colour | None = None) -> Sheet:
        """Fill an ellipse, upright."""
        turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        outline = [(centre[0] + radii[0] * float(np.cos(t)), centre[1] + radii[1] * float(np.sin(t))) for t in turn]
        self._fill(self._mask_of(outline), colour, lower)
        return self

    def line(self, points: Sequence[Point], width: float, colour: Colour, *, thin_end: bool = False) -> Sheet:
        """Draw a smooth line through `points`, face units wide, round at its ends; `thin_end`: like a whisker."""
        course = np.array(smooth(points, closed=False))
        mask = Image.new("L", self._image.size)
        draw = ImageDraw.Draw(mask)
        dense = np.concatenate([np.linspace(a, b, 12, endpoint=False) for a, b in pairwise(course)])
        widths = np.full(len(dense), width) * (np.linspace(1, 0.15, len(dense)) if thin_end else 1.0)
        for (x, y), radius in zip(self._pixels(dense), widths / 2 * self._scale, strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
        self._fill(mask, colour, None)
        return self

    def light(self, centre: Point, radii: Point, colour: Colour = (255, 255, 255), strength: float = 0.6) -> Sheet:
        """Lay a soft spot of light (or shadow) on what is drawn already, never beside it."""
        spot = Image.new("L", self._image.size)
        (x, y), rx, ry = self._pixels([centre])[0], radii[0] * self._scale, radii[1] * self._scale
        ImageDraw.Draw(spot).ellipse((x - rx, y - ry, x + rx, y + ry), fill=round(255 * strength))
        spot = spot.filter(ImageFilter.GaussianBlur(min(rx, ry) * 0.55))
        matte = self._image.getchannel("A")
        lit = Image.composite(Image.new("RGBA", self._image.size, (*colour, 255)), self._image, spot)
        lit.putalpha(matte)
        self._image = lit
        return self

    def mirrored(self) -> Sheet:
        """Draw the left half's mirror image over the right half; the sheet must lie evenly about x = 0."""
        self._image.alpha_composite(self._image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        return self

    def picture(self) -> U8:
        """Return what was drawn: (H, W, 4) uint8 RGB and matte, straight."""
        small = self._image.convert("RGBa").resize(self._size, Image.Resampling.BOX).convert("RGBA")
        return np.asarray(small, np.uint8).copy()

    def sticker(self, anchor: Anchor, when: When = "always") -> Sticker:
        """Return the drawing as it is worn, moving with `anchor`."""
        centre = (self._corner[0] + self._box[0] / 2, self._corner[1] + self._box[1] / 2)
        return Sticker(self.picture(), anchor, (round(centre[0], 4), round(centre[1], 4)), round(self._box[0], 4), when)

    def _pixels(self, points: Sequence[Point] | np.ndarray) -> list[Point]:
        return [((x - self._corner[0]) * self._scale, (y - self._corner[1]) * self._scale) for x, y in points]

    def _mask_of(self, outline: Sequence[Point]) -> Image.Image:
        mask = Image.new("L", self._image.size)
        ImageDraw.Draw(mask).polygon(self._pixels(outline), fill=255)
        return mask

    def _fill(self, mask: Image.Image, colour: Colour, lower: Colour | None) -> None:
        box = mask.getbbox()
        if box is None:
            return
        height = box[3] - box[1]
        ramp = np.linspace(0, 1, height)[:, None]
        rows = np.asarray(colour) * (1 - ramp) + np.asarray(lower or colour) * ramp
        column = Image.fromarray(np.rint(rows).astype(np.uint8)[:, None, :])
        paint = column.resize((box[2] - box[0], height), Image.Resampling.NEAREST)
        paint.putalpha(mask.crop(box))
        self._image.alpha_composite(paint, box[:2])


def smooth(points: Sequence[Point], *, closed: bool) -> list[Point]:
    """Return the Catmull-Rom curve through `points` as a polygon of 24 pieces each."""
    p = np.asarray(points, np.float64)
    ends = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([ends[0], p, ends[1]])
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return [(float(x), float(y)) for x, y in np.concatenate(pieces if closed else [*pieces, p[-2:-1]])]
