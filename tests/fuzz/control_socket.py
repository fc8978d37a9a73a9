"""Hostile bytes into the keeper's socket: `python -m tests.fuzz.control_socket [OPTIONS]`.

An input is what a client sends, in two pieces, through a real socket, a real `Connection` and a handler that looks at
everything. Each answer has to be a line that decodes; nothing but a refusal or the end of the connection may come of
it. Options are libFuzzer's, as for lens_package.py.
"""

from __future__ import annotations

import json
import selectors
import socket
from pathlib import Path

import atheris

from tests.fuzz_target import fuzz

with atheris.instrument_imports(include=["lensd.control", "json"]):
    from lensd.control.connection import Connection
    from lensd.control.messages import PROTOCOL, LineBuffer, Message, Request
    from lensd.control.server import Answer, serve
    from lensd.errors import LensError, ProtocolError

METHODS = ("status", "switch", "pause", "resume", "reload", "picture", "preview", "stop")
MOST_BYTES = 4096
_READ_TURNS = 64


def handle(request: Request, answer: Answer) -> None:
    if request.method not in METHODS:
        raise ProtocolError(f"method {request.method[:40]!r}", "unknown")
    if "lens" in request.params and not isinstance(request.params["lens"], str):
        raise LensError("lens", "there is no such lens")
    answer({"params": request.params})


def one_input(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with selectors.DefaultSelector() as selector, ours, theirs:

        def take(message: Message) -> None:
            serve(message, connection.send, handle)

        connection = Connection(theirs, selector, take)
        cut = data[0] * len(data) // 256 if data else 0
        answers = b""
        ours.setblocking(False)
        for piece in (data[1 : 1 + cut], data[1 + cut :]):
            try:
                ours.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break
            for _ in range(_READ_TURNS):
                ready = selector.select(0) if connection.open else []
                for key, mask in ready:
                    key.data(mask)
                try:
                    answers += ours.recv(1 << 16)
                except (BlockingIOError, ConnectionResetError):
                    if not any(mask & selectors.EVENT_READ for _, mask in ready):
                        break
        connection.close()
        for message in LineBuffer().feed(answers):
            if ("result" in message) == ("error" in message):
                raise RuntimeError(f"neither an answer nor a refusal: {message}")


def seeds(folder: Path) -> None:
    """Begin with a right request for each method."""
    for number, method in enumerate(METHODS):
        message = {"id": number, "protocol": PROTOCOL, "method": method, "params": {"lens": "thug-life", "known": 1}}
        (folder / method).write_bytes(b"\x80" + json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    fuzz(one_input, seeds, MOST_BYTES)
