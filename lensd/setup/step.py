"""One step of a plan: a command, as data."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """A command that is run as it stands, never by a shell.

    Attributes:
        title: what it does, in a person's words.
        command: the program by its name, and its arguments.
        root: it needs root's rights; then it is one of the distribution's own tools, found in the system's folders.
        content: what it reads from its standard input; None leaves it the terminal.
        remembers: what `lensd setup --undo` takes back later, such as "package v4l2loopback-dkms".
        hint: what to do where it fails.
        may_fail: the rest is of use without it.
    """

    title: str
    command: tuple[str, ...]
    root: bool = False
    content: str | None = None
    remembers: tuple[str, ...] = ()
    hint: str = ""
    may_fail: bool = False

    def __str__(self) -> str:
        """Return the command as one would type it."""
        return shlex.join(self.command)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        steps: in their order.
        why: what a person should know before saying yes.
        then: what is left for the person to do afterwards, each a sentence without its first capital and its stop.
        done: what is as it should be already.
    """

    steps: tuple[Step, ...]
    why: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    done: tuple[str, ...] = ()


def write_file(title: str, path: Path, content: str, *, root: bool) -> Step:
    """Return the step that writes a file whole, with its folders; what is read is given, not a file that may change."""
    return Step(title, ("install", "-D", "-m", "644", "/dev/stdin", str(path)), root=root, content=content)


def remove_files(title: str, paths: list[Path], *, root: bool) -> Step:
    """Return the step that removes files, where they are there."""
    return Step(title, ("rm", "-f", "--", *map(str, paths)), root=root)
