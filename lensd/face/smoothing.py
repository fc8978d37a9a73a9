"""The One-Euro filter on a face: still when the face is still, without lag when it moves.

A face is split into where it is (middle, size and tilt of the similarity from the template) and what it does (the
points in face units). Both are filtered in units of the face's own size, so that one setting serves near and far
faces; the pose is what a lens sits on, the points may be smoothed harder.

Source: Casiez, Roussel and Vogel 2012, "1 € Filter: A Simple Speed-based Low-pass Filter for Noisy Input".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

import numpy as np

from lensd.frames import F32
from lensd.lens.align import face_to_picture

F64: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a One-Euro filter trades stillness for lag.

    Attributes:
        cutoff_hz: of a value at rest; lower is stiller.
        beta: how much a value's speed, in its unit a second, raises the cutoff; higher follows faster.
        speed_cutoff_hz: of the speed's own low pass.
    """

    cutoff_hz: float
    beta: float
    speed_cutoff_hz: float = 1.0


class OneEuro:
    """Filters an array of values, each with a speed and a cutoff of its own."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._value: F64 | None = None
        self._speed: F64 | None = None

    def __call__(self, value: F64, elapsed_s: float) -> F64:
        """Return `value` filtered.

        Args:
            value: any shape, the same each time; not modified.
            elapsed_s: since the last call, over 0; ignored at the first.
        """
        if self._value is None or self._speed is None:
            self._value, self._speed = value, np.zeros_like(value)
            return value
        speed = (value - self._value) / elapsed_s
        self._speed = self._speed + _share(self._tuning.speed_cutoff_hz, elapsed_s) * (speed - self._speed)
        cutoff_hz = self._tuning.cutoff_hz + self._tuning.beta * np.abs(self._speed)
        self._value = self._value + _share(cutoff_hz, elapsed_s) * (value - self._value)
        return self._value


Pose: TypeAlias = tuple[float, float, float, float]
"""A face's middle (x and y, pixels), the natural logarithm of its size in pixels, and its tilt in radians."""


class PoseFilter:
    """The same on a face's pose, with one cutoff for all four numbers, the fastest one's.

    What lagged differently would make a lens wobble. In Python's own numbers: behind a network, whose tensors have
    emptied the caches, eleven of NumPy's calls on four numbers take 40 us.
    """

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._pose: Pose | None = None
        self._speed: Pose = (0.0, 0.0, 0.0, 0.0)

    def __call__(self, pose: Pose, elapsed_s: float) -> Pose:
        """Return `pose` filtered; `elapsed_s` since the last call, over 0, and ignored at the first."""
        if self._pose is None:
            self._pose = pose
            return pose
        size, eager = math.exp(pose[2]), _share(self._tuning.speed_cutoff_hz, elapsed_s)
        rows = zip(pose, self._pose, self._speed, strict=True)
        x, y, log_size, tilt = (speed + eager * ((now - last) / elapsed_s - speed) for now, last, speed in rows)
        self._speed = x, y, log_size, tilt
        pace = max(abs(x) / size, abs(y) / size, abs(log_size), abs(tilt))
        share = _share(self._tuning.cutoff_hz + self._tuning.beta * pace, elapsed_s)
        x, y, log_size, tilt = (last + share * (now - last) for now, last in zip(pose, self._pose, strict=True))
        self._pose = x, y, log_size, tilt
        return self._pose


AnyNumber = TypeVar("AnyNumber", float, F64)


def _share(cutoff_hz: AnyNumber, elapsed_s: float) -> AnyNumber:
    """Return how much of the difference a first-order low pass takes over in one step."""
    turn = cutoff_hz * (2 * math.pi * elapsed_s)
    return turn / (turn + 1)


# Chosen with bench/tracking.py on 1,337 frames of a man who talks and turns: while he is calm the points tremble by 0.7
# thousandths of the face's height (2.3 raw), while he moves they are 0.3 behind the raw ones.
POSE = Tuning(cutoff_hz=0.7, beta=36.0, speed_cutoff_hz=2.5)
SHAPE = Tuning(cutoff_hz=0.9, beta=6.0, speed_cutoff_hz=2.5)
_LONGEST_GAP_S = 0.5  # after a longer one the old face says nothing about the new one


class FaceSmoother:
    """Steadies the points of one face from frame to frame."""

    def __init__(self, pose: Tuning = POSE, shape: Tuning = SHAPE) -> None:
        self._tunings = pose, shape
        self._last_ns: int | None = None
        self.reset()

    def reset(self) -> None:
        """Begin anew: the next face is taken as it is."""
        pose, shape = self._tunings
        self._pose, self._shape = PoseFilter(pose), OneEuro(shape)
        self._last_ns, self._tilt = None, 0.0

    def __call__(self, landmarks_px: F32, captured_ns: int) -> F32:
        """Return the points steadied: (478, 3) float32, picture pixels.

        Args:
            landmarks_px: (478, 3), picture pixels.
            captured_ns: of the frame, CLOCK_MONOTONIC; later than the last one's.
        """
        elapsed_s = 0.0 if self._last_ns is None else (captured_ns - self._last_ns) / 1e9
        if elapsed_s > _LONGEST_GAP_S or elapsed_s < 0:
            self.reset()
        elapsed_s = max(elapsed_s, 1e-3)  # two frames with one timestamp
        self._last_ns = captured_ns
        (cos, _, x), (sin, _, y) = face_to_picture(landmarks_px).tolist()
        size = math.hypot(cos, sin)
        # Upside down is a tilt of pi or of -pi; the filter must not see the jump.
        self._tilt += math.remainder(math.atan2(sin, cos) - self._tilt, 2 * math.pi)
        # All three coordinates by one product: each of NumPy's calls costs 5 us behind a network.
        to_face = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, size]]) / size**2
        shape = self._shape((landmarks_px - np.array([x, y, 0.0])) @ to_face, elapsed_s)
        x, y, log_size, tilt = self._pose((x, y, math.log(size), self._tilt), elapsed_s)
        size = math.exp(log_size)
        cos, sin = size * math.cos(tilt), size * math.sin(tilt)
        to_picture = np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, size]])
        steadied: F32 = (shape @ to_picture + np.array([x, y, 0.0])).astype(np.float32)
        return steadied
