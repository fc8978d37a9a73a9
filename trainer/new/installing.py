"""A lens package into the user's folder of lenses: there whole, or not at all."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from pathlib import Path

from lensd.config import NO_LENS, shipped_lenses_dir, user_lenses_dir
from lensd.errors import ConfigError, LensError
from lensd.lens.manifest import MANIFEST_NAME
from lensd.lens.package import open_package

_WORDS = (NO_LENS, "next", "previous")  # what `lensd switch` takes for something else
_AT_CWD, _EXCHANGE = -100, 2  # AT_FDCWD, RENAME_EXCHANGE of linux/fs.h
_NOT_HERE = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}


def target_of(name: str) -> Path:
    """Return where lens `name` of the user lies."""
    return user_lenses_dir() / f"{name}.lens"


def check_free(name: str, *, replace: bool, ours: Path | None) -> None:
    """See that a lens may be installed as `name`.

    Args:
        name: of the lens.
        replace: another lens of the user's may be overwritten.
        ours: the package of this very run, if it is made already; that it is installed is no reason to refuse.

    Raises:
        ConfigError: the name is taken.
    """
    if name in _WORDS:
        raise ConfigError(f"the name {name}", "means something else to `lensd switch`", "choose another name")
    if any((shipped_lenses_dir() / f"{name}{suffix}").exists() for suffix in (".lens", ".lens.zip")):
        raise ConfigError(f"the name {name}", "is taken by a lens that came with lensd", "choose another name")
    taken = [path for suffix in (".lens", ".lens.zip") if (path := user_lenses_dir() / f"{name}{suffix}").exists()]
    if taken and not replace and not (ours is not None and same_package(ours, taken[0])):
        raise ConfigError(f"the name {name}", f"is taken by {taken[0]}", "choose another name, or add --replace")


def same_package(one: Path, other: Path) -> bool:
    """Say whether two packages are the same, by their manifests, which hold the hashes of all the rest."""
    try:
        return (one / MANIFEST_NAME).read_bytes() == (other / MANIFEST_NAME).read_bytes()
    except OSError:
        return False


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
