"""The command line's side of the control socket."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from lensd import __version__
from lensd.config import control_socket
from lensd.control.messages import PROTOCOL, LineBuffer, Message, Request, encode
from lensd.errors import ControlError, DaemonNotRunning, LensdError, ProtocolError

if TYPE_CHECKING:
    from pathlib import Path


class RemoteError(LensdError):
    """What the daemon refused, with its own words."""

    def __init__(self, fields: Message) -> None:
        """Take over the fields of an error message."""
        text = {name: str(fields.get(name, "")) for name in ("code", "what", "why", "hint")}
        super().__init__(text["what"], text["why"], text["hint"])
        self.remote_code = text["code"]
        self.exit_status = _exit_statuses(LensdError).get(self.remote_code, LensdError.exit_status)


def _exit_statuses(error: type[LensdError]) -> dict[str, int]:
    """Return the exit status of each error code, from the tree of errors."""
    statuses = {error.code: error.exit_status}
    for kind in error.__subclasses__():
        statuses |= _exit_statuses(kind)
    return statuses


def call(method: str, params: Message | None = None, *, timeout_s: float = 30, path: Path | None = None) -> Message:
    """Ask the running daemon, and return its result.

    Args:
        method: status, switch, pause, resume, preview or stop.
        params: as the method takes them.
        timeout_s: how long the answer may take.
        path: of the socket, where it is not the usual one.

    Raises:
        DaemonNotRunning: nobody listens.
        RemoteError: the daemon refused.
        ControlError: no answer in time. ProtocolError: a daemon of another protocol.
    """
    path = path or control_socket()
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(encode(Request(1, method, params or {}).as_message()))
            return _answer(connection)
    except (FileNotFoundError, ConnectionRefusedError):
        raise DaemonNotRunning("lensd", "is not running", "start it with: lensd run") from None
    except TimeoutError:
        raise ControlError("lensd", f"did not answer within {timeout_s:g} s", "see: lensd status") from None
    except OSError as error:
        raise ControlError(str(path), error.strerror or str(error)) from None


def _answer(connection: socket.socket) -> Message:
    lines = LineBuffer()
    while data := connection.recv(65536):
        for message in lines.feed(data):
            if message.get("protocol") != PROTOCOL:
                raise ProtocolError(
                    f"the running daemon ({message.get('version', 'of unknown version')})",
                    f"speaks protocol {message.get('protocol')}; this command ({__version__}) speaks {PROTOCOL}",
                    "restart the daemon: lensd stop; lensd run",
                )
            if isinstance(error := message.get("error"), dict):
                raise RemoteError(error)
            if isinstance(result := message.get("result"), dict):
                return result
    raise ControlError("lensd", "closed the connection without an answer", "see its log: journalctl --user -u lensd")
