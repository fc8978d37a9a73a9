"""Who opens, reads and closes a file, told by the kernel; for one file. Source: inotify(7)."""

from __future__ import annotations

import ctypes
import os
import struct
from enum import IntFlag
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_EVENT = struct.Struct("iIII")
_READ_BYTES = 64 * 1024


class Change(IntFlag):
    """`IN_*`: what happened."""

    READ = 0x1
    CLOSED_WRITER = 0x8
    CLOSED_READER = 0x10
    OPENED = 0x20
    LOST = 0x4000  # events were; anything may have happened
    CLOSED = CLOSED_WRITER | CLOSED_READER


class Inotify:
    """A watch on one file; its descriptor is readable when there is news."""

    def __init__(self, path: Path, changes: Change) -> None:
        """Watch `path` for `changes`.

        Raises:
            OSError: no such file, not permitted, or no watches left (fs.inotify.max_user_watches).
        """
        self._descriptor: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        if _libc.inotify_add_watch(self._descriptor, os.fsencode(path), ctypes.c_uint32(changes)) < 0:
            number = ctypes.get_errno()
            self.close()
            raise OSError(number, os.strerror(number), str(path))

    def fileno(self) -> int:
        """Return the descriptor, for select."""
        return self._descriptor

    def take(self) -> list[Change]:
        """Return what happened since the last time, in order; the kernel tells of the same thing in a row but once."""
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except BlockingIOError:
            return []
        found, at = [], 0
        while at < len(data):
            _, mask, _, length = _EVENT.unpack_from(data, at)
            found.append(Change(mask & 0xFFFF))
            at += _EVENT.size + length
        return found

    def close(self) -> None:
        """End the watch."""
        os.close(self._descriptor)
