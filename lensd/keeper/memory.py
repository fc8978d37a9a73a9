"""What is remembered from run to run: a small file, written whole after each change, by a thread of its own.

A disk may take seconds over it, and the thread that publishes pictures waits for nothing.
"""

from __future__ import annotations

import json
import logging
import threading
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
        self._lock = threading.Lock()
        self._unwritten: bytes | None = None
        self._writer: threading.Thread | None = None
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
        """Remember `value`, or forget what there is. Never waits."""
        if self._values.get(name) == value:
            return
        self._values[name] = value
        with self._lock:
            self._unwritten = json.dumps(self._values).encode()
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="memory", daemon=True)
                self._writer.start()

    def settle(self, timeout_s: float) -> None:
        """Wait until all is written, or the time is up."""
        if (writer := self._writer) is not None:
            writer.join(timeout_s)

    def _write(self) -> None:
        """Write what is newest until nothing newer has come."""
        while True:
            with self._lock:
                content, self._unwritten = self._unwritten, None
                if content is None:
                    self._writer = None
                    return
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_whole(self._path, content, mode=0o600)
            except OSError as error:
                log.warning("The lens and whether it is paused could not be remembered: %s", error)
