"""What is remembered from run to run: a small file, written whole at each change."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from lensd.config import state_dir
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger(__name__)

_MAX_BYTES = 64 * 1024


class Memory:
    """Names and values, as JSON has them. What cannot be read or written is logged, and costs nothing else."""

    def __init__(self, path: Path | None = None) -> None:
        """Read `path`; the usual file where there is none given."""
        self._path = path or state_dir() / "state.json"
        self._values: dict[str, Any] = {}
        try:
            with self._path.open("rb") as file:
                values = json.loads(file.read(_MAX_BYTES))
            if isinstance(values, dict):
                self._values = values
        except FileNotFoundError:
            pass
        except (OSError, ValueError, RecursionError) as error:
            log.warning("What was remembered cannot be read: %s", error)

    def text(self, name: str) -> str | None:
        """Return what is known as `name`; None where nothing is, or no text."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def put(self, name: str, value: str | None) -> None:
        """Remember `value`, or forget what there is."""
        if self._values.get(name) == value:
            return
        self._values[name] = value
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._path, json.dumps(self._values).encode(), mode=0o600)
        except OSError as error:
            log.warning("%s could not be remembered: %s", name.capitalize(), error)
