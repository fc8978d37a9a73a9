"""An engine around another one: what it says of itself is the other's, and what it adds is in its `infer`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lensd.frames import F32, U8, TensorSpec
    from lensd.ports import Engine


class EngineAround:
    """A `ports.Engine` around another one, which it owns."""

    def __init__(self, engine: Engine) -> None:
        """Take over `engine`."""
        self._engine = engine

    @property
    def runtime(self) -> str:
        """As the engine's."""
        return self._engine.runtime

    @property
    def input(self) -> TensorSpec:
        """What goes in."""
        return self._engine.input

    @property
    def output(self) -> TensorSpec:
        """What comes out."""
        return self._engine.output

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once.

        Raises:
            EngineError: as the engine's own.
        """
        self._engine.infer(x, out)

    def close(self) -> None:
        """Close the engine."""
        self._engine.close()
