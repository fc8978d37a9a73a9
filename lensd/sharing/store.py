"""The user's folder of lenses: what is put there is there whole, or what was there before is.

Whoever looks meanwhile (the daemon's catalogue, the page) sees the old lens or the new one. What was checked is what is
written: a package is held in memory from its examination on, and a zip is written as a folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lensd.config import NO_LENS, shipped_lenses_dir, user_lenses_dir
from lensd.errors import LensError
from lensd.lens.catalogue import find_lens, read_catalogue
from lensd.lens.manifest import MANIFEST_NAME
from lensd.lens.package import open_package, read_manifest
from lensd.sharing.examination import examine
from lensd.sharing.exchange import exchange, sync_folder, write_folder
from lensd.sharing.versions import is_newer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lensd.lens.package import LensPackage
    from lensd.sharing.report import Report

RESERVED = (NO_LENS, "next", "previous")  # what `lensd switch` takes for something else
_SUFFIXES = (".lens", ".lens.zip")
_BEGUN = ".installing-"
_LOCK_S = 30.0

Replacing = Literal["nothing", "older", "any"]


@dataclass(frozen=True, slots=True)
class Installation:
    """What came of an installation.

    Attributes:
        report: of the lens.
        path: where it lies.
        replaced: the version that lay there before; "" of one that could not be read, None without one.
        written: False where the very same lens was there already.
    """

    report: Report
    path: Path
    replaced: str | None
    written: bool


def target_of(name: str) -> Path:
    """Return where lens `name` of the user lies."""
    return user_lenses_dir() / f"{name}.lens"


def check_name(name: str) -> None:
    """See that a lens of the user's may be called `name`.

    Raises:
        LensError: it would hide, or be hidden by, something else.
    """
    if name in RESERVED:
        raise LensError(f"the name {name}", "means something else to `lensd switch`", "choose another name")
    if any((shipped_lenses_dir() / f"{name}{suffix}").exists() for suffix in _SUFFIXES):
        raise LensError(f"the name {name}", "is taken by a lens that came with lensd", "choose another name")


def places_of(name: str) -> list[Path]:
    """Return the packages in the user's folder that are lens `name`, or have its place, readable or not."""
    listed = [lens.path for lens in read_catalogue().lenses if lens.name == name and lens.source == "user"]
    usual = [path for suffix in _SUFFIXES if os.path.lexists(path := user_lenses_dir() / f"{name}{suffix}")]
    return list(dict.fromkeys([*(path for path in listed if path is not None), *usual]))


def install(source: Path, *, replacing: Replacing = "nothing") -> Installation:
    """Examine the package at `source`, and put it into the user's folder.

    Args:
        source: a folder NAME.lens or a zip of one.
        replacing: whether a lens of that name may be replaced: not at all, by a newer version, or by any.

    Raises:
        LensError: it fails a check, its name is taken, or it cannot be written; what was there before still is.
        EngineError: its network cannot be run here.
    """
    report = examine(source)
    check_name(report.name)
    package = open_package(source)  # it has passed the same check behind limits a moment ago
    if package.fingerprint != report.fingerprint:
        raise LensError(str(source), "was changed while it was being installed")
    target = target_of(report.name)
    with _writing(target) as folder:
        before = places_of(report.name)
        if before and _is_whole(before[0], report.fingerprint):
            return Installation(report, before[0], report.version, written=False)
        replaced = _replaced(before, report, replacing)
        beside = tempfile.mkdtemp(prefix=_BEGUN, dir=folder)
        copy = folder / beside / target.name
        write_folder(copy, {**package.contents, MANIFEST_NAME: package.toml})
        _put(copy, target)
        for path in before:
            if path != target:  # two lenses of one name hide each other
                _destroy(path)
        sync_folder(folder)
    return Installation(report, target, replaced, written=True)


def check_removable(name: str) -> list[Path]:
    """Return where lens `name` of the user lies.

    Raises:
        LensError: there is no such lens, or it is not the user's.
    """
    places = places_of(name)
    if not places:
        if find_lens(name).source == "built-in":
            raise LensError(f"lens {name}", "came with lensd; only lenses that you installed can be removed")
        raise LensError(f"lens {name}", "there is no such lens", "lensd lenses")
    return places


def remove(name: str) -> list[Path]:
    """Take lens `name` out of the user's folder; return where it lay.

    Raises:
        LensError: there is no such lens, or it is not the user's; or it cannot be removed.
    """
    places = check_removable(name)
    with _writing(target_of(name)) as folder:
        beside = folder / tempfile.mkdtemp(prefix=_BEGUN, dir=folder)
        for path in places:
            path.rename(beside / path.name)  # gone in one step; what is deleted file by file is not a lens any more
        sync_folder(folder)
    return places


@contextlib.contextmanager
def _writing(target: Path) -> Iterator[Path]:
    """Yield the user's folder, for one process at a time, rid of what others began and did not end.

    Raises:
        LensError: it cannot be written, or another process works there.
    """
    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _lock(descriptor, folder)
            try:
                yield folder
            finally:
                for begun in folder.glob(f"{_BEGUN}*"):
                    shutil.rmtree(begun, ignore_errors=True)
        finally:
            os.close(descriptor)
    except OSError as error:
        why = f"{error.strerror or error}; what was there before is as it was"
        raise LensError(str(target), why, "make room, or set XDG_DATA_HOME to a folder of yours") from error


def _lock(descriptor: int, folder: Path) -> None:
    until_s = time.monotonic() + _LOCK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until_s:
                raise LensError(str(folder), "another lensd is installing a lens there", "try again") from None
            time.sleep(0.1)


def _is_whole(path: Path, fingerprint: str) -> bool:
    package = _opened(path)
    return package is not None and package.fingerprint == fingerprint


def _opened(path: Path) -> LensPackage | None:
    try:
        return open_package(path)
    except LensError:
        return None


def _replaced(before: list[Path], report: Report, replacing: Replacing) -> str | None:
    """Return the version that is about to be replaced; "" where it cannot be read, None where there is none.

    Raises:
        LensError: it may not be.
    """
    if not before:
        return None
    try:
        version = read_manifest(before[0])[0].version
    except LensError:
        version = ""
    newer = is_newer(report.version, version)
    if replacing == "any" or (replacing == "older" and newer):
        return version
    what, again = f"lens {report.name} {report.version}", "lensd lens install ... --replace"
    there = f"version {version} is installed" if version else f"{before[0]} is there and cannot be read"
    if replacing == "older":
        raise LensError(what, f"is no upgrade: {there}", again)
    raise LensError(what, there, "lensd lens install ... --upgrade" if newer else again)


def _put(copy: Path, target: Path) -> None:
    if target.is_symlink():  # a maker's folder, linked to be tried: the link goes, the folder stays
        target.unlink()
    if target.exists():
        exchange(copy, target)
    else:
        copy.rename(target)


def _destroy(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
