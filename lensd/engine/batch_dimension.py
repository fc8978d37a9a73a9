"""A network for one picture as one for any number of them: the first side of its two ends is made free.

The file is rewritten as protocol buffers, because lensd does without the onnx package; its readers skip no field, so
nothing but the two lengths and what encloses them changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# ModelProto.graph, GraphProto.input (or output), ValueInfoProto.type, TypeProto.tensor_type, Tensor.shape, Shape.dim
_INPUT, _OUTPUT = (7, 11, 2, 1, 2, 1), (7, 12, 2, 1, 2, 1)
_ONE = b"\x08\x01"  # Dimension.dim_value = 1
_ANY = b"\x12\x05faces"  # Dimension.dim_param = "faces"
_BYTES = 2


def with_any_batch(network: bytes) -> bytes:
    """Return an ONNX file, whose one input and one output begin with a side of 1, with that side free.

    Raises:
        ValueError: the network's ends are others, or the file is not an ONNX file.
    """
    try:
        return _replaced(_replaced(network, _INPUT), _OUTPUT)
    except IndexError as error:
        raise ValueError("the network's file ends early") from error


def _replaced(message: bytes, path: tuple[int, ...]) -> bytes:
    """Return `message` with the first dimension at `path`, which is 1, made free."""
    if not path:
        if message != _ONE:
            raise ValueError("the network's first side is not 1")
        return _ANY
    pieces, done = [], False
    for number, wire, begin, content, end in _fields(message):
        if number == path[0] and wire == _BYTES and not done:
            new = _replaced(message[content:end], path[1:])
            pieces += [_varint(number << 3 | _BYTES), _varint(len(new)), new]
            done = True
        else:
            pieces.append(message[begin:end])
    if not done:
        raise ValueError("the network has no ends of fixed shape")
    return b"".join(pieces)


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield each field's number and wire type, and where it, its content and the next begin."""
    at = 0
    while at < len(message):
        begin = at
        key, at = _read_varint(message, at)
        wire = key & 7
        if wire == 0:
            content, (_, at) = at, _read_varint(message, at)
        elif wire == _BYTES:
            size, content = _read_varint(message, at)
            at = content + size
        elif wire in {1, 5}:
            content, at = at, at + (8 if wire == 1 else 4)
        else:
            raise ValueError("the network's file is no protocol buffer")
        if at > len(message):
            raise ValueError("the network's file ends early")
        yield key >> 3, wire, begin, content, at


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
