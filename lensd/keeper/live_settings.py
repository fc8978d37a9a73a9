"""The settings of a running keeper: the file's, with those of the command line over them; read again on request."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from lensd.config import VIEW_NAMES, Settings, config_file
from lensd.errors import ConfigError
from lensd.settings_file import as_keys, read_settings

if TYPE_CHECKING:
    from lensd.keeper.memory import Memory

log = logging.getLogger(__name__)

# A lens is changed on air, and who keeps the webcam open is asked anew each time; these take another worker, while the
# last picture is held. All else needs another keeper.
WORKERS_OWN = frozenset({"camera", *VIEW_NAMES, "no_face", "runtime", "show_points"})
_LIVE = WORKERS_OWN | {"lens", "always_on", "linger_s"}
_LAST_GOOD = "settings"


class Changed(NamedTuple):
    """Names of settings: those that hold from now on, and those that hold from the next start."""

    now: frozenset[str]
    next_start: frozenset[str]


class LiveSettings:
    """What holds now.

    Attributes:
        current: the settings. problem: what is wrong with the file now, where it is not what holds.
        waiting: names of settings that the file has otherwise, and that need a restart.
    """

    def __init__(self, overrides: dict[str, Any], memory: Memory) -> None:
        """Read the file; where it is broken, take what it was when it was last good.

        Raises:
            ConfigError: broken, and it was never good; or the command line's settings cannot be used.
        """
        self._overrides, self._memory = overrides, memory
        self.problem: ConfigError | None = None
        self.waiting: frozenset[str] = frozenset()
        try:
            values = read_settings(config_file())
        except ConfigError as error:
            values = self._last_good(error)
            self._tell(error)
        else:
            self._keep(values)
        self.current = Settings.from_dict(values | overrides)

    def reload(self) -> Changed:
        """Read the file again, and let hold what can at once; the caller has to act on it.

        Raises:
            ConfigError: it is broken, and all stays as it is.
        """
        try:
            values = read_settings(config_file())
            wanted = Settings.from_dict(values | self._overrides)
        except ConfigError as error:
            self._tell(error)
            raise
        self.problem = None
        self._keep(values)
        old, new = self.current.as_dict(), wanted.as_dict()
        differ = frozenset(name for name in new if new[name] != old[name])
        self.waiting = differ - _LIVE
        self.current = replace(wanted, **{name: old[name] for name in self.waiting})
        log.info(
            "Settings read again; changed: %s; from the next start: %s", _list(differ & _LIVE), _list(self.waiting)
        )
        return Changed(differ & _LIVE, self.waiting)

    def of_command_line(self, name: str) -> bool:
        """Tell whether a setting was given there, and not by the file."""
        return name in self._overrides

    def as_status(self) -> dict[str, Any]:
        """Return what `lensd status` and `lensd config show` tell of it."""
        problem = self.problem.as_dict() if self.problem is not None else None
        waiting = sorted(as_keys(dict.fromkeys(self.waiting | ({"width", "height"} if self._size_waits() else set()))))
        return {"problem": problem, "from_next_start": waiting, "current": as_keys(self.current.as_dict())}

    def _size_waits(self) -> bool:
        return bool(self.waiting & {"width", "height"})

    def _tell(self, error: ConfigError) -> None:
        if self.problem is None or str(self.problem) != str(error):
            log.warning("The settings are as they were: %s", error)
        self.problem = error

    def _keep(self, values: dict[str, Any]) -> None:
        self._memory.put(_LAST_GOOD, json.dumps(values, sort_keys=True) if values else None)

    def _last_good(self, error: ConfigError) -> dict[str, Any]:
        kept = self._memory.text(_LAST_GOOD)
        try:
            values: dict[str, Any] = json.loads(kept or "")
            Settings.from_dict(values)
        except (ValueError, TypeError, ConfigError):
            raise error from None
        return values


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
