"""What the process does: takes the shared picture on air from the keeper, and shows it when it is woken."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import threading
from typing import TYPE_CHECKING, NoReturn

from lensd.control.messages import LineBuffer, Message, encode
from lensd.errors import ControlError, LensdError, RuntimeMissing
from lensd.frames import VideoFormat
from lensd.pipewire.camera import PipewireCamera
from lensd.pipewire.libpipewire import State
from lensd.shared_picture import SharedPictureReader
from lensd.v4l2.nodes import OWN_LABEL

if TYPE_CHECKING:
    from lensd.frames import U8

log = logging.getLogger(__name__)

IMPOSSIBLE = 69  # EX_UNAVAILABLE: the keeper does not try again
_GONE = 1
_READ_BYTES = 65536
_TOLD = {State.PAUSED: "listed", State.STREAMING: "streaming"}


class _Ended(Exception):
    """Says with which status."""


class _Service:
    """One thread of ours carries messages and wakes PipeWire's, which copies pictures."""

    def __init__(self, control: socket.socket, wake: int) -> None:
        self._control, self._wake = control, wake
        self._lines, self._descriptors = LineBuffer(), list[int]()
        self._fps = 30.0
        self._camera: PipewireCamera | None = None
        self._reader: SharedPictureReader | None = None
        self._told, self._telling = "", threading.Lock()
        self._gone_reader, self._gone_writer = os.pipe()

    def run(self) -> NoReturn:
        control = self._control.fileno()
        while True:
            readable, _, _ = select.select([control, self._wake, self._gone_reader], [], [])
            if self._gone_reader in readable:
                raise _Ended(_GONE)
            if control in readable:
                self._receive()
            if self._wake in readable:
                os.eventfd_read(self._wake)
                if self._camera is not None:
                    self._camera.show()

    def close(self) -> None:
        if self._camera is not None:
            self._camera.close()

    def tell(self, message: Message) -> None:
        with self._telling:
            try:
                self._control.sendall(encode(message))
            except OSError:
                log.debug("The keeper has gone")

    def _receive(self) -> None:
        data, descriptors, _, _ = socket.recv_fds(self._control, _READ_BYTES, 4, socket.MSG_CMSG_CLOEXEC)
        self._descriptors.extend(descriptors)
        if not data:
            raise _Ended(0)
        for message in self._lines.feed(data):
            if message.get("event") == "rate":
                self._fps = float(message["fps"])
            elif message.get("event") == "show" and self._descriptors:
                self._show(self._descriptors.pop(0), int(message["width"]), int(message["height"]))

    def _show(self, descriptor: int, width: int, height: int) -> None:
        """Take another shared picture; the first one says what size the camera has, for good."""
        try:
            self._reader = SharedPictureReader(descriptor, marks=False)
        finally:
            os.close(descriptor)
        if self._camera is None:
            self._camera = PipewireCamera(VideoFormat(width, height, self._fps), OWN_LABEL, self._fill, self._changed)

    def _fill(self, out: U8) -> bool:
        """Copy the picture on air; in PipeWire's thread."""
        reader = self._reader
        return reader is not None and reader.copy_newest(out) is not None

    def _changed(self, state: State, error: str) -> None:
        """Follow the camera's state; in PipeWire's thread."""
        if state in {State.ERROR, State.UNCONNECTED}:
            self.tell(
                {"event": "state", "state": "absent", "why": "PipeWire has ended" + (f" ({error})" if error else "")}
            )
            os.write(self._gone_writer, b"x")
        elif (told := _TOLD.get(state, "starting")) != self._told:
            self._told = told
            self.tell({"event": "state", "state": told, "why": ""})
            self.tell({"event": "viewers", "count": int(told == "streaming")})


def serve(control: int, wake: int) -> int:
    """Be a camera of PipeWire's until the keeper, or PipeWire, has gone; return the exit status.

    Args:
        control: inherited end of the keeper's socket.
        wake: eventfd that the keeper writes to with each picture.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with socket.socket(fileno=control) as connection:
        service = _Service(connection, wake)
        try:
            service.run()
        except _Ended as ended:
            return int(ended.args[0])
        except LensdError as error:
            lasting = isinstance(error, RuntimeMissing | ControlError)
            state = "impossible" if lasting else "absent"
            service.tell({"event": "state", "state": state, "why": f"{error.what} {error.why}"})
            return IMPOSSIBLE if lasting else _GONE
        except (OSError, ValueError, KeyError) as error:
            log.warning("The keeper's message was not understood: %s", error)
            return _GONE
