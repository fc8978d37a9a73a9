"""One keeper a user: a lock that the kernel drops when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING

from lensd.errors import AlreadyRunning, ControlError

if TYPE_CHECKING:
    from pathlib import Path


def private_folder(path: Path) -> None:
    """Make `path` a folder that only this user can enter.

    Raises:
        ControlError: it cannot be made, or is somebody else's.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
            raise ControlError(str(path), "is not a folder of yours", f"remove it: rm -r {path}")
        path.chmod(0o700)
    except OSError as error:
        raise ControlError(
            str(path), error.strerror or str(error), "set XDG_RUNTIME_DIR to a folder of yours"
        ) from None


def lock_instance(folder: Path) -> int:
    """Return the descriptor that holds this user's lock; closing it gives it back.

    Raises:
        AlreadyRunning: another keeper holds it; names its pid.
        ControlError: the lock cannot be made.
    """
    path = folder / "lensd.pid"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise ControlError(str(path), error.strerror or str(error)) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise AlreadyRunning("lensd", f"runs already, pid {pid}", "end it with: lensd stop") from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
