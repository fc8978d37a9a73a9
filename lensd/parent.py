"""The tie to whoever started this process: without it a worker would hold the webcam for ever."""

from __future__ import annotations

import ctypes
import logging
import os
import signal

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1  # include/uapi/linux/prctl.h


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends.

    A worker's socket says the same by its end of file, but only where the interpreter still turns.
    """
    parent = os.getppid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0):
        log.warning("No tie to the life of who started this: %s", os.strerror(ctypes.get_errno()))
    if os.getppid() != parent:  # it ended before the tie was made
        os._exit(0)
