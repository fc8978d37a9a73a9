"""One end of a socket that carries messages: never blocking, bounded both ways."""

from __future__ import annotations

import selectors
import socket
from typing import TYPE_CHECKING

from lensd.control.messages import LineBuffer, Message, encode, refusal
from lensd.errors import LensdError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_UNSENT_BYTES = 1 << 20
_READ_BYTES = 4096


class Connection:
    """Messages in by a call-back, messages out by `send`; its owner's selector drives it."""

    def __init__(
        self,
        peer: socket.socket,
        selector: selectors.BaseSelector,
        on_message: Callable[[Message], None],
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        """Watch `peer`, which is ours from here on.

        Args:
            peer: a connected stream socket.
            selector: calls its keys' data with the event mask.
            on_message: called with each message that arrives.
            on_close: called once, when the other side ends or breaks the protocol; not after our own `close`.
        """
        self._socket, self._selector = peer, selector
        self._on_message, self._on_close = on_message, on_close
        self._lines, self._unsent, self.open = LineBuffer(), bytearray(), True
        peer.setblocking(False)
        selector.register(peer, selectors.EVENT_READ, self._ready)

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send one message, later where the socket is full; a peer that does not read is dropped.

        Args:
            message: what `encode` takes.
            descriptors: travel with its first byte (SCM_RIGHTS), and stay the caller's.
        """
        if not self.open:
            return
        try:
            line = encode(message)
            if descriptors:
                self._flush()
                line = line[socket.send_fds(self._socket, [line], descriptors) :]
        except (LensdError, OSError):
            self._end()
            return
        self._unsent += line
        self._flush()

    def close(self) -> None:
        """Forget the peer."""
        if self.open:
            self.open = False
            self._selector.unregister(self._socket)
            self._socket.close()
            # Who is called mostly owns us too: a circle, which keeps a dead worker's pictures until Python looks for
            # such, and it seldom does in a process that allocates next to nothing.
            self._on_message, self._on_close = _forgotten, _nothing

    def _end(self) -> None:
        if self.open:
            on_close = self._on_close
            self.close()
            on_close()

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError:
            self._end()
            return
        if len(self._unsent) > _MAX_UNSENT_BYTES:
            self._end()
            return
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, events, self._ready)

    def _ready(self, mask: int) -> None:
        if self.open and mask & selectors.EVENT_WRITE:
            self._flush()
        readable = self.open and mask & selectors.EVENT_READ
        if not readable:
            return
        try:
            data = self._next_message()
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        try:
            for message in self._lines.feed(data):
                self._on_message(message)
                if not self.open:
                    return
        except ProtocolError as error:
            self.send(refusal(None, error))
            self._end()

    def _next_message(self) -> bytes:
        """Read to the end of the next message, or what there is of it.

        A flood is read on in the loop's next turns, after the pictures: to find a lens may take milliseconds.
        """
        waiting = self._socket.recv(_READ_BYTES, socket.MSG_PEEK)
        return self._socket.recv(waiting.find(b"\n") + 1 or len(waiting)) if waiting else b""


def _forgotten(_message: Message) -> None:
    """Take what nobody wants any more."""


def _nothing() -> None:
    """Do nothing."""
