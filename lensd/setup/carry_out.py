"""Running a plan's steps: as the user, or through sudo or pkexec, which ask for the password themselves.

As root nothing runs but the distribution's own tools, found in the system's folders, with the arguments that the plan
shows; never Python, and nothing from a folder that the user can write.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from lensd.config import state_dir
from lensd.errors import SetupError
from lensd.setup.facts import SYSTEM_PATH
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.setup.step import Step

_HELPERS = ("sudo", "pkexec")


def refuse_borrowed_root() -> None:
    """Refuse `sudo lensd setup`: it would run Python from a user's folder as root, and set up root's session.

    Raises:
        SetupError: root by sudo, doas or pkexec.
    """
    if os.geteuid() == 0 and {"SUDO_UID", "PKEXEC_UID", "DOAS_USER"} & os.environ.keys():
        why = "is to be run as yourself; it asks for the password when it needs it"
        raise SetupError("lensd setup", why, "lensd setup")


def prefix() -> tuple[str, ...]:
    """Return what goes before a command that needs root: nothing for root, else sudo, or pkexec without a terminal.

    Raises:
        SetupError: neither is there.
    """
    if os.geteuid() == 0:
        return ()
    order = _HELPERS if sys.stdin.isatty() else _HELPERS[::-1]
    for name in order:
        if path := shutil.which(name, path=SYSTEM_PATH):
            return (path,)
    hint = "lensd setup --dry-run shows the commands; have an administrator run those marked root"
    raise SetupError("lensd setup", "needs root for some steps, and neither sudo nor pkexec is there", hint)


def run_step(step: Step, elevate: Sequence[str]) -> None:
    """Run one step, with its output on the terminal.

    Args:
        step: which.
        elevate: `prefix()`.

    Raises:
        SetupError: it cannot be run, or ends with another status than 0.
        KeyboardInterrupt: after the command has ended, too.
    """
    name, *arguments = step.command
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        raise SetupError(step.title, f"there is no {name}", step.hint or f"install {name}")
    command = [*(elevate if step.root else ()), path, *arguments]
    environment = dict(os.environ)
    if step.root and not elevate:
        environment = {"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "TERM": os.environ.get("TERM", "dumb")}
    with subprocess.Popen(
        command, env=environment, stdin=None if step.content is None else subprocess.PIPE, text=True
    ) as process:
        interrupted = False
        while True:
            try:
                process.communicate(step.content)
                break
            except KeyboardInterrupt:  # which the command had as well; a package tool is to end by itself
                interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    if process.returncode:
        raise SetupError(step.title, f"{name} ended with status {process.returncode}", step.hint)
    remember(step.remembers)


def remembered() -> list[str]:
    """Return what earlier steps have left behind, for `--undo`."""
    try:
        kept = json.loads((state_dir() / "setup.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [each for each in kept if isinstance(each, str)] if isinstance(kept, list) else []


def remember(more: Sequence[str]) -> None:
    """Keep what a step has left behind."""
    kept = remembered()
    if new := [each for each in more if each not in kept]:
        state_dir().mkdir(parents=True, exist_ok=True)
        write_whole(state_dir() / "setup.json", json.dumps([*kept, *new]).encode())


def forget() -> None:
    """Forget it, when it has been taken back."""
    (state_dir() / "setup.json").unlink(missing_ok=True)
