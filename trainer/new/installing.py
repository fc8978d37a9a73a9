"""Whether a run may install its lens, and which lenses it has installed; `lensd.sharing.store` puts them in place."""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from lensd.config import user_lenses_dir
from lensd.errors import ConfigError, LensError
from lensd.lens.manifest import MANIFEST_NAME
from lensd.sharing.store import check_name, places_of
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

INSTALLED = "installed.json"  # in a run's folder; outlives what is thrown away by --restart


def check_free(name: str, *, replace: bool, run: Path) -> None:
    """See that a lens may be installed as `name`.

    Args:
        name: of the lens.
        replace: another lens of the user's may be overwritten.
        run: folder of this very run; what it has installed may be overwritten.

    Raises:
        ConfigError: the name is taken, or nothing can be installed.
    """
    try:
        check_name(name)
    except LensError as error:
        raise ConfigError(error.what, error.why, error.hint) from error
    folder = next(path for path in (user_lenses_dir(), *user_lenses_dir().parents) if path.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        why = "cannot be written, so no lens could be installed there"
        raise ConfigError(str(folder), why, "set XDG_DATA_HOME to a folder of yours")
    taken = places_of(name)
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
