"""The demo: a person in front of a webcam, for whoever has none, and for tests.

A cut-out portrait leans, nods, comes nearer and turns away a little in a still room, under a light that changes, with
a sensor's grain on it all. Every frame follows from the seed and its number. I420 from the beginning.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.pace import Pace
from lensd.camera.portrait import SIDE, load_portrait, room_picture
from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat

if TYPE_CHECKING:
    from lensd.frames import U8, Affine

_GRAIN = 2.2  # standard deviation of the luma, of 255: a webcam in a lit room
_TILE = 64  # the grain is one sheet, laid elsewhere in each frame
_CHEST = (228.0, 470.0)  # of the portrait: where a sitting person turns about
_HAIR_TOP = 15.0
_IN_USE = 3


class Demo:
    """The demo as a `FrameSource`; a frame's data is valid until the second read after it."""

    name = "demo"

    def __init__(self, wanted: VideoFormat, seed: int = 0) -> None:
        """Prepare the room, the person and the grain at `wanted`'s size, which is even (0.15 s at 1280x720).

        Raises:
            CameraMissing: scikit-image, which has the portrait, is not installed.
        """
        self.format = wanted
        self._pace = Pace(wanted.fps)
        self._portrait = load_portrait()
        width, height = wanted.width, wanted.height
        self._room = room_picture(self._portrait.room, width, height)
        rng = np.random.default_rng(seed)
        # Phases of the movements; seed 0 is as good as any other.
        self._phases = rng.uniform(0, 2 * math.pi, 12)
        grain = rng.standard_normal((height + _TILE, width + _TILE), np.float32) * _GRAIN + 128.5
        self._grain = grain.astype(np.uint8)
        self._luma = np.empty((height, width, 2), np.uint8)
        self._chroma = np.empty((height // 2, width // 2, 3), np.uint8)
        self._planes = np.empty((3, height, width), np.uint8)
        self._pictures = [Picture(width, height) for _ in range(_IN_USE)]

    def read(self, timeout_s: float) -> RawFrame:
        """Return the frame whose time has come.

        Raises:
            SourceTimeout: `timeout_s` is shorter than what is left of the period.
        """
        number, at_ns = self._pace.next()
        picture = self._pictures[0]
        self.draw(number, picture)  # before its time has come, so that it is there when it comes
        self._pace.wait(number, at_ns, self.name, timeout_s)
        self._pictures.append(self._pictures.pop(0))
        return RawFrame(picture.data.data, PixelFormat.I420, picture.width, picture.height, False, number, at_ns)

    def draw(self, number: int, picture: Picture) -> None:
        """Draw frame `number` into `picture`, which is of the demo's size; it follows from the seed and the number."""
        seconds = number / self.format.fps
        np.copyto(picture.data, self._room.data)
        to_picture = self._pose(seconds)
        self._lay_over(picture, to_picture)
        light = 1 + 0.05 * self._wave(9, 13.0, seconds) + 0.02 * self._wave(10, 3.1, seconds)
        shift = number * 0x9E3779B1  # scattered, so that no grain is seen to stand still
        left, top = shift % _TILE, (shift >> 8) % _TILE
        grain = self._grain[top : top + picture.height, left : left + picture.width]
        cv2.addWeighted(picture.y, light, grain, 1, 16 * (1 - light) - 128, dst=picture.y)

    def _wave(self, which: int, period_s: float, seconds: float) -> float:
        return math.sin(2 * math.pi * seconds / period_s + self._phases[which])

    def _pose(self, seconds: float) -> Affine:
        """Return where the person is: portrait pixels to picture pixels, (2, 3) float32."""
        height = self.format.height
        wave = self._wave
        # From 1.5 on the portrait's lower edge stays out of sight; the hair's top is at 12..60 of 720 rows.
        scale = height / 720 * (1.62 + 0.09 * wave(0, 11.0, seconds) + 0.03 * wave(1, 2.7, seconds))
        lean = math.radians(3.5 * wave(2, 6.3, seconds) + 1.0 * wave(3, 2.1, seconds))
        away = 1 - 0.05 * (1 + wave(4, 7.7, seconds)) / 2  # a head turned away is narrower
        x = self.format.width / 2 + height * (0.07 * wave(5, 8.9, seconds) + 0.015 * wave(6, 1.9, seconds))
        y = height * (0.05 + 0.025 * wave(7, 5.3, seconds) + 0.008 * wave(8, 1.3, seconds))
        y += scale * (_CHEST[1] - _HAIR_TOP)
        cos, sin = scale * math.cos(lean), scale * math.sin(lean)
        linear = np.array([[cos * away, -sin], [sin * away, cos]])
        return np.column_stack([linear, np.array([x, y]) - linear @ _CHEST]).astype(np.float32)

    def _lay_over(self, picture: Picture, to_picture: Affine) -> None:
        corners = to_picture[:, :2] @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE]]) + to_picture[:, 2:]
        left, top = (max(0, int(edge) & ~1) for edge in corners.min(1))
        right = min(picture.width, int(corners[0].max() + 2) & ~1)
        bottom = min(picture.height, int(corners[1].max() + 2) & ~1)
        if left >= right or top >= bottom:
            return
        shifted = to_picture.copy()
        shifted[:, 2] -= left, top
        width, height = right - left, bottom - top
        warped = self._luma[:height, :width]
        cv2.warpAffine(self._portrait.luma, shifted, (width, height), dst=warped, borderValue=(0, 255))
        person, behind = self._planes[:2, :height, :width]
        cv2.split(warped, [person, behind])
        _over(picture.y[top:bottom, left:right], person, behind)
        left, top, right, bottom, width, height = (edge // 2 for edge in (left, top, right, bottom, width, height))
        # Chroma samples lie between four luma pixels: x' = (x - 1/2) / 2 in both pictures.
        shifted[:, 2] = (shifted[:, 2] + shifted[:, :2].sum(1) / 2 - 0.5) / 2
        warped = self._chroma[:height, :width]
        cv2.warpAffine(self._portrait.chroma, shifted, (width, height), dst=warped, borderValue=(0, 0, 255))
        u, v, behind = self._planes[:, :height, :width]
        cv2.split(warped, [u, v, behind])
        _over(picture.u[top:bottom, left:right], u, behind)
        _over(picture.v[top:bottom, left:right], v, behind)

    def close(self) -> None:
        """Do nothing: all is memory."""


def _over(plane: U8, person: U8, behind: U8) -> None:
    """Lay a premultiplied plane over another in place, `behind` being what of that is still seen, of 255."""
    cv2.multiply(plane, behind, dst=plane, scale=1 / 255)
    cv2.add(plane, person, dst=plane)
