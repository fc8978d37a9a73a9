"""The service, what it last complained of, and the room on the disk."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from lensd.config import cache_dir, state_dir, user_lenses_dir
from lensd.control.client import call
from lensd.doctor.report import Finding, Status
from lensd.errors import LensdError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIT: Final = "lensd.service"
_LOW_BYTES, _LEAST_BYTES = 256 << 20, 32 << 20  # a plan of TensorRT has up to 100 MB; the state a few kB
_TIMEOUT_S = 8.0
_SHOWN = 3
_BAD = re.compile(r"^(?:\S+ )?(WARNING|ERROR|CRITICAL)\b")


def unit(said: str | None = None) -> Iterator[Finding]:
    """How the service of the user's systemd is.

    Args:
        said: what `systemctl --user show lensd` writes; None asks it.
    """
    if said is None:
        said = _run(
            "systemctl", "--user", "show", UNIT, "-p", "LoadState,ActiveState,SubState,Result,NRestarts,UnitFileState"
        )
    told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    state, result = told.get("ActiveState", ""), told.get("Result", "")
    if not told:
        yield Finding("service", "ok", "this session has no systemd; lensd run starts the camera")
    elif told.get("LoadState") == "not-found":
        yield Finding("service", "warn", "is not installed, so the camera is not there at login", "lensd setup")
    elif state == "failed":
        again = ("systemctl", "--user", "restart", UNIT)
        yield Finding(
            "service", "fail", f"has failed ({result}); why: journalctl --user -u lensd", " ".join(again), again
        )
    elif state == "active":
        restarts = int(told.get("NRestarts", "0") or 0)
        yield Finding(
            "service", "ok", "runs" + (f"; systemd has started it again {restarts} times" if restarts else "")
        )
    elif told.get("UnitFileState") == "enabled":
        start = ("systemctl", "--user", "start", UNIT)
        yield Finding("service", "warn", "is to start at login, and does not run now", " ".join(start), start)
    else:
        enable = ("systemctl", "--user", "enable", "--now", UNIT)
        yield Finding("service", "warn", "is installed, and does not start at login", " ".join(enable), enable)


def last_errors(journal: str | None = None) -> Iterator[Finding]:
    """What the daemon complains of now, and the last lines of that kind in the session's journal, of a day.

    Args:
        journal: its lines; None reads them.
    """
    name = "last errors"
    complaints = 0
    for what, why, hint in _complaints():
        complaints += 1
        yield Finding(name, "warn", f"{what}: {why}", hint)
    if journal is None:
        journal = _run(
            "journalctl", "--user", "-u", UNIT, "--since", "-1d", "-n", "300", "-o", "cat", "--no-pager", "-q"
        )
    lines = [line.strip() for line in journal.splitlines() if _BAD.match(line.strip())]
    for line in list(dict.fromkeys(reversed(lines)))[:_SHOWN]:
        yield Finding(name, "warn", line[:200], "journalctl --user -u lensd")
    if not lines and not complaints:
        yield Finding(name, "ok", "none in the journal of a day")


def _complaints() -> Iterator[tuple[str, str, str]]:
    try:
        status = call("status", timeout_s=3)
    except LensdError:
        return  # which the check of the daemon has said
    for problem in (status.get("output_problem"), (status.get("settings") or {}).get("problem")):
        if isinstance(problem, dict):
            yield str(problem.get("what")), str(problem.get("why")), str(problem.get("hint") or "lensd status")
    if errors := status.get("write_errors"):
        yield "the virtual camera", f"was lost {errors} times since the daemon began", "journalctl --user -u lensd"


def disk(folders: tuple[Path, ...] | None = None) -> Iterator[Finding]:
    """Whether there is room for plans, lenses and what is remembered, and whether it may be written.

    Args:
        folders: where; None takes ours.
    """
    found: dict[int, Path] = {}
    for folder in folders or (cache_dir(), state_dir(), user_lenses_dir()):
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if not os.access(there, os.W_OK):
            yield Finding("disk", "fail", f"{there} may not be written", f"ls -ld {there}")
        found.setdefault(there.stat().st_dev, there)
    for there in found.values():
        free = shutil.disk_usage(there).free
        if free < _LOW_BYTES:
            status: Status = "fail" if free < _LEAST_BYTES else "warn"
            yield Finding(
                "disk", status, f"{free / 1e6:.0f} MB are free at {there}", f"du -xh --max-depth=2 {there} | sort -h"
            )
        else:
            yield Finding("disk", "ok", f"{free / 1e9:.1f} GB are free at {there}")


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
