"""What a process that touches a stranger's lens may use, held by the kernel."""

from __future__ import annotations

import resource
from typing import NamedTuple


class Limits(NamedTuple):
    """Bounds of one process; None leaves one as it is.

    Attributes:
        address_bytes: of address space (RLIMIT_AS).
        data_bytes: of memory that it may write and nobody shares (RLIMIT_DATA).
        cpu_s: of processor time, whole seconds (RLIMIT_CPU); at the end the kernel kills it.
        file_bytes: that a file may be written up to (RLIMIT_FSIZE); 0 allows none.
        files: descriptors at once (RLIMIT_NOFILE).
    """

    address_bytes: int | None = None
    data_bytes: int | None = None
    cpu_s: int | None = None
    file_bytes: int | None = None
    files: int | None = None


def confine(limits: Limits) -> None:
    """Put this process, and all that it starts, behind `limits`, for good; it leaves no core dump either.

    A limit that is lower already stays.
    """
    wanted = {
        resource.RLIMIT_AS: limits.address_bytes,
        resource.RLIMIT_DATA: limits.data_bytes,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.files,
        resource.RLIMIT_CORE: 0,  # it would hold a person's picture
    }
    for which, bound in wanted.items():
        if bound is not None:
            _, hard = resource.getrlimit(which)
            lowest = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
            resource.setrlimit(which, (lowest, lowest))
