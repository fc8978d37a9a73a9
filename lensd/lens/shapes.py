"""How large every tensor of a network becomes, worked out before anything runs.

A network of a few kilobytes can ask for terabytes: five operators that scale by ten are enough. So each operator's
output shape follows from its inputs' here, and none may pass a bound; nor may the multiplications of the whole.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING

from lensd.errors import PackageError
from lensd.lens.operator_node import Operator
from lensd.lens.shape_rules import RULES

if TYPE_CHECKING:
    from lensd.lens.onnx_file import Network
    from lensd.lens.operator_node import Shape

ELEMENTS_MAX = 32 * 1024 * 1024  # of one tensor: 512x512 with 128 channels
ELEMENTS_SUM_MAX = 512 * 1024 * 1024
MACS_MAX = 50_000_000_000  # fifty times what a processor does in a frame's time
_MISFITS = (ValueError, IndexError, KeyError, ZeroDivisionError, OverflowError, TypeError, struct.error)


def check_shapes(network: Network, where: str) -> int:
    """Follow the shapes from the input to the output; return the multiplications of one run.

    Args:
        network: its operators are on the list of those allowed.
        where: the file's name for error messages.

    Raises:
        PackageError: shapes that do not fit together, or a tensor or a sum beyond the bounds.
    """
    shapes: dict[str, Shape] = {value.name: value.shape for value in network.inputs}
    shapes |= {name: tensor.shape for name, tensor in network.constants.items()}
    elements = macs = 0
    for node in network.nodes:
        try:
            operator = Operator(node, shapes, network.constants)
            results = RULES[node.operator](operator)
            macs += operator.macs
        except _MISFITS as error:
            why = f"has operator {node.operator[:40]!r} whose shapes do not fit or are not constant"
            raise PackageError(where, f"{why} ({' '.join(str(error).split())[:80]})") from error
        for name, shape in zip(node.outputs, results, strict=False):
            elements += (size := math.prod(shape))
            if min(shape, default=1) < 1 or size > ELEMENTS_MAX or elements > ELEMENTS_SUM_MAX or macs > MACS_MAX:
                why = f"has operator {node.operator!r} that makes {'x'.join(map(str, shape))[:80]} elements"
                raise PackageError(where, f"{why}, or too much work in all", "make the network smaller")
            shapes[name] = shape
    for value in network.outputs:
        if shapes.get(value.name) != value.shape:
            raise PackageError(where, f"says that it gives {value.shape}, and gives {shapes.get(value.name)}")
    return macs
