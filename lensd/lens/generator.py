"""A learned lens: a network that looks at the face's square and paints colour and matte."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import EngineError
from lensd.frames import MOST_FACES, SEEN_ONCE, Layer
from lensd.lens.align import crop_to_picture
from lensd.lens.crop import crop_rgb
from lensd.lens.steady import Steadier
from lensd.ports import BatchEngine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import U8, Affine, Face, Picture
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
        self._x, self._new = np.zeros(x, np.uint8), np.zeros(out, np.uint8)
        self._steadier = Steadier((crop.size_px, crop.size_px, 4))
        # Whose face each buffer has, the one used longest ago first.
        self._batch = engine if isinstance(engine, BatchEngine) and engine.faces > 1 else None
        self._outs: list[tuple[int | None, U8]] = [(None, np.zeros(out[1:], np.uint8)) for _ in range(MOST_FACES)]

    @property
    def name(self) -> str:
        """As in `lensd switch NAME`."""
        return self._name

    @property
    def runtime(self) -> str:
        """What the network runs in, as `Engine.runtime`."""
        return self._engine.runtime

    def draw(self, picture: Picture, face: Face) -> Layer | None:
        """Return what the network paints, steadied; None where the face's points make no square that can be cut.

        The layer's pixels are the lens's own, and change with the next call for this face or the fourth for others.

        Raises:
            EngineError: the network could not be run.
        """
        to_picture = self._square_of(face)
        if to_picture is None:
            return None
        crop_rgb(picture, to_picture, self._x[0])
        self._engine.infer(self._x, self._new)
        return Layer(self._settled(face, self._new[0]), to_picture)

    @property
    def most_at_once(self) -> int:
        """How many faces `draw_all` takes; 1 where the engine runs one picture at a time."""
        return 1 if self._batch is None else min(self._batch.faces, MOST_FACES)

    def draw_all(self, picture: Picture, faces: Sequence[Face]) -> list[Layer | None]:
        """Return what `draw` returns for each of at most `most_at_once` faces, by one run of the network.

        Raises:
            EngineError: the network could not be run.
        """
        squares = [self._square_of(face) for face in faces]
        seen = [(index, square) for index, square in enumerate(squares) if square is not None]
        if self._batch is None or len(seen) < 2:
            return [self.draw(picture, face) for face in faces]
        x, out = self._many[0][: len(seen)], self._many[1][: len(seen)]
        for row, (_, square) in enumerate(seen):
            crop_rgb(picture, square, x[row])
        self._batch.infer_many(x, out)
        layers: list[Layer | None] = [None] * len(faces)
        for row, (index, square) in enumerate(seen):
            layers[index] = Layer(self._settled(faces[index], out[row]), square)
        return layers

    @cached_property
    def _many(self) -> tuple[U8, U8]:
        """The buffers of a run for several faces."""
        sides = (MOST_FACES, *self._x.shape[1:3])
        return np.zeros((*sides, 3), np.uint8), np.zeros((*sides, 4), np.uint8)

    def _settled(self, face: Face, new: U8) -> U8:
        """Return `face`'s own buffer, settled on `new`; a face without one takes over that used longest ago."""
        at = next((i for i, (whose, _) in enumerate(self._outs) if whose == face.track_id != SEEN_ONCE), None)
        _, own = self._outs.pop(0 if at is None else at)
        self._outs.append((face.track_id, own))
        if at is None:
            np.copyto(own, new)  # 0.02 ms
        else:
            self._steadier.settle(own, new)
        return own

    def follow(self, face: Face) -> Layer | None:
        """Return what the network last painted for this face, where the face is now; None for a face not painted yet.

        The square moves, turns and grows as the points that do not talk do: 0.1 ms, where the network takes 4.
        """
        found = next((entry for entry in self._outs if entry[0] == face.track_id), None)
        to_picture = self._square_of(face) if found is not None else None
        if found is None or to_picture is None:
            return None
        self._outs = [entry for entry in self._outs if entry is not found] + [found]
        return Layer(found[1], to_picture)

    def _square_of(self, face: Face) -> Affine | None:
        """Return the affine from the network's square to the picture; None where the points make no square."""
        crop = self._crop
        to_picture = crop_to_picture(face.landmarks_px, crop.size_px, crop.side, crop.up)
        (a, b, x), (c, d, y) = to_picture.tolist()
        if not math.isfinite(a + b + x + c + d + y) or math.hypot(a, c) * crop.size_px < _FACE_PX_MIN:
            return None
        return to_picture

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
