"""Which lens the user chose: kept from run to run, and checked for existing before it is taken."""

from __future__ import annotations

import json
import logging

from lensd.config import NO_LENS, state_dir
from lensd.errors import LensError
from lensd.lens.catalogue import find_lens, find_lenses
from lensd.whole_file import write_whole

log = logging.getLogger(__name__)

_FIRST_LENS = "thug-life"  # what a newcomer sees
_MAX_STATE_BYTES = 64 * 1024


class LensChoice:
    """The chosen lens's name."""

    def __init__(self, asked: str | None) -> None:
        """Take the lens asked for, else the last one, else the first that a newcomer should see.

        Raises:
            LensError: the lens asked for does not exist.
        """
        self.name = resolve(asked, NO_LENS) if asked is not None else _remembered()

    def choose(self, name: str) -> None:
        """Take `name`, which exists, and remember it."""
        self.name = name
        path = state_dir() / "state.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps({"lens": name}).encode(), mode=0o600)
        except OSError as error:
            log.warning("The choice of a lens could not be kept: %s", error)


def resolve(asked: str, current: str) -> str:
    """Return the name of an existing lens for what a user typed: a name, "none", "next" or "previous".

    Raises:
        LensError: no such lens; names the nearest.
    """
    if asked in {"next", "previous"}:
        names = [lens.name for lens in find_lenses()]
        if current not in names:
            return names[0 if asked == "next" else -1]
        return names[(names.index(current) + (1 if asked == "next" else -1)) % len(names)]
    if asked != NO_LENS:
        find_lens(asked)
    return asked


def _remembered() -> str:
    try:
        names = [lens.name for lens in find_lenses()]
    except LensError as error:
        log.warning("The lenses cannot be listed: %s", error)
        return NO_LENS
    try:
        with (state_dir() / "state.json").open("rb") as file:
            name = json.loads(file.read(_MAX_STATE_BYTES))["lens"]
        if name in names:
            return str(name)
        log.warning("The last lens is gone; beginning with another")
    except FileNotFoundError:
        pass
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("The last lens is not known: %s", error)
    return _FIRST_LENS if _FIRST_LENS in names else NO_LENS
