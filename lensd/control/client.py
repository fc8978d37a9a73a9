"""The command line's side of the control socket."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from lensd import __version__
from lensd.config import control_socket
from lensd.control.messages import PROTOCOL, LineBuffer, Message, Request, encode
from lensd.errors import ControlError, DaemonNotRunning, LensdError, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterator
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
        method: status, switch, pause, resume, reload, adjust, preview or stop.
        params: as the method takes them.
        timeout_s: how long the answer may take.
        path: of the socket, where it is not the usual one.

    Raises:
        DaemonNotRunning: nobody listens.
        RemoteError: the daemon refused.
        ControlError: no answer in time. ProtocolError: a daemon of another protocol.
    """
    with connect(path, timeout_s) as connection, refused_by("lensd", timeout_s):
        connection.sendall(encode(Request(1, method, params or {}).as_message()))
        lines = LineBuffer()
        while data := connection.recv(65536):
            for message in lines.feed(data):
                return answer_in(message)
    raise ControlError("lensd", "closed the connection without an answer", "see its log: journalctl --user -u lensd")


def connect(path: Path | None, timeout_s: float) -> socket.socket:
    """Return a connection to the running daemon.

    Raises:
        DaemonNotRunning: nobody listens. ControlError: the socket cannot be used.
    """
    path = path or control_socket()
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout_s)
    try:
        with refused_by(str(path), timeout_s):
            connection.connect(str(path))
    except ControlError:
        connection.close()
        raise
    return connection


@contextlib.contextmanager
def refused_by(what: str, timeout_s: float = 5) -> Iterator[None]:
    """Turn the system's errors into ours."""
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError):
        raise DaemonNotRunning("lensd", "is not running", "start it with: lensd run") from None
    except TimeoutError:
        raise ControlError("lensd", f"did not answer within {timeout_s:g} s", "see: lensd status") from None
    except OSError as error:
        raise ControlError(what, error.strerror or str(error)) from None


def answer_in(message: Message) -> Message:
    """Return the result in the daemon's answer.

    Raises:
        RemoteError: it refused. ProtocolError: it speaks another protocol.
    """
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
    raise ProtocolError("the running daemon", "gave an answer without a result")
