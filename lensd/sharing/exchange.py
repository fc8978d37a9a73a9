"""Folders written down for good, and changing places in one step."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_AT_CWD, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of linux/fs.h
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def write_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder of plain files, and have it on the disk before this returns.

    Raises:
        OSError: it is there already, cannot be written, or the disk is full.
    """
    folder.mkdir()
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    for path in (*(path for path in folder.iterdir() if path.is_dir()), folder):
        sync_folder(path)


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk.

    Raises:
        OSError: it cannot be.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def exchange(new: Path, old: Path) -> None:
    """Let two folders change places in one step, so that `old`'s name is there at every moment.

    Raises:
        OSError: they cannot; both are where they were.
    """
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is not None:
        if rename(_AT_CWD, os.fsencode(new), _AT_CWD, os.fsencode(old), _EXCHANGE) == 0:
            return
        if (number := ctypes.get_errno()) not in _NOT_HERE:
            raise OSError(number, os.strerror(number), str(old))
    # A file system that cannot: the old one is out of the way for microseconds, and comes back if the new one cannot.
    away = new.with_name(f"{new.name}.old")
    old.rename(away)
    try:
        new.rename(old)
    except OSError:
        away.rename(old)
        raise
