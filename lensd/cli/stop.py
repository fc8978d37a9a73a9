"""`lensd stop`."""

from __future__ import annotations

import os
import time

import click

from lensd.control.client import call
from lensd.errors import ControlError

_LIMIT_S = 5.0


@click.command()
def stop() -> None:
    """End the running daemon."""
    pid = int(call("stop")["pid"])
    deadline = time.monotonic() + _LIMIT_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            print("SnapLens Camera has ended.")
            return
        time.sleep(0.02)
    raise ControlError(f"lensd, pid {pid}", f"has not ended within {_LIMIT_S:g} s", f"kill -9 {pid}")
