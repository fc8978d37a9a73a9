"""What was measured on this machine, kept: one small file for each lens's networks, machine and set of libraries."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lensd.config import cache_dir
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_log = logging.getLogger(__name__)

_FORMAT = 1
_FILES_MAX = 64
_BYTES_MAX = 64 * 1024
_FAILURE_S = 24 * 3600.0  # a full disk or GPU is not for ever; what works is measured once


class Way(NamedTuple):
    """How a lens can be run: a runtime, and which of the package's networks."""

    runtime: str
    precision: str

    def __str__(self) -> str:
        """Return it as people say it."""
        return f"{self.runtime} {self.precision}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of one way.

    Attributes:
        runtime, precision: the way.
        ms: a frame, from the caller's buffer into the caller's; None where it cannot be used.
        load_ms: processor time from nothing to ready, the runtime's import included.
        psnr_db: on the golden pair.
        why: why it cannot be used; empty where it can.
        at_s: when, seconds since 1970.
    """

    runtime: str
    precision: str
    ms: float | None = None
    load_ms: float = 0.0
    psnr_db: float | None = None
    why: str = ""
    at_s: float = 0.0

    @property
    def way(self) -> Way:
        """Which way."""
        return Way(self.runtime, self.precision)


class Notes:
    """The files; several processes may use them, each is written whole and the last one wins."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use `folder`, by default one in the user's cache."""
        self._folder = cache_dir() / "runtimes" if folder is None else folder

    def load(self, key: Mapping[str, Any]) -> dict[Way, Measured]:
        """Return what is known under `key`; empty where nothing is, or where the file is not what it should be."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                told = json.loads(file.read(_BYTES_MAX))
            if told["format"] != _FORMAT or told["key"] != _plain(key):
                raise ValueError("of another key")
            rows = [_measured(row) for row in told["measured"]]
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("measured runtimes: %s cannot be used (%s); they are measured again", path.name, error)
            return {}
        now = time.time()
        return {row.way: row for row in rows if row.ms is not None or 0 <= now - row.at_s < _FAILURE_S}

    def store(self, key: Mapping[str, Any], measured: Iterable[Measured]) -> None:
        """Keep what is known under `key`; a full disk is logged, and it is measured again next time."""
        fields = {"format": _FORMAT, "key": _plain(key), "measured": [asdict(row) for row in measured]}
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._path(key), json.dumps(fields, indent=1).encode() + b"\n", mode=0o600)
            files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            for old in files[:-_FILES_MAX]:
                old.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("measured runtimes: they could not be kept: %s", error)

    def _path(self, key: Mapping[str, Any]) -> Path:
        return self._folder / f"{hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]}.json"


def _plain(key: Mapping[str, Any]) -> object:
    """Return `key` as JSON gives it back."""
    return json.loads(json.dumps(key))


def _measured(row: Mapping[str, Any]) -> Measured:
    """Return one row of a file.

    Raises:
        TypeError, ValueError: it is not one.
    """
    read = Measured(**row)
    numbers: list[Any] = [read.load_ms, read.at_s, *(value for value in (read.ms, read.psnr_db) if value is not None)]
    texts: list[Any] = [read.runtime, read.precision, read.why]
    if not all(isinstance(text, str) for text in texts) or any(isinstance(value, bool) for value in numbers):
        raise TypeError("a row with wrong types")
    positive = all(isinstance(value, (int, float)) and value >= 0 for value in numbers)
    if not positive or (read.ms is None) != bool(read.why):
        raise ValueError("a row that says nothing")
    return read
