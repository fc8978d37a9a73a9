"""The page's end of the socket to the keeper: requests and replies, events, and descriptors beside them."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import socket
from collections import deque
from typing import TYPE_CHECKING

from lensd.control.client import RemoteError
from lensd.control.messages import LineBuffer, Message, Request, encode
from lensd.errors import ControlError, LensdError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_READ_BYTES = 65536
_MAX_DESCRIPTORS = 4
_MAX_UNSENT_BYTES = 1 << 20


class KeeperLink:
    """Lives on one event loop; ends with the keeper."""

    def __init__(self, descriptor: int, on_event: Callable[[Message, deque[int]], None]) -> None:
        """Take over the inherited `descriptor`, a connected Unix stream socket. Within a running loop.

        Args:
            descriptor: ours from here on.
            on_event: called with each message that is no reply, and the descriptors that have arrived and that
                nobody has taken; whoever takes one off the left owns it.

        Raises:
            OSError: it is no socket.
        """
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self.ended = asyncio.Event()
        self._lines, self._unsent = LineBuffer(), bytearray()
        self._descriptors: deque[int] = deque()
        self._waiting: dict[int, asyncio.Future[Message]] = {}
        self._ids = itertools.count(1)
        self._loop.add_reader(self._socket, self._readable)

    async def call(self, method: str, params: Message, timeout_s: float) -> Message:
        """Ask the keeper, and return its result; others may ask meanwhile.

        Raises:
            RemoteError: the keeper refused.
            ControlError: no answer in time, or the keeper has gone.
        """
        identity = next(self._ids)
        future: asyncio.Future[Message] = self._loop.create_future()
        self._waiting[identity] = future
        try:
            self.send(Request(identity, method, params).as_message())
            async with asyncio.timeout(timeout_s):
                return await future
        except TimeoutError:
            raise ControlError("lensd", f"did not answer within {timeout_s:g} s", "see: lensd status") from None
        finally:
            del self._waiting[identity]

    def send(self, message: Message) -> None:
        """Send one message, later where the socket is full; does nothing once the keeper has gone."""
        if self.ended.is_set():
            return
        self._unsent += encode(message)
        self._flush()

    def close(self) -> None:
        """Forget the keeper."""
        if not self.ended.is_set():
            self.ended.set()
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._socket.close()
            for descriptor in self._descriptors:
                os.close(descriptor)
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ControlError("lensd", "has ended", "start it with: lensd run"))

    def _flush(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            if len(self._unsent) > _MAX_UNSENT_BYTES:
                self.close()
                return
            self._loop.add_writer(self._socket, self._flush)
        except OSError:
            self.close()
        else:
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(
                self._socket, _READ_BYTES, _MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        # They come with the first byte of their own message, so their order is the messages' order.
        self._descriptors.extend(descriptors)
        if not data or len(self._descriptors) > _MAX_DESCRIPTORS:
            self.close()
            return
        try:
            for message in self._lines.feed(data):
                self._take(message)
                if self.ended.is_set():
                    return
        except LensdError as error:
            log.warning("The keeper's message was not understood: %s", error)
            self.close()

    def _take(self, message: Message) -> None:
        if "event" in message:
            self._on_event(message, self._descriptors)
            return
        future = self._waiting.get(message.get("id", 0))
        if future is None or future.done():
            return  # nobody waits any more
        if isinstance(error := message.get("error"), dict):
            future.set_exception(RemoteError(error))
        elif isinstance(result := message.get("result"), dict):
            future.set_result(result)
        else:
            future.set_exception(ControlError("lensd", "gave an answer without a result"))
