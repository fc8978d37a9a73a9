"""What a lens's network may be, checked before a runtime sees it.

A runtime parses a stranger's file in native code, and some operators loop, run subgraphs or read other files. So a
network is taken apart by our own reader first: uint8 picture in, uint8 colour and matte out at the manifest's size,
default operators from a list without control flow, weights inside the file and exactly as large as their headers say.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import PackageError
from lensd.lens.onnx_file import UINT8, Value, read_network
from lensd.lens.shape_rules import ALLOWED_OPERATORS
from lensd.lens.shapes import check_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

NETWORK_BYTES_MAX = 32 * 1024 * 1024
OPSET_MIN, OPSET_MAX = 11, 26
_DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True, slots=True)
class NetworkFacts:
    """What the check found.

    Attributes:
        operators: how often each occurs.
        parameters: elements of all constants.
        macs: multiplications of one run, counted as they are done.
    """

    operators: Mapping[str, int]
    parameters: int
    macs: int


def check_network(content: bytes, size_px: int, where: str) -> NetworkFacts:
    """Check a generator's ONNX file.

    Args:
        content: the file.
        size_px: S; the network takes (1, S, S, 3) uint8 and gives (1, S, S, 4) uint8.
        where: the file's name for error messages.

    Raises:
        PackageError: not such a network; says which operator, constant or shape is at fault.
    """
    if len(content) > NETWORK_BYTES_MAX:
        raise PackageError(where, f"has {len(content)} bytes; at most {NETWORK_BYTES_MAX} are allowed")
    network = read_network(content, where)
    for domain, version in network.opsets:
        if domain not in _DEFAULT_DOMAINS:
            raise PackageError(where, f"needs the operators of {domain[:60]!r}; only ONNX's own are allowed")
        if not OPSET_MIN <= version <= OPSET_MAX:
            raise PackageError(where, f"is of opset {version}; {OPSET_MIN} to {OPSET_MAX} are allowed")
    for node in network.nodes:
        if node.domain not in _DEFAULT_DOMAINS:
            raise PackageError(where, f"has an operator of {node.domain[:60]!r}; only ONNX's own are allowed")
        if node.operator not in ALLOWED_OPERATORS:
            why = f"has operator {node.operator[:60]!r}, which is not on the list of those that a lens may have"
            raise PackageError(where, why, "export the network with: lensd export")
    # Old exporters list the constants among the inputs as well.
    inputs = [value for value in network.inputs if value.name not in network.constants]
    _check_value(where, "input", inputs, (1, size_px, size_px, 3))
    _check_value(where, "output", network.outputs, (1, size_px, size_px, 4))
    macs = check_shapes(network, where)
    parameters = sum(math.prod(tensor.shape) for tensor in network.constants.values())
    return NetworkFacts(Counter(node.operator for node in network.nodes), parameters, macs)


def _check_value(where: str, what: str, values: list[Value] | tuple[Value, ...], shape: tuple[int, ...]) -> None:
    if len(values) != 1:
        raise PackageError(where, f"has {len(values)} {what}s; a lens's network has one")
    if values[0].shape != shape or values[0].data_type != UINT8:
        why = f"has an {what} of shape {values[0].shape[:8]} and ONNX type {values[0].data_type}"
        raise PackageError(where, f"{why}; the manifest says {shape} uint8 (type {UINT8})")
