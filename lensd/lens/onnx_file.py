"""An ONNX file as a graph of nodes and constants, read by our own bounded reader: no runtime, no onnx package.

Field numbers: onnx.proto3 of ONNX 1.22. What a lens never needs is left out of the tables and so refused: subgraphs,
functions, sparse and external tensors, training information, sequences and optionals.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from lensd.errors import PackageError
from lensd.lens.protobuf import Field, Message, MessageReader, Wire, signed

_V, _B, _4 = Wire.VARINT, Wire.BYTES, Wire.FIXED32
_PROPERTIES = Field("metadata_props", _B, repeated=True)
_TEXT = Field("doc_string", _B)
_MODEL = {
    1: Field("ir_version", _V),
    2: Field("producer_name", _B),
    3: Field("producer_version", _B),
    4: Field("domain", _B),
    5: Field("model_version", _V),
    6: _TEXT,
    7: Field("graph", _B),
    8: Field("opset_import", _B, repeated=True),
    14: _PROPERTIES,
}
_OPSET = {1: Field("domain", _B), 2: Field("version", _V)}
_GRAPH = {
    1: Field("node", _B, repeated=True),
    2: Field("name", _B),
    5: Field("initializer", _B, repeated=True),
    10: _TEXT,
    11: Field("input", _B, repeated=True),
    12: Field("output", _B, repeated=True),
    13: Field("value_info", _B, repeated=True),
    14: Field("quantization_annotation", _B, repeated=True),
    16: _PROPERTIES,
}
_NODE = {
    1: Field("input", _B, repeated=True),
    2: Field("output", _B, repeated=True),
    3: Field("name", _B),
    4: Field("op_type", _B),
    5: Field("attribute", _B, repeated=True),
    6: _TEXT,
    7: Field("domain", _B),
    9: _PROPERTIES,
}
_ATTRIBUTE = {
    1: Field("name", _B),
    2: Field("f", _4),
    3: Field("i", _V),
    4: Field("s", _B),
    5: Field("t", _B),
    6: Field("g", _B),
    7: Field("floats", _4, repeated=True),
    8: Field("ints", _V, repeated=True),
    9: Field("strings", _B, repeated=True),
    11: Field("graphs", _B, repeated=True),
    13: _TEXT,
    20: Field("type", _V),
}
_TENSOR = {
    1: Field("dims", _V, repeated=True),
    2: Field("data_type", _V),
    4: Field("float_data", _4, repeated=True),
    5: Field("int32_data", _V, repeated=True),
    7: Field("int64_data", _V, repeated=True),
    8: Field("name", _B),
    9: Field("raw_data", _B),
    12: _TEXT,
    13: Field("external_data", _B, repeated=True),
    14: Field("data_location", _V),
    16: _PROPERTIES,
}
_VALUE = {1: Field("name", _B), 2: Field("type", _B), 3: _TEXT, 4: _PROPERTIES}
_TYPE = {1: Field("tensor_type", _B), 6: Field("denotation", _B)}
_TENSOR_TYPE = {1: Field("elem_type", _V), 2: Field("shape", _B)}
_SHAPE = {1: Field("dim", _B, repeated=True)}
_DIM = {1: Field("dim_value", _V), 2: Field("dim_param", _B), 3: Field("denotation", _B)}

FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16 = 1, 2, 3, 6, 7, 9, 10
_ELEMENT_BYTES = {FLOAT: 4, UINT8: 1, INT8: 1, INT32: 4, INT64: 8, BOOL: 1, FLOAT16: 2}
_STRUCT = {FLOAT: "<f", INT32: "<i", INT64: "<q"}
_NODES_MAX = 5000


@dataclass(frozen=True, slots=True)
class Tensor:
    """A constant of the network.

    Attributes:
        name: as nodes call it.
        shape: its sides.
        data_type: one of FLOAT, UINT8, INT8, INT32, INT64, BOOL, FLOAT16.
        raw: its elements, little endian; empty where the file has them as `integers`.
        integers: its elements where the file has them one by one.
    """

    name: str
    shape: tuple[int, ...]
    data_type: int
    raw: memoryview
    integers: tuple[int, ...]

    def values(self) -> list[int] | list[float]:
        """Return the elements of a small FLOAT, INT32 or INT64 constant: the sides, axes and scales of operators.

        Raises:
            ValueError: another type, or over 64 elements.
        """
        if self.data_type not in _STRUCT or math.prod(self.shape) > 64:
            raise ValueError(f"constant {self.name[:60]!r} is no list of numbers")
        if self.integers:
            return [signed(value) for value in self.integers]
        return [value for (value,) in struct.iter_unpack(_STRUCT[self.data_type], self.raw)]


@dataclass(frozen=True, slots=True)
class Value:
    """An input or output of the network: name, shape (-1 where it is not fixed) and element type."""

    name: str
    shape: tuple[int, ...]
    data_type: int


@dataclass(frozen=True, slots=True)
class Node:
    """One operator."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Message]


@dataclass(frozen=True, slots=True)
class Network:
    """The graph of an ONNX file; `opsets` are (domain, version)."""

    opsets: tuple[tuple[str, int], ...]
    nodes: tuple[Node, ...]
    constants: dict[str, Tensor]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def read_network(content: bytes, where: str) -> Network:
    """Return the network in `content`.

    Raises:
        PackageError: not an ONNX file, or one with parts that a lens never needs.
    """
    return _OnnxReader(where).network(memoryview(content))


class _OnnxReader:
    def __init__(self, where: str) -> None:
        self._where, self._read = where, MessageReader(where).read

    def network(self, data: memoryview) -> Network:
        model = self._read(data, "ModelProto", _MODEL)
        if not model.has("graph") or not model.has("opset_import"):
            raise PackageError(self._where, "is not an ONNX network: it has no graph")
        opsets = [self._read(piece, "OperatorSetIdProto", _OPSET) for piece in model.pieces("opset_import")]
        graph = self._read(model.piece("graph"), "GraphProto", _GRAPH)
        if len(graph.pieces("node")) > _NODES_MAX:
            raise PackageError(self._where, f"has more than {_NODES_MAX} operators")
        nodes = tuple(self._node(piece) for piece in graph.pieces("node"))
        constants = {}
        for piece in graph.pieces("initializer"):
            tensor = self.tensor(piece)
            if tensor.name in constants:
                raise PackageError(self._where, f"has two constants named {tensor.name[:60]!r}")
            constants[tensor.name] = tensor
        for node in nodes:
            if node.operator == "Constant" and "value" in node.attributes and len(node.outputs) == 1:
                constants[node.outputs[0]] = self.tensor(node.attributes["value"].piece("t"))
        return Network(
            tuple((opset.text("domain"), opset.number("version")) for opset in opsets),
            nodes,
            constants,
            tuple(self._value(piece) for piece in graph.pieces("input")),
            tuple(self._value(piece) for piece in graph.pieces("output")),
        )

    def _node(self, data: memoryview) -> Node:
        node = self._read(data, "NodeProto", _NODE)
        attributes: dict[str, Message] = {}
        for piece in node.pieces("attribute"):
            attribute = self._read(piece, "AttributeProto", _ATTRIBUTE)
            operator, name = node.text("op_type")[:40], attribute.text("name")
            if attribute.has("g") or attribute.has("graphs"):
                raise PackageError(self._where, f"has a subgraph in operator {operator!r}; a lens has none")
            if name in attributes:
                raise PackageError(self._where, f"has attribute {name[:40]!r} twice in operator {operator!r}")
            if attribute.has("t"):
                self.tensor(attribute.piece("t"))
            attributes[name] = attribute
        inputs, outputs = (tuple(str(p, "utf-8", "replace") for p in node.pieces(key)) for key in ("input", "output"))
        return Node(node.text("op_type"), node.text("domain"), inputs, outputs, attributes)

    def tensor(self, data: memoryview) -> Tensor:
        tensor = self._read(data, "TensorProto", _TENSOR)
        name, kind = tensor.text("name"), tensor.number("data_type")
        what = f"constant {name[:60]!r}"
        if tensor.has("external_data") or tensor.number("data_location"):
            raise PackageError(self._where, f"keeps {what} in another file; a lens's weights are inside its network")
        if kind not in _ELEMENT_BYTES:
            raise PackageError(self._where, f"has {what} of ONNX type {kind}, which lensd does not read")
        shape = tuple(tensor.numbers("dims"))
        if len(shape) > 8 or any(side >= 1 << 31 for side in shape):
            raise PackageError(self._where, f"says that {what} has the shape {shape[:8]}")
        # As many elements as the header says, and really there: a header of 10 GB is refused before anyone allocates.
        integers = tuple(tensor.numbers("int32_data") or tensor.numbers("int64_data"))
        floats = sum(len(piece) for piece in tensor.pieces("float_data"))
        sizes = (len(tensor.piece("raw_data")) / _ELEMENT_BYTES[kind], len(integers), floats / 4)
        if sum(size > 0 for size in sizes) > 1 or max(sizes) != math.prod(shape):
            why = f"says that {what} has {math.prod(shape)} elements, and holds {max(sizes):g}"
            raise PackageError(self._where, why)
        raw = tensor.piece("raw_data") if not floats else memoryview(b"".join(tensor.pieces("float_data")))
        return Tensor(name, shape, kind, raw, integers)

    def _value(self, data: memoryview) -> Value:
        value = self._read(data, "ValueInfoProto", _VALUE)
        kind = self._read(value.piece("type"), "TypeProto", _TYPE)
        tensor = self._read(kind.piece("tensor_type"), "TypeProto.Tensor", _TENSOR_TYPE)
        shape = self._read(tensor.piece("shape"), "TensorShapeProto", _SHAPE)
        dims = [self._read(piece, "Dimension", _DIM) for piece in shape.pieces("dim")]
        sides = tuple(signed(dim.number("dim_value")) if dim.has("dim_value") else -1 for dim in dims)
        return Value(value.text("name"), sides, tensor.number("elem_type"))
