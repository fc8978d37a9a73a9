"""The lenses that a person likes best: a list of names, kept beside the last lens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lensd.config import state_dir
from lensd.errors import ConfigError
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

_MOST_BYTES = 64 * 1024


def favourites_file() -> Path:
    """Return the path of the list."""
    return state_dir() / "favourites.json"


def read_favourites() -> list[str]:
    """Return the names, in the order in which they were added; a list that cannot be read is empty."""
    try:
        with favourites_file().open("rb") as file:
            names = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def set_favourite(name: str, *, liked: bool) -> None:
    """Add lens `name` to the list, or take it away.

    Raises:
        ConfigError: the list cannot be written.
    """
    names = [other for other in read_favourites() if other != name] + [name] * liked
    path = favourites_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(names).encode(), mode=0o600)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error)) from None
