"""Which other programs have a device open, as far as /proc lets us see: our own user's, or all for root."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PROC = Path("/proc")
_COMMON = ("/dev/null", "/dev/pts/", "/dev/shm/", "/dev/urandom", "/dev/tty")  # noqa: S108 what is not worth a stat()


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a device open: its id, and its name, such as "zoom"."""

    pid: int
    name: str

    def __str__(self) -> str:
        """Return it as people write it: zoom (pid 4711)."""
        return f"{self.name} (pid {self.pid})"


def all_holders(part: str = "") -> dict[int, list[Holder]]:
    """Return for every character device that other processes have open who they are, each once, by pid.

    Looks through /proc, 2 ms for each hundred processes: not for every picture. Processes of other users, and such as
    forbid being looked at, are not seen.

    Args:
        part: only devices whose path has this in it, which costs less.

    Returns:
        By device number (`st_rdev`), so that a device is known by whatever path it was opened.
    """
    found: dict[int, list[Holder]] = {}
    for pid, devices in sorted(open_devices(part)):
        if pid != os.getpid():
            holder = Holder(pid, name_of(pid))
            for device in set(devices):
                found.setdefault(device, []).append(holder)
    return found


def holders(node: Path) -> list[Holder]:
    """Return the other processes that have `node` open; a program with many descriptors on it counts once."""
    try:
        real = node.resolve(strict=True)
        return all_holders(real.name).get(real.stat().st_rdev, [])
    except OSError:
        return []


def count_readers(node: Path) -> int:
    """Return how many other processes have `node` open."""
    return len(holders(node))


def say_holders(node: Path) -> str:
    """Return the other holders as one phrase, such as "zoom (pid 4711), ffmpeg (pid 12)"; empty where none is seen."""
    return ", ".join(map(str, holders(node)))


def open_devices(part: str = "", pids: Iterable[int] | None = None) -> Iterator[tuple[int, list[int]]]:
    """Yield each process that has devices open, ours too: its id, and the number of a device for each descriptor.

    Args:
        part: only devices whose path has this in it.
        pids: only these processes.
    """
    for pid in pids if pids is not None else _processes():
        if devices := list(_open_devices(pid, part)):
            yield pid, devices


def name_of(pid: int) -> str:
    """Return a process's name, such as "zoom"; "?" where it has ended."""
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "comm").read_text("utf-8", "replace").strip()
    return "?"


def _processes() -> Iterator[int]:
    with os.scandir(_PROC) as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def _open_devices(pid: int, part: str) -> Iterator[int]:
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:  # ended, or not ours to look at
        for entry in entries:
            with contextlib.suppress(OSError):  # closed meanwhile
                # The link's text rules out nearly all and costs little; the number then decides.
                target = os.readlink(entry.path)  # noqa: PTH115 a tenth of Path's
                if "/dev/" in target and part in target and not target.startswith(_COMMON):
                    found = entry.stat()
                    if stat.S_ISCHR(found.st_mode):
                        yield found.st_rdev
