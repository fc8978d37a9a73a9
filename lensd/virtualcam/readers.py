"""Who else has a device open, as far as this user may see."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the device open: its id and its name, such as "zoom"."""

    pid: int
    name: str

    def __str__(self) -> str:
        """Return it as people write it: zoom (pid 4711)."""
        return f"{self.name} (pid {self.pid})"


def holders(node: Path) -> list[Holder]:
    """Return the other processes that have `node` open; a program with many descriptors on it counts once.

    Looks through /proc, 5 to 20 ms on a desktop: not for every picture. Processes of other users, and such as forbid
    being looked at, are not seen.
    """
    try:
        device = node.stat().st_rdev
    except OSError:
        return []
    return [Holder(pid, _name(pid)) for pid in _others() if _has_open(pid, node.name, device)]


def count_readers(node: Path) -> int:
    """Return how many other processes have `node` open."""
    return len(holders(node))


def say_holders(node: Path) -> str:
    """Return the other holders as one phrase, such as "zoom (pid 4711), ffmpeg (pid 12)"; empty where none is seen."""
    return ", ".join(str(holder) for holder in holders(node))


def _others() -> Iterator[int]:
    ours = os.getpid()
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdigit() and int(entry.name) != ours:
                yield int(entry.name)


def _has_open(pid: int, name: str, device: int) -> bool:
    with contextlib.suppress(OSError), os.scandir(_PROC / str(pid) / "fd") as entries:  # ended, or not ours to look at
        for entry in entries:
            with contextlib.suppress(OSError):
                # The link's text rules out nearly all and costs little; the number then decides.
                if name in os.readlink(entry.path) and entry.stat().st_rdev == device:  # noqa: PTH115 a tenth of Path's
                    return True
    return False


def _name(pid: int) -> str:
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "comm").read_text("utf-8", "replace").strip()
    return "?"
