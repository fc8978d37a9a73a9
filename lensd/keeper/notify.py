"""What systemd is told of us.

Source: sd_notify(3), the protocol over $NOTIFY_SOCKET.
"""

from __future__ import annotations

import contextlib
import os
import socket


def notify(state: str, descriptors: tuple[int, ...] = ()) -> bool:
    """Send `state`, such as "READY=1", and descriptors with it; say whether systemd listens, and they arrived."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in {"/", "@"}:
        return False
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.connect("\0" + address[1:] if address[0] == "@" else address)
        socket.send_fds(sender, [state.encode()], descriptors)
        return True
    return False


def started_by_systemd() -> bool:
    """Tell whether a service manager started us, and no person at a terminal."""
    return "NOTIFY_SOCKET" in os.environ or "JOURNAL_STREAM" in os.environ


def watchdog_period_s() -> float | None:
    """Return how often systemd wants to hear of us, halved as it advises; None where it does not watch."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdigit() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 2e6
