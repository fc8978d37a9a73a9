"""A learned lens: a network that looks at the face's square and paints colour and matte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import EngineError
from lensd.frames import MOST_FACES, Layer
from lensd.lens.align import crop_to_picture
from lensd.lens.crop import crop_rgb

if TYPE_CHECKING:
    from lensd.frames import Face, Picture
    from lensd.lens.manifest import Crop
    from lensd.ports import Engine

_FACE_PX_MIN = 8.0  # a crop of less than this in the picture is no face, and its affine is near singular


class GeneratorLens:
    """Implements `Lens` with one engine, which it owns, and buffers that live as long as it does, one for each face."""

    def __init__(self, name: str, crop: Crop, engine: Engine) -> None:
        """Take over `engine`, also where this raises.

        Raises:
            EngineError: the engine's shapes or types are not those of `crop`.
        """
        x, out = (1, crop.size_px, crop.size_px, 3), (1, crop.size_px, crop.size_px, 4)
        self._name, self._crop, self._engine = name, crop, engine
        for what, spec, shape in (("input", engine.input, x), ("output", engine.output, out)):
            if spec.shape != shape or spec.dtype != np.uint8:
                engine.close()
                raise EngineError(f"lens {name}", f"its {what} is {spec.dtype} {spec.shape}, not uint8 {shape}")
        self._x, self._outs = np.zeros(x, np.uint8), [np.zeros(out, np.uint8) for _ in range(MOST_FACES)]

    @property
    def name(self) -> str:
        """As in `lensd switch NAME`."""
        return self._name

    @property
    def runtime(self) -> str:
        """What the network runs in, as `Engine.runtime`."""
        return self._engine.runtime

    def draw(self, picture: Picture, face: Face) -> Layer | None:
        """Return what the network paints; None where the face's points make no square that can be cut.

        The layer's pixels are the lens's own, and change with the fourth call from this one.

        Raises:
            EngineError: the network could not be run.
        """
        crop = self._crop
        with np.errstate(all="ignore"):  # points that all coincide give NaN, which is asked for below
            to_picture = crop_to_picture(face.landmarks_px, crop.size_px, crop.side, crop.up)
        if not np.isfinite(to_picture).all() or np.hypot(*to_picture[:, 0]) * crop.size_px < _FACE_PX_MIN:
            return None
        crop_rgb(picture, to_picture, self._x[0])
        out = self._outs.pop(0)
        self._outs.append(out)
        self._engine.infer(self._x, out)
        return Layer(out[0], to_picture)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
