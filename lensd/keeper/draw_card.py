"""Draws cards into shared pictures: `python -m lensd.keeper.draw_card '[[FD, "Title", "detail"], ...]'`.

A process of its own, because the keeper does not load Pillow (18 MB resident), and pictures of text are needed once.
"""

from __future__ import annotations

import json
import sys
import textwrap
import time

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lensd.frames import U8, Picture
from lensd.shared_picture import SharedPictureWriter

_BACKGROUND, _TEXT, _QUIET = 30, 225, 140  # luma, limited range
_ACCENT_Y, _ACCENT_U, _ACCENT_V = 150, 90, 190  # BT.601 of a warm coral
_DETAIL_CHARACTERS = 160


def draw_card(picture: Picture, title: str, detail: str) -> None:
    """Draw a card over all of `picture`: a quiet mark, a title and a line or two of detail.

    Text that Pillow's own font (Aileron, ASCII and "…") lacks is replaced by question marks.
    """
    width, height = picture.width, picture.height
    page = Image.new("L", (width, height), _BACKGROUND)
    pen = ImageDraw.Draw(page)
    unit = min(height, width * 9 / 16) / 720
    middle = width / 2

    size = 58 * unit
    while size > 8 and pen.textlength(_plain(title), _font(size)) > width * 0.86:
        size *= 0.94
    pen.text((middle, height * 0.5), _plain(title), _TEXT, _font(size), anchor="mm")
    for number, line in enumerate(textwrap.wrap(_plain(detail[:_DETAIL_CHARACTERS]), 58)):
        pen.text((middle, height * 0.5 + (72 + 40 * number) * unit), line, _QUIET, _font(28 * unit), anchor="mm")
    picture.y[:] = np.asarray(page)
    picture.u[:], picture.v[:] = 128, 128
    _draw_mark(picture, round(middle), round(height * 0.36), 40 * unit)


def _plain(text: str) -> str:
    return "".join(letter if letter == "…" or " " <= letter <= "~" else "?" for letter in text)


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(8, round(size)))


def _draw_mark(picture: Picture, x: int, y: int, radius: float) -> None:
    """A ring with a dot: a lens, in colour."""
    for plane, value, step in ((picture.y, _ACCENT_Y, 1), (picture.u, _ACCENT_U, 2), (picture.v, _ACCENT_V, 2)):
        reach = int(radius) // step + 2
        box = np.s_[max(y // step - reach, 0) : y // step + reach, max(x // step - reach, 0) : x // step + reach]
        rows, columns = np.mgrid[box]
        distance = np.hypot((columns + 0.5) * step - x, (rows + 0.5) * step - y)
        edge = np.clip(_ring(distance, radius) / step + 0.5, 0, 1)
        plane[box] = np.round(plane[box] + (value - plane[box].astype(np.float64)) * edge).astype(np.uint8)


def _ring(distance: np.ndarray, radius: float) -> np.ndarray:
    """Pixels inside the mark (positive) or outside it (negative)."""
    return np.maximum(radius * 0.18 - np.abs(distance - radius * 0.82), radius * 0.3 - distance)


def main(order: list[tuple[int, str, str]]) -> None:
    """Draw and publish each card of `order`: descriptor, title, detail."""
    for descriptor, title, detail in order:
        writer = SharedPictureWriter(descriptor)
        draw_card(writer.slot(), title, detail)
        writer.publish(time.monotonic_ns())


def rgb_from_card(data: U8, width: int, height: int) -> Image.Image:
    """Return a card as people see it, for looking: BT.601 limited I420 to RGB."""
    picture = Picture(width, height, data)
    y, u, v = (
        np.asarray(plane, np.float64).repeat(step, 0).repeat(step, 1)
        for plane, step in ((picture.y, 1), (picture.u, 2), (picture.v, 2))
    )
    y, u, v = (y - 16) / 219, (u - 128) / 224, (v - 128) / 224
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], 2)
    return Image.fromarray(np.clip(rgb * 255 + 0.5, 0, 255).astype(np.uint8))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
