"""The GPU's memory for pictures, passed on from lens to lens: taking and freeing it stops all that the GPU does."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from lensd.errors import EngineError

if TYPE_CHECKING:
    from lensd.engine.cuda import Cuda

Kind = Literal["host", "device"]
_KEPT = 2  # of each size: one lens is on air, one is being loaded


class GpuMemory:
    """Page-locked and device memory by size, kept when a lens gives it back. Any thread may call anything.

    A piece belongs to one lens at a time: the next one is warmed up while the last one draws.
    """

    def __init__(self, cuda: Cuda) -> None:
        """Begin with nothing."""
        self._cuda = cuda
        self._lock = threading.Lock()
        self._free: dict[tuple[Kind, int], list[int]] = defaultdict(list)

    def take(self, kind: Kind, size: int) -> int:
        """Return the address of `size` bytes, their content undefined.

        Raises:
            EngineError: the memory is full, or the GPU is lost.
        """
        with self._lock:
            if kept := self._free[kind, size]:
                return kept.pop()
        return self._cuda.host_alloc(size) if kind == "host" else self._cuda.malloc(size)

    def give(self, kind: Kind, size: int, address: int) -> None:
        """Take memory back from a lens that works; it is kept for the next one.

        Raises:
            EngineError: the GPU is lost.
        """
        with self._lock:
            kept = self._free[kind, size]
            if len(kept) < _KEPT:
                kept.append(address)
                return
        self.drop(kind, address)

    def drop(self, kind: Kind, address: int) -> None:
        """Free memory for good.

        Raises:
            EngineError: the GPU is lost.
        """
        if kind == "host":
            self._cuda.host_free(address)
        else:
            self._cuda.free(address)

    def clear(self) -> None:
        """Free all that is kept; after an error of the GPU, whose memory is of no use any more, as far as that goes."""
        with self._lock:
            kept = [(kind, address) for (kind, _), addresses in self._free.items() for address in addresses]
            self._free.clear()
        failure: EngineError | None = None
        for kind, address in kept:
            try:
                self.drop(kind, address)
            except EngineError as error:
                failure = error
        if failure is not None:
            raise failure
