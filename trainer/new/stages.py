"""Stages that meet through files: each is done once, whole, and left out when the run goes on."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from lensd.errors import ConfigError, LensdError
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_STAMP, _BEGUN, LOCK = "stamp.json", "begun.json", "lock"
_NO_ROOM = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_VERSION = 1  # of what the stages write; another one makes all of them anew


class Stopped(LensdError):
    """Ctrl-C or SIGTERM came; what is done is saved."""

    code, exit_status = "stopped", 130


class Display(Protocol):
    """Who shows how far it is."""

    def begin(self, stage: Stage) -> None:
        """Begin a stage that has something to do."""

    def show(self, done: float, of: float, note: str = "") -> None:
        """Show how much of the stage is done; `note` is a few words about it."""

    def tell(self, done: float, of: float, note: str = "") -> None:
        """Show it, for stages that may be stopped anywhere.

        Raises:
            Stopped: a signal came.
        """

    def stopping(self) -> bool:
        """Say whether a signal came; for stages that save themselves before they stop."""

    def end(self, stage: Stage, facts: Mapping[str, Any], *, again: bool) -> None:
        """End a stage; `again` where it was done before and was left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """One stage.

    Attributes:
        name: of its folder in the run's, and for `--again`.
        title: what people read.
        seconds: about how long it takes on one core; for the time that is left only.
        inputs: what its files depend on besides the stages before it; JSON can hold it.
        work: does it in its folder, which holds what an earlier cut left there of the same inputs; is told what the
            stages before it left, and returns facts, which JSON can hold.
    """

    name: str
    title: str
    seconds: float
    inputs: Mapping[str, Any]
    work: Callable[[Path, Display, Mapping[str, Done]], Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Done:
    """What a stage left: its facts, how long it took in all, and whether it was left out this time."""

    facts: Mapping[str, Any]
    seconds: float
    skipped: bool


def run_stages(stages: Sequence[Stage], folder: Path, display: Display) -> dict[str, Done]:
    """Do all stages that are not done.

    Args:
        stages: in order; what a later one reads is in the folders of the earlier ones.
        folder: the run's; it is there.
        display: told of everything.

    Returns:
        By stage.

    Raises:
        Stopped: a signal came.
        LensdError: a stage failed; what was done before is as it was.
    """
    done: dict[str, Done] = {}
    before = ""
    for number, stage in enumerate(stages):
        place = folder / stage.name
        key = _digest({"version": _VERSION, "before": before, "stage": stage.name, "inputs": stage.inputs})
        stamp = _read(place / _STAMP)
        if stamp.get("key") == key and _all_there(place, stamp.get("files", {})):
            done[stage.name] = Done(stamp.get("facts", {}), float(stamp.get("seconds", 0)), skipped=True)
        else:
            for later in stages[number:]:
                (folder / later.name / _STAMP).unlink(missing_ok=True)
            try:
                done[stage.name] = _do(stage, place, key, display, done)
            except OSError as error:
                why = f"{(error.strerror or str(error)).lower()}; what was done before is whole"
                mend = "make room" if error.errno in _NO_ROOM else "mend that"
                raise LensdError(str(place), why, f"{mend}, and give the same command again") from error
        display.end(stage, done[stage.name].facts, again=done[stage.name].skipped)
        before = key
    return done


def forget(stages: Sequence[Stage], folder: Path, name: str) -> None:
    """Have a stage done again, and so all after it.

    Raises:
        ConfigError: no such stage.
    """
    names = [stage.name for stage in stages]
    if name not in names:
        raise ConfigError(f"--again {name}", "is no stage of this run", f"--again {'|'.join(names)}")
    for later in names[names.index(name) :]:
        shutil.rmtree(folder / later, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a second `lensd new` out of the run's folder.

    Raises:
        ConfigError: one is at work there.
    """
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(str(folder), "another lensd new is at work there", "wait for it, or stop it") from error
        yield


def _do(stage: Stage, place: Path, key: str, display: Display, before: Mapping[str, Done]) -> Done:
    begun = _read(place / _BEGUN)
    if begun.get("key") != key:
        if place.exists():
            shutil.rmtree(place)
        place.mkdir()
        begun = {"key": key, "seconds": 0.0}
    for left in place.rglob(".*"):  # half a file of a process that was killed
        left.unlink(missing_ok=True)
    write_whole(place / _BEGUN, json.dumps(begun).encode())
    display.begin(stage)
    start = time.monotonic()
    try:
        facts = stage.work(place, display, before)
    except BaseException:
        spent = {"key": key, "seconds": begun["seconds"] + time.monotonic() - start}
        if place.exists() and not _full(place / _BEGUN, json.dumps(spent).encode()):
            begun = spent
        raise
    seconds = begun["seconds"] + time.monotonic() - start
    files = {
        path.relative_to(place).as_posix(): path.stat().st_size
        for path in sorted(place.rglob("*"))
        if path.is_file() and path.name not in (_STAMP, _BEGUN)
    }
    stamp = {"key": key, "seconds": round(seconds, 1), "facts": dict(facts), "files": files}
    write_whole(place / _STAMP, json.dumps(stamp, indent=1).encode())
    return Done(facts, seconds, skipped=False)


def _full(path: Path, content: bytes) -> bool:
    """Write, and say whether there was no room; an error that is on its way matters more."""
    try:
        write_whole(path, content)
    except OSError:
        return True
    return False


def _all_there(place: Path, files: Mapping[str, int]) -> bool:
    return all((place / name).is_file() and (place / name).stat().st_size == size for name, size in files.items())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
