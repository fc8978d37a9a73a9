"""The keeper's side of the control socket: non-blocking, bounded, one user only."""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from lensd.control.messages import LineBuffer, Message, encode, refusal, reply, request_from_message
from lensd.errors import LensdError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.control.messages import Request

log = logging.getLogger(__name__)

MAX_CLIENTS = 32
_MAX_UNSENT_BYTES = 1 << 20


class Answer(Protocol):
    """How a request is answered, at once or later; calling it after the client has gone does nothing."""

    def __call__(self, result: Message | LensdError) -> None:
        """Send the result, or the refusal."""



class Connection:
    """One client: lines in, lines out, never blocking."""

    def __init__(self, peer: socket.socket, selector: selectors.BaseSelector, handler: Callable[[Request, Answer], None]) -> None:
        """Watch `peer`, which is ours from here on."""
        self._socket, self._selector, self._handler = peer, selector, handler
        self._lines, self._unsent, self.open = LineBuffer(), bytearray(), True
        peer.setblocking(False)
        selector.register(peer, selectors.EVENT_READ, self._ready)

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Queue one message; a client that does not read is dropped. Descriptors travel with the first byte."""
        if not self.open:
            return
        try:
            line = encode(message)
            if descriptors:
                sent = socket.send_fds(self._socket, [line], list(descriptors)) if not self._unsent else 0
                if sent == 0:
                    raise BlockingIOError  # noqa: TRY301 the same end as a full socket
                line = line[sent:]
        except (BlockingIOError, LensdError, OSError):
            self.close()
            return
        self._unsent += line
        self._flush()

    def close(self) -> None:
        """Forget the client."""
        if self.open:
            self.open = False
            self._selector.unregister(self._socket)
            self._socket.close()

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            self.close()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, events, self._ready)

    def _ready(self, mask: int) -> None:
        if mask & selectors.EVENT_WRITE:
            self._flush()
        if not (self.open and mask & selectors.EVENT_READ):
            return
        try:
            data = self._socket.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            for message in self._lines.feed(data):
                self._take(message)
                if not self.open:
                    return
        except ProtocolError as error:
            self.send(refusal(None, error))
            self.close()

    def _take(self, message: Message) -> None:
        identity = message.get("id") if isinstance(message.get("id"), int) else None

        def answer(result: Message | LensdError) -> None:
            self.send(refusal(identity, result) if isinstance(result, LensdError) else reply(identity, result))

        try:
            self._handler(request_from_message(message), answer)
        except LensdError as error:
            answer(error)


class ControlServer:
    """Listens on the control socket; refuses other users."""

    def __init__(self, path: Path, selector: selectors.BaseSelector, handler: Callable[[Request, Answer], None]) -> None:
        """Bind `path`, whose folder is ours alone; a socket left there by a dead daemon is replaced.

        Raises:
            OSError: it cannot be bound.
        """
        self._path, self._selector, self._handler = path, selector, handler
        self._connections: list[Connection] = []
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(MAX_CLIENTS)
        selector.register(self._socket, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Stop listening, drop all clients, remove the socket."""
        self._selector.unregister(self._socket)
        self._socket.close()
        for connection in self._connections:
            connection.close()
        with contextlib.suppress(OSError):
            self._path.unlink()

    def _accept(self, _mask: int) -> None:
        try:
            peer, _ = self._socket.accept()
        except OSError:
            return  # it has gone again, or there are no descriptors left
        self._connections = [connection for connection in self._connections if connection.open]
        _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        if user != self._path.stat().st_uid or len(self._connections) >= MAX_CLIENTS:
            log.warning("a client was refused: %s", "another user" if user != self._path.stat().st_uid else "too many")
            peer.close()
            return
        self._connections.append(Connection(peer, self._selector, self._handler))
