"""An engine that is proved again and again: a GPU may begin to compute nonsense hours after the first proof.

What the network gives is uint8, in which nothing says "not a number": a matte of NaN becomes 0, which shows the bare
face, or 255, which hides it behind a box.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lensd.errors import EngineError, LensError
from lensd.lens.engine_around import EngineAround
from lensd.ports import BatchEngine

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import F32, U8
    from lensd.lens.golden import GoldenProof
    from lensd.ports import Engine

_LOOK_S = 0.5  # between two looks at what came out: 0.04 ms
_AGAIN_S = 10.0  # between two proofs, each of one run and 3 ms: thug-life, 256 px, one core of a Zen 3
_FULL = 128  # a matte that is at least this everywhere paints the whole square


class ProvedEngine(EngineAround):
    """A `ports.Engine` around another one, which it owns; one thread's.

    The golden pair is run every ten seconds, and at once where a matte is empty or full all over, which a lens may
    mean, but seldom does.
    """

    def __init__(self, engine: Engine, proof: GoldenProof, clock: Callable[[], float] = time.monotonic) -> None:
        """Take over `engine`, which has just been proved."""
        super().__init__(engine)
        self._proof, self._clock = proof, clock
        self._look_s, self._due_s = 0.0, clock() + _AGAIN_S
        self._doubted_s = float("-inf")

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once.

        Raises:
            EngineError: as the engine's; or it does not paint what it should any more.
        """
        super().infer(x, out)
        self._look_at(out)

    def _look_at(self, out: U8 | F32) -> None:
        now_s = self._clock()
        if now_s < self._look_s:
            return
        self._look_s = now_s + _LOOK_S
        matte = out[..., 3]
        odd = now_s - self._doubted_s >= _AGAIN_S and (not matte.any() or bool(matte.min() >= _FULL))
        if not odd and now_s < self._due_s:
            return
        self._due_s = now_s + _AGAIN_S
        self._doubted_s = now_s if odd else self._doubted_s
        try:
            self._proof(self._engine)
        except LensError as error:
            raise EngineError(error.what, error.why, error.hint) from error


class ProvedBatchEngine(ProvedEngine):
    """The same around an engine that is a `ports.BatchEngine` too."""

    def __init__(self, engine: Engine, batch: BatchEngine, proof: GoldenProof) -> None:
        """Take over `engine`, which is the same object as `batch`."""
        super().__init__(engine, proof)
        self._batch = batch

    @property
    def faces(self) -> int:
        """How many pictures at most."""
        return self._batch.faces

    def infer_many(self, x: U8, out: U8) -> None:
        """Run the network once for `len(x)` pictures.

        Raises:
            EngineError: as `infer`.
        """
        self._batch.infer_many(x, out)
        self._look_at(out)


def proved_again(engine: Engine, proof: GoldenProof) -> Engine:
    """Return `engine`, to be proved again by `proof` while it works."""
    if isinstance(engine, BatchEngine):
        return ProvedBatchEngine(engine, engine, proof)
    return ProvedEngine(engine, proof)
