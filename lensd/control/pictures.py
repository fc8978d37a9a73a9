"""What is on air, for a program that looks on: the keeper hands over the shared picture, to be read and not written."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from lensd.control.client import answer_in, connect, refused_by
from lensd.control.messages import LineBuffer, Request, encode
from lensd.errors import ControlError
from lensd.shared_picture import SharedPictureReader

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.control.messages import Message

_TIMEOUT_S = 5.0


class OnAir:
    """A connection over which the keeper tells where the pictures on air are."""

    def __init__(self, path: Path | None = None) -> None:
        """Connect to the running daemon.

        Raises:
            DaemonNotRunning: nobody listens. ControlError: the socket cannot be used.
        """
        self._socket = connect(path, _TIMEOUT_S)
        self._lines, self._number, self._ids = LineBuffer(), 0, 0
        self.settled = False  # what is on air is not about to change: a webcam that was closed has opened

    def look(self) -> SharedPictureReader | None:
        """Return where the pictures come from now, where that has changed since the last look; else None.

        Raises:
            RemoteError: the daemon refused. ControlError: it has ended, or does not answer.
        """
        with refused_by("lensd"):
            self._ids += 1
            request = Request(self._ids, "picture", {"known": self._number})
            try:
                self._socket.sendall(encode(request.as_message()))
                result, descriptors = self._receive()
            except (BrokenPipeError, ConnectionResetError):
                raise ControlError("lensd", "has ended", "start it with: lensd run") from None
        try:
            self._number, self.settled = int(result.get("number", 0)), result.get("settled") is True
            return SharedPictureReader(descriptors[0], marks=False) if descriptors else None
        except (ValueError, TypeError, OSError) as error:
            raise ControlError("the picture on air", f"cannot be looked at: {error}") from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def close(self) -> None:
        """Look no more."""
        self._socket.close()

    def _receive(self) -> tuple[Message, list[int]]:
        descriptors: list[int] = []
        while True:
            data, arrived, _, _ = socket.recv_fds(self._socket, 65536, 4, socket.MSG_CMSG_CLOEXEC)
            descriptors += arrived
            if not data:
                raise ControlError("lensd", "has ended", "start it with: lensd run")
            for message in self._lines.feed(data):
                return answer_in(message), descriptors
