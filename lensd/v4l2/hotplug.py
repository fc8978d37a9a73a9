"""News of video devices that come and go: from udev, else from the kernel, else by looking.

Kernel and udev tell of devices by netlink datagrams of `NAME=value` texts, each ended by a zero byte; udev's begin with
a header of its own, and are sent when its rules have run, so that links and permissions are there. A datagram is taken
as a hint to look, never for what it says, so a forged one costs a look. Source: netlink(7), libudev's `udev_monitor`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import time
from pathlib import Path

from lensd.v4l2.nodes import BY_ID, list_names

_KOBJECT_UEVENT = 15  # NETLINK_KOBJECT_UEVENT
_OF_KERNEL, _OF_UDEV = 1, 2  # multicast groups
_UDEV_RUNS = Path("/run/udev/control")
_OURS = b"SUBSYSTEM=video4linux"
_MOST_BYTES = 16 * 1024
_LOOK_S = 1.0  # where nobody tells


class DeviceNews:
    """Tells whether video devices have come or gone since it was last asked; never waits."""

    def __init__(self, *, listen: bool = True) -> None:
        """Listen from now on; without `listen`, or where that is not allowed, look at the devices every second."""
        self._socket = _listener() if listen else None
        self._seen = _there() if self._socket is None else []
        self._looked_s = time.monotonic()

    @property
    def told_by(self) -> str:
        """Who tells: "udev", "kernel", or "looking"."""
        if self._socket is None:
            return "looking"
        return "udev" if self._socket.getsockname()[1] == _OF_UDEV else "kernel"

    def changed(self) -> bool:
        """Return whether there is news: 1 us where there is none, or 20 us a device every second without netlink."""
        if self._socket is None:
            return self._looked()
        changed = False
        while True:
            try:
                changed |= _OURS in self._socket.recv(_MOST_BYTES)
            except BlockingIOError:
                return changed
            except OSError as error:
                if error.errno != errno.ENOBUFS:  # more news than the kernel keeps: some of it was lost
                    self.close()
                return True

    def close(self) -> None:
        """Listen no more; `changed` then goes by looking."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _looked(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._looked_s < _LOOK_S:
            return False
        self._looked_s, before, self._seen = now_s, self._seen, _there()
        return self._seen != before


def _listener() -> socket.socket | None:
    group = _OF_UDEV if _UDEV_RUNS.exists() else _OF_KERNEL
    listener = None
    try:
        listener = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, _KOBJECT_UEVENT
        )
        listener.bind((0, group))
    except OSError:  # a sandbox without netlink
        if listener is not None:
            listener.close()
        return None
    return listener


def _there() -> list[tuple[object, ...]]:
    """Return what tells one set of devices from another."""
    links: list[str] = []
    with contextlib.suppress(OSError):
        links = sorted(os.listdir(BY_ID))  # noqa: PTH208 names are enough
    return [*list_names(), *((link,) for link in links)]
