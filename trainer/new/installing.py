"""A lens package into the user's folder of lenses: there whole, or not at all."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from lensd.config import NO_LENS, shipped_lenses_dir, user_lenses_dir
from lensd.errors import ConfigError, LensError
from lensd.lens.manifest import MANIFEST_NAME
from lensd.lens.package import open_package
from lensd.whole_file import write_whole

INSTALLED = "installed.json"  # in a run's folder; outlives what is thrown away by --restart
_WORDS = (NO_LENS, "next", "previous")  # what `lensd switch` takes for something else
_AT_CWD, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of linux/fs.h
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def target_of(name: str) -> Path:
    """Return where lens `name` of the user lies."""
    return user_lenses_dir() / f"{name}.lens"


def check_free(name: str, *, replace: bool, run: Path) -> None:
    """See that a lens may be installed as `name`.

    Args:
        name: of the lens.
        replace: another lens of the user's may be overwritten.
        run: folder of this very run; what it has installed may be overwritten.

    Raises:
        ConfigError: the name is taken, or nothing can be installed.
    """
    if name in _WORDS:
        raise ConfigError(f"the name {name}", "means something else to `lensd switch`", "choose another name")
    if any((shipped_lenses_dir() / f"{name}{suffix}").exists() for suffix in (".lens", ".lens.zip")):
        raise ConfigError(f"the name {name}", "is taken by a lens that came with lensd", "choose another name")
    folder = next(path for path in (user_lenses_dir(), *user_lenses_dir().parents) if path.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        why = "cannot be written, so no lens could be installed there"
        raise ConfigError(str(folder), why, "set XDG_DATA_HOME to a folder of yours")
    taken = [path for suffix in (".lens", ".lens.zip") if (path := user_lenses_dir() / f"{name}{suffix}").exists()]
    if taken and not replace and _digest(taken[0]) not in _installed_by(run):
        raise ConfigError(f"the name {name}", f"is taken by {taken[0]}", "choose another name, or add --replace")


def note(run: Path, package: Path) -> None:
    """Write down in the run's folder that `package` is about to be installed.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(run / INSTALLED, json.dumps([*_installed_by(run), _digest(package)]).encode())


def _installed_by(run: Path) -> list[str]:
    """Return the digests of the packages that this run has installed, or was about to."""
    try:
        found = json.loads((run / INSTALLED).read_bytes())
    except (OSError, ValueError):
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _digest(package: Path) -> str:
    """Return the digest of a package's manifest, which holds the hashes of all the rest; "" where it has none."""
    try:
        return hashlib.sha256((package / MANIFEST_NAME).read_bytes()).hexdigest()
    except OSError:
        return ""


def same_package(one: Path, other: Path) -> bool:
    """Say whether two packages are the same, by their manifests, which hold the hashes of all the rest."""
    return _digest(one) != "" and _digest(one) == _digest(other)


def install(package: Path) -> Path:
    """Copy a package, NAME.lens, into the user's folder of lenses; one of that name is exchanged in one step.

    Raises:
        LensError: the copy is no package.
        OSError: the folder cannot be written, or the disk is full; what was installed before is as it was.
    """
    folder = user_lenses_dir()
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / package.name
    # Hidden, and without the suffix that a lens is known by.
    beside = Path(tempfile.mkdtemp(prefix=f".{package.stem}.", dir=folder))
    copy = beside / package.name
    try:
        shutil.copytree(package, copy)
        for path in copy.rglob("*"):
            if path.is_file():
                with path.open("rb") as file:
                    os.fsync(file.fileno())
        open_package(copy)
        if target.exists():
            _exchange(copy, target)
        else:
            copy.rename(target)
        zipped = folder / f"{package.name}.zip"
        zipped.unlink(missing_ok=True)  # two lenses of one name hide each other
    except shutil.Error as error:
        raise LensError(str(target), f"could not be copied ({error})") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return target


def _exchange(new: Path, old: Path) -> None:
    """Let two folders change places in one step, so that the lens is there at every moment."""
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
