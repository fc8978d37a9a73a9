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


class InstanceLock:
    """Held from its making to `close`, or to the end of the process, however that ends."""

    def __init__(self, folder: Path) -> None:
        """Take this user's lock.

        Raises:
            AlreadyRunning: another keeper holds it; names its pid.
            ControlError: the lock cannot be made.
        """
        self._path = folder / "lensd.pid"
        try:
            while not self._take():
                pass  # it was another keeper's, which removed it at its end
        except BlockingIOError:
            pid = os.pread(self._descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise AlreadyRunning("lensd", f"runs already, pid {pid}", "end it with: lensd stop") from None
        except OSError as error:
            raise ControlError(str(self._path), error.strerror or str(error)) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def close(self) -> None:
        """Give it back and leave no file."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _take(self) -> bool:
        """Lock the file, and say whether it is still the one that the name stands for."""
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            if self._path.stat().st_ino == os.fstat(self._descriptor).st_ino:
                return True
        except FileNotFoundError:
            pass
        os.close(self._descriptor)
        return False
