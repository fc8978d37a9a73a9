"""The keeper's side of the control socket: requests in, answers out, one user only."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import struct
from typing import TYPE_CHECKING, Protocol

from lensd.control.connection import Connection
from lensd.control.messages import Message, Request, refusal, reply, request_from_message
from lensd.errors import LensdError

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

MAX_CLIENTS = 32


class Answer(Protocol):
    """How a request is answered, at once or later; after its client has gone it does nothing."""

    def __call__(self, result: Message | LensdError, descriptors: tuple[int, ...] = ()) -> None:
        """Send the result, with descriptors that stay the caller's, or the refusal."""


class Send(Protocol):
    """How a message travels: `Connection.send`."""

    def __call__(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send it."""


class RequestHandler(Protocol):
    """What serves the requests."""

    def __call__(self, request: Request, answer: Answer) -> None:
        """Answer, now or later.

        Raises:
            LensdError: instead of answering.
        """


def serve(message: Message, send: Send, handler: RequestHandler) -> None:
    """Have `handler` answer one client's message through `send`."""
    identity = message.get("id")
    identity = identity if isinstance(identity, int) else None

    def answer(result: Message | LensdError, descriptors: tuple[int, ...] = ()) -> None:
        if isinstance(result, LensdError):
            send(refusal(identity, result))
        else:
            send(reply(identity, result), descriptors)

    try:
        handler(request_from_message(message), answer)
    except LensdError as error:
        answer(error)


class ControlServer:
    """Listens on the control socket; refuses other users."""

    def __init__(self, path: Path, selector: selectors.BaseSelector, handler: RequestHandler) -> None:
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
            _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        except OSError:
            return  # it has gone again, or there are no descriptors left
        self._connections = [connection for connection in self._connections if connection.open]
        if user != os.getuid() or len(self._connections) >= MAX_CLIENTS:
            log.warning("A client was refused: %s", "another user" if user != os.getuid() else "too many clients")
            peer.close()
            return

        def take(message: Message) -> None:
            serve(message, connection.send, self._handler)

        connection = Connection(peer, self._selector, take)
        self._connections.append(connection)
