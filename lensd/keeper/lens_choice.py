"""Which lens the user chose: kept from run to run, and checked for existing before it is taken."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from lensd.config import NO_LENS
from lensd.errors import LensError
from lensd.lens.catalogue import find_lens, find_lenses

if TYPE_CHECKING:
    from lensd.keeper.memory import Memory

log = logging.getLogger(__name__)

_FIRST_LENS = "thug-life"  # what a newcomer sees


class LensChoice:
    """The chosen lens's name."""

    def __init__(self, asked: str | None, memory: Memory) -> None:
        """Take the lens asked for, else the last one, else the first that a newcomer should see.

        Raises:
            LensError: the lens asked for does not exist.
        """
        self._memory = memory
        self.name = resolve(asked, NO_LENS) if asked is not None else _remembered(memory)

    def choose(self, name: str) -> None:
        """Take `name`, which exists, and remember it."""
        self.name = name
        self._memory.put("lens", name)


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


def _remembered(memory: Memory) -> str:
    try:
        names = [lens.name for lens in find_lenses()]
    except LensError as error:
        log.warning("The lenses cannot be listed: %s", error)
        return NO_LENS
    name = memory.text("lens")
    if name in names:
        return str(name)
    if name is not None:
        log.warning("The last lens is gone; beginning with another")
    return _FIRST_LENS if _FIRST_LENS in names else NO_LENS
