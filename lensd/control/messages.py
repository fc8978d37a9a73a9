"""One JSON object a line: encoding, decoding, and the bounds of both."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lensd import __version__
from lensd.errors import LensdError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROTOCOL = 1
MAX_LINE_BYTES = 64 * 1024

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """Return `message` as one line.

    Raises:
        ProtocolError: longer than a line may be.
    """
    line = json.dumps(message, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    if len(line) > MAX_LINE_BYTES:
        raise ProtocolError("message", f"is {len(line)} bytes long, more than {MAX_LINE_BYTES}")
    return line


def decode(line: bytes) -> Message:
    """Return the object in one line.

    Raises:
        ProtocolError: not UTF-8, not JSON, not an object, or nested too deeply.
    """
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("message", f"is not JSON ({error})") from None
    if not isinstance(message, dict):
        raise ProtocolError("message", "is not a JSON object")
    return message


class LineBuffer:
    """Bytes as they arrive, cut into messages; holds at most one unfinished line."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that `data` completes.

        Raises:
            ProtocolError: a line too long, or one that is no message; the rest of the connection is worth nothing.
        """
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            if len(line) >= MAX_LINE_BYTES:
                break
            yield decode(line)
        else:
            if len(self._pending) < MAX_LINE_BYTES:
                return
        raise ProtocolError("message", f"has a line of more than {MAX_LINE_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks of the keeper."""

    id: int
    method: str
    params: Message

    def as_message(self) -> Message:
        """Return it as it travels."""
        return {"id": self.id, "protocol": PROTOCOL, "method": self.method, "params": self.params}


def request_from_message(message: Message) -> Request:
    """Return the request in a client's message.

    Raises:
        ProtocolError: a field missing or of another type, or a protocol that this daemon does not speak.
    """
    protocol = message.get("protocol")
    if protocol != PROTOCOL:
        raise ProtocolError(
            "request",
            f"speaks protocol {str(protocol)[:20]}; this daemon ({__version__}) speaks {PROTOCOL}",
            "use the lensd command that came with the running daemon, or restart it: lensd stop; lensd run",
        )
    identity, method, params = message.get("id"), message.get("method"), message.get("params", {})
    if not isinstance(identity, int) or isinstance(identity, bool) or not 0 <= identity < 2**53:
        raise ProtocolError("request", "needs an id, a whole number")
    if not isinstance(method, str) or not isinstance(params, dict):
        raise ProtocolError("request", "needs a method (text) and params (an object)")
    return Request(identity, method, params)


def reply(identity: int | None, result: Message) -> Message:
    """Return the message that answers request `identity`."""
    return {"id": identity, "protocol": PROTOCOL, "version": __version__, "result": result}


def refusal(identity: int | None, error: LensdError) -> Message:
    """Return the message that refuses request `identity`."""
    return {"id": identity, "protocol": PROTOCOL, "version": __version__, "error": error.as_dict()}
