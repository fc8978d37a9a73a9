"""What every engine promises about its buffers, checked before a runtime sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lensd.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lensd.frames import TensorSpec

Array = np.ndarray[Any, np.dtype[Any]]

_OUTPUTS = (np.dtype(np.uint8), np.dtype(np.float32))


class Terminals:
    """A network's input and output, and the caller's buffers that a runtime has in hand for them.

    Attributes:
        input, output: what goes in, and what comes out.
    """

    def __init__(self, what: str, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> None:
        """Refuse a network that the frame's path cannot feed: it needs one fixed uint8 input and one fixed output.

        Args:
            what: how errors call the engine.
            inputs, outputs: all that the network has.

        Raises:
            EngineError: says which tensor is wrong and how.
        """
        if len(inputs) != 1 or len(outputs) != 1:
            raise EngineError(what, f"has {len(inputs)} inputs and {len(outputs)} outputs; one of each is needed")
        for kind, spec, allowed in (("input", inputs[0], _OUTPUTS[:1]), ("output", outputs[0], _OUTPUTS)):
            if spec.dtype not in allowed:
                names = " or ".join(dtype.name for dtype in allowed)
                raise EngineError(what, f"{kind} {spec.name!r} is {spec.dtype.name}, not {names}")
            if not spec.shape or any(side < 1 for side in spec.shape):
                raise EngineError(what, f"{kind} {spec.name!r} has no fixed shape: {shape_text(spec.shape)}")
        self.input, self.output = inputs[0], outputs[0]
        self._what = what
        self._held: tuple[Array, Array] | None = None

    def check(self, x: Array, out: Array) -> None:
        """Refuse buffers that are not what the network reads and writes; it costs 1 us.

        Raises:
            EngineError: says which buffer is wrong and how.
        """
        for kind, array, spec in (("input", x, self.input), ("output", out, self.output)):
            if array.shape != spec.shape or array.dtype != spec.dtype:
                given = f"{shape_text(array.shape)} {array.dtype.name}"
                raise EngineError(self._what, f"{kind} must be {shape_text(spec.shape)} {spec.dtype.name}, not {given}")
            if not array.flags.c_contiguous:
                raise EngineError(self._what, f"{kind} must be C-contiguous")
        if not out.flags.writeable:
            raise EngineError(self._what, "output must be writable")

    def are_new(self, x: Array, out: Array) -> bool:
        """Say whether the buffers are others than those held, so that the runtime has to be pointed at them.

        Raises:
            EngineError: as `check`; those held are not checked again.
        """
        if self._held is not None and self._held[0] is x and self._held[1] is out:
            return False
        self.check(x, out)
        self._held = None  # until the runtime is pointed at the new ones, it has neither
        return True

    def hold(self, x: Array, out: Array) -> None:
        """Keep the buffers alive, now that the runtime is pointed at them."""
        self._held = (x, out)

    def release(self) -> None:
        """Let go of them."""
        self._held = None


def dtype_named(what: str, name: str, dtypes: Mapping[str, str]) -> np.dtype[Any]:
    """Return NumPy's type for a runtime's own name of it.

    Raises:
        EngineError: a type that no engine here carries.
    """
    if (found := dtypes.get(name)) is None:
        raise EngineError(what, f"carries {name}, which no lens needs")
    return np.dtype(found)


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as people write it: 1x256x256x3; ? for a side that is not fixed."""
    return "x".join(str(side) if side > 0 else "?" for side in shape) or "scalar"


def first_line(error: BaseException) -> str:
    """Return what a runtime says first, which is the cause; the rest is its call stack."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
