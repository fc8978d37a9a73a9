"""`lensd stop`."""

from __future__ import annotations

import os
import select

import click

from lensd.control.client import call
from lensd.errors import ControlError

_LIMIT_S = 5.0


@click.command()
def stop() -> None:
    """End the running daemon."""
    pid = int(call("stop")["pid"])
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        ended = True
    else:
        ended = bool(select.select([process], [], [], _LIMIT_S)[0])  # readable once it has ended, reaped or not
        os.close(process)
    if ended:
        print("SnapLens Camera has ended.")
        return
    raise ControlError(f"lensd, pid {pid}", f"has not ended within {_LIMIT_S:g} s", f"kill -9 {pid}")
