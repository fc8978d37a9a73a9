"""The virtual camera's descriptor, kept by systemd while one keeper ends and the next begins.

A browser's call goes blank for good when the writer of a camera ends. A descriptor of which systemd holds a copy does
not end with us: the driver goes on to stream its last picture, and the next keeper writes on.

Source: sd_notify(3), FDSTORE=1; sd_listen_fds(3), the environment; FileDescriptorStoreMax= in systemd.service(5).
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from lensd.keeper.notify import notify

if TYPE_CHECKING:
    from pathlib import Path

_OUTPUT = "output-"  # begins the names under which descriptors of outputs are kept
_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 64


def handed_down() -> dict[str, int]:
    """Return the descriptors that were kept for this process, by their names; none where they are for another."""
    environment = os.environ
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit() or int(count) > _MOST:
        return {}
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    return {name: _FIRST + number for number, name in zip(range(int(count)), names, strict=False)}


class DescriptorStore:
    """What systemd kept for us, and what it is to keep."""

    def __init__(self) -> None:
        """Take what was handed down; the processes that we start shall know nothing of it."""
        self._given: dict[str, int] = {}
        self._kept: set[str] = set()
        for name, descriptor in handed_down().items():
            with contextlib.suppress(OSError):
                os.set_inheritable(descriptor, False)
                self._given[name] = descriptor
        for name in ("PID", "FDS", "FDNAMES"):
            os.environ.pop(f"LISTEN_{name}", None)

    def take(self, node: Path) -> int | None:
        """Return the descriptor of `node` that was kept; the caller's alone from here on, until it is kept again."""
        descriptor = self._given.pop(_name(node), None)
        if descriptor is not None:
            notify(f"FDSTOREREMOVE=1\nFDNAME={_name(node)}")
        return descriptor

    def keep(self, node: Path, descriptor: int) -> None:
        """Have a copy of `descriptor` kept beyond our end."""
        # FDPOLL=0: what poll() says of a camera's output side is no reason to throw it away.
        if notify(f"FDSTORE=1\nFDNAME={_name(node)}\nFDPOLL=0", (descriptor,)):
            self._kept.add(_name(node))

    def keeps(self, node: Path) -> bool:
        """Tell whether a descriptor of `node` is kept beyond our end."""
        return _name(node) in self._kept

    def drop(self, node: Path) -> None:
        """Have it forgotten: the stream is to end, or has ended."""
        self._kept.discard(_name(node))
        notify(f"FDSTOREREMOVE=1\nFDNAME={_name(node)}")

    def drop_given(self) -> None:
        """Close what was handed down and is of no use: another device's, or of another time."""
        for name, descriptor in self._given.items():
            os.close(descriptor)
            notify(f"FDSTOREREMOVE=1\nFDNAME={name}")
        self._given.clear()


def _name(node: Path) -> str:
    return f"{_OUTPUT}{node.name}"
