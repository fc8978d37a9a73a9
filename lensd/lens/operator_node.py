"""One node of a network with its inputs' shapes, as the rules of shapes read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from lensd.lens.protobuf import signed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lensd.lens.onnx_file import Node, Tensor

Shape: TypeAlias = tuple[int, ...]


class Operator:
    """One node with its inputs' shapes, as the rules below read it.

    Attributes:
        inputs: the shapes of the inputs that are there.
        outputs: how many there are.
        macs: multiplications of one run; a rule sets it.
    """

    def __init__(self, node: Node, shapes: Mapping[str, Shape], constants: Mapping[str, Tensor]) -> None:
        """Look up the inputs of `node`; raises KeyError for one that no earlier node makes."""
        self._node, self._constants, self.macs = node, constants, 0
        self.inputs = [shapes[name] for name in node.inputs if name]
        self.outputs = len(node.outputs)

    def constant(self, index: int) -> list[int] | list[float] | None:
        """Return the elements of input `index`, which must be a constant; None where it is left out."""
        if index >= len(self._node.inputs) or not (name := self._node.inputs[index]):
            return None
        return self._constants[name].values()

    def whole(self, index: int) -> list[int] | None:
        """Return the elements of input `index` as whole numbers; None where it is left out."""
        values = self.constant(index)
        return None if values is None else [int(value) for value in values]

    def has(self, name: str) -> bool:
        """Return whether there is such an attribute."""
        return name in self._node.attributes

    def number(self, name: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        return signed(self._node.attributes[name].number("i")) if self.has(name) else default

    def numbers(self, name: str, default: list[int]) -> list[int]:
        """Return an attribute that is a list of whole numbers."""
        return [signed(value) for value in self._node.attributes[name].numbers("ints")] if self.has(name) else default

    def text(self, name: str) -> str:
        """Return an attribute that is a text; empty where it is not there."""
        return self._node.attributes[name].text("s") if self.has(name) else ""

    def axis(self, name: str, default: int, rank: int) -> int:
        """Return an attribute that is one of `rank` axes, counted from the front."""
        return axis_of(self.number(name, default), rank)


def axis_of(value: int, rank: int) -> int:
    """Return axis `value` of `rank`, counted from the front; raises ValueError where there is none."""
    if not -rank <= value < rank:
        raise ValueError(f"axis {value} of {rank}")
    return value % rank
