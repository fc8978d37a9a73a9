"""The network that follows a face: from where it was, to its 478 points and whether it is one at all."""

from __future__ import annotations

import math
from importlib.resources import files
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import EngineError
from lensd.lens.align import crop_to_picture
from lensd.lens.crop import crop_rgb

if TYPE_CHECKING:
    from lensd.frames import F32, Picture
    from lensd.ports import Engine

SIZE_PX = 128
SIDE = 1.5  # of the square, in face units: room for a face that has moved or turned since the last frame
POINTS = 478
_MIDDLE = (SIZE_PX - 1) / 2
_LOOK = slice(24, 104)  # of SIZE_PX: forehead to chin, ear to ear
_FACE_PX = 20.0  # the smallest hair line to chin that is looked at


def read_landmarks_network() -> bytes:
    """Return the network that came with lensd, as an ONNX file.

    Raises:
        EngineError: it is not there: the installation is broken.
    """
    try:
        return files("lensd.face").joinpath("landmarks.onnx").read_bytes()
    except OSError as error:
        why = f"{error.strerror or 'cannot be read'}: lensd/face/landmarks.onnx"
        raise EngineError("face tracker", why, "pip install --force-reinstall snaplens") from error


class LandmarkNetwork:
    """Runs the network around a guess; owns its engine and two small buffers. Used by one thread."""

    def __init__(self, engine: Engine) -> None:
        """Take over `engine`, also where this raises.

        Raises:
            EngineError: not a landmark network.
        """
        x, out = (1, SIZE_PX, SIZE_PX, 3), (1, POINTS + 1, 3)
        self._engine = engine
        specs = ((engine.input, x, "uint8"), (engine.output, out, "float32"))
        for spec, shape, dtype in specs:
            if spec.shape != shape or spec.dtype != np.dtype(dtype):
                engine.close()
                raise EngineError("face tracker", f"{spec.name} is {spec.dtype} {spec.shape}, not {dtype} {shape}")
        self._x, self._out = np.zeros(x, np.uint8), np.zeros(out, np.float32)

    def locate(
        self, picture: Picture, guess_px: F32, moved_px: tuple[float, float] = (0.0, 0.0)
    ) -> tuple[F32, float] | None:
        """Return the points of the face near `guess_px`, and how sure it is that there is one.

        Args:
            picture: not modified.
            guess_px: (478, 3), about where the face is: the last frame's points, or the template on a box.
            moved_px: how far from there, across and down.

        Returns:
            (478, 3) float32 in picture pixels, and 0..1. None where the guess, or the answer, is no face's shape:
            too small, out of the picture, or not finite.

        Raises:
            EngineError: the network could not be run.
        """
        to_picture = crop_to_picture(guess_px, SIZE_PX, SIDE)
        to_picture[:, 2] += moved_px
        (a, b, left), (c, d, top) = to_picture.tolist()
        scale = math.hypot(a, c)
        x, y = left + (a + b) * _MIDDLE, top + (c + d) * _MIDDLE
        inside = 0 <= x < picture.width and 0 <= y < picture.height
        if not inside or not _FACE_PX <= scale * SIZE_PX / SIDE <= 2 * picture.height:
            return None
        crop_rgb(picture, to_picture, self._x[0])
        self._engine.infer(self._x, self._out)
        logit = float(self._out[0, POINTS, 0])
        to_points = np.array([[a, c, 0], [b, d, 0], [0, 0, scale]], np.float32)
        points: F32 = self._out[0, :POINTS] @ to_points
        points += np.array([left, top, 0], np.float32)
        if math.isnan(logit) or not math.isfinite(float(points.sum())):
            return None
        return points, 1 / (1 + math.exp(-max(-50.0, min(50.0, logit))))

    def look(self) -> F32:
        """Return from afar what `locate` looked at last: (8, 8, 3) float32 RGB 0..255, the middle of its square.

        As far as the guess was right the face lies in it always alike, so that two looks tell two people apart.
        """
        return cv2.resize(self._x[0, _LOOK, _LOOK], (8, 8), interpolation=cv2.INTER_AREA).astype(np.float32)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
