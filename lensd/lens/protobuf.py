"""Protocol buffers' wire format, read strictly and without copying: all that a look at an ONNX file needs.

A message is described by its fields, `{number: Field}`; one that is not described, comes twice where it may come once,
or has another wire type is refused. That matters: a parser that skipped what it does not know, or took the last of two
graphs where the runtime merges them, would have checked another network than the one that runs.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from lensd.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS_MAX = 200_000  # a generator has about 2,000; Python reads a million in a second


class Wire(IntEnum):
    """Wire types; groups (3, 4) are not among them."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


class Field(NamedTuple):
    """How one field of a message may come.

    Attributes:
        name: as in the .proto file.
        wire: its wire type; a repeated number may also come packed, as BYTES.
        repeated: more than once.
    """

    name: str
    wire: Wire
    repeated: bool = False


class Message:
    """One message, read: the values of each field in order of appearance."""

    def __init__(self) -> None:
        self._numbers: dict[str, list[int]] = {}
        self._pieces: dict[str, list[memoryview]] = {}

    def add(self, name: str, value: int | memoryview) -> None:
        """Append one value."""
        if isinstance(value, int):
            self._numbers.setdefault(name, []).append(value)
        else:
            self._pieces.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        """Return whether the field came at all."""
        return name in self._numbers or name in self._pieces

    def number(self, name: str) -> int:
        """Return a varint; 0 where it did not come, as protocol buffers have it."""
        return self._numbers.get(name, [0])[-1]

    def numbers(self, name: str) -> list[int]:
        """Return all numbers of a repeated field, whether packed or not."""
        return self._numbers.get(name, [])

    def pieces(self, name: str) -> list[memoryview]:
        """Return all values of a field of bytes, texts or messages."""
        return self._pieces.get(name, [])

    def piece(self, name: str) -> memoryview:
        """Return the value of a single field of bytes; empty where it did not come."""
        return self._pieces.get(name, [memoryview(b"")])[-1]

    def text(self, name: str) -> str:
        """Return a text field; what is not UTF-8 is replaced."""
        return str(self.piece(name), "utf-8", "replace")


class MessageReader:
    """Reads the messages of one file, and counts their fields."""

    def __init__(self, where: str) -> None:
        """Remember the file's name for error messages."""
        self._where, self._left = where, _FIELDS_MAX

    def read(self, data: memoryview, kind: str, fields: Mapping[int, Field]) -> Message:
        """Return the message in `data`, whose type `kind` has `fields`.

        Raises:
            PackageError: not such a message.
        """
        message, at = Message(), 0
        while at < len(data):
            self._left -= 1
            if self._left < 0:
                raise PackageError(self._where, f"has more than {_FIELDS_MAX} protocol buffer fields")
            key, at = self.varint(data, at)
            field, wire = fields.get(key >> 3), key & 7
            if field is None:
                raise PackageError(self._where, f"has field {key >> 3} in a {kind}, which lensd does not read")
            if message.has(field.name) and not field.repeated:
                raise PackageError(self._where, f"has {field.name} twice in a {kind}")
            packed = wire == Wire.BYTES != field.wire and field.repeated
            if wire != field.wire and not packed:
                raise PackageError(self._where, f"has {field.name} of another type in a {kind}")
            if wire == Wire.VARINT:
                value, at = self.varint(data, at)
                message.add(field.name, value)
                continue
            size, at = self.varint(data, at) if wire == Wire.BYTES else (8 if wire == Wire.FIXED64 else 4, at)
            if size > len(data) - at:
                raise PackageError(self._where, f"ends in the middle of a {kind}")
            piece, at = data[at : at + size], at + size
            if packed and field.wire == Wire.VARINT:
                self._unpack(message, field.name, piece)
            else:
                message.add(field.name, piece)
        return message

    def _unpack(self, message: Message, name: str, piece: memoryview) -> None:
        at = 0
        while at < len(piece):
            self._left -= 1
            if self._left < 0:
                raise PackageError(self._where, f"has more than {_FIELDS_MAX} protocol buffer fields")
            value, at = self.varint(piece, at)
            message.add(name, value)

    def varint(self, data: memoryview, at: int) -> tuple[int, int]:
        """Return the number at `at`, 0..2**64 - 1, and where the next thing begins.

        Raises:
            PackageError: over ten bytes, over 64 bits, or cut off.
        """
        value = 0
        for shift in range(0, 70, 7):
            if at >= len(data):
                break
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >= 1 << 64:
                    break
                return value, at
        raise PackageError(self._where, "is not a protocol buffer: a number does not end")


def signed(value: int) -> int:
    """Return a varint as the int64 that it stands for."""
    return value - (1 << 64) if value >= 1 << 63 else value
