"""A TOML table read strictly: each value taken out by name, type and range; what is left over is unknown.

The texts come from a stranger and end up in a terminal, so only printable ones are taken or shown.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from lensd.config import NO_LENS
from lensd.errors import ManifestError

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}(\.(int8|float16))?\.(onnx|png)")


class StrictTable:
    """One TOML table; every reader takes its key out, and raises `ManifestError` where it is missing or wrong."""

    def __init__(self, where: str, path: str, values: dict[str, Any]) -> None:
        """Read `values`, a copy; `where` is the file and `path` the keys that lead here, for error messages."""
        self._where, self._path, self._values = where, path, dict(values)

    def refuse(self, key: str, allowed: str, value: object) -> NoReturn:
        """Raise: `key` is `value`, and must be `allowed`."""
        raise ManifestError(self._where, f"{self._path}{printable(key)} must be {allowed}, not {shown(value)}")

    def _take(self, key: str) -> Any:
        if key not in self._values:
            raise ManifestError(self._where, f"{self._path}{printable(key)} is missing")
        return self._values.pop(key)

    def has(self, key: str) -> bool:
        """Return whether `key` is still to be taken."""
        return key in self._values

    def names(self) -> list[str]:
        """Return the keys still to be taken, sorted."""
        return sorted(self._values)

    def end(self, of: str = "") -> None:
        """Refuse whatever was not taken; `of` ends the sentence."""
        if self._values:
            unknown = f"{self._path}{printable(min(self._values))}"
            raise ManifestError(self._where, f"{unknown} is unknown{of}")

    def text(self, key: str, longest: int) -> str:
        """Take one printable line."""
        return self._as_text(key, self._take(key), longest)

    def _as_text(self, key: str, value: object, longest: int) -> str:
        # Printable, because it is printed: an escape sequence in a title would drive the reader's terminal.
        if not isinstance(value, str) or not 1 <= len(value) <= longest or not value.isprintable():
            self.refuse(key, f"1 to {longest} printable characters on one line", value)
        return value

    def texts(self, key: str, most: int, longest: int) -> tuple[str, ...]:
        """Take a list of printable lines; none where it is missing."""
        value = self._values.pop(key, [])
        if not isinstance(value, list) or len(value) > most:
            self.refuse(key, f"a list of at most {most} texts", value)
        return tuple(self._as_text(key, item, longest) for item in value)

    def name(self, key: str) -> str:
        """Take a lens's name."""
        value = self._take(key)
        if not isinstance(value, str) or not _NAME.fullmatch(value) or value == NO_LENS:
            self.refuse(key, 'a lens name: 1 to 40 of a-z, 0-9 and "-", not "-" first, not "none"', value)
        return value

    def file(self, key: str, suffix: str) -> str:
        """Take the plain name of a file in the package itself."""
        value = self._take(key)
        if not isinstance(value, str) or not _FILE.fullmatch(value) or not value.endswith(suffix):
            self.refuse(key, f'the plain name of a "*{suffix}" file beside lens.toml', value)
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> Any:
        """Take one of `choices`."""
        value = self._take(key)
        if not isinstance(value, str) or value not in choices:
            self.refuse(key, f"one of {', '.join(choices)}", value)
        return value

    def integer(self, key: str, low: int, high: int) -> int:
        """Take a whole number, bounds included."""
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.refuse(key, f"a whole number from {low} to {high}", value)
        return value

    def number(self, key: str, low: float, high: float, default: float | None = None) -> float:
        """Take a number, bounds included."""
        value = default if default is not None and key not in self._values else self._take(key)
        return self._as_number(key, value, low, high)

    def _as_number(self, key: str, value: object, low: float, high: float) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:  # NaN fails
            self.refuse(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def point(self, key: str, reach: float) -> tuple[float, float]:
        """Take [x, y], each from -reach to reach."""
        value = self._take(key)
        if not isinstance(value, list) or len(value) != 2:
            self.refuse(key, "[x, y]", value)
        return self._as_number(key, value[0], -reach, reach), self._as_number(key, value[1], -reach, reach)

    def table(self, key: str) -> StrictTable:
        """Take a table."""
        value = self._take(key)
        if not isinstance(value, dict):
            self.refuse(key, "a table", value)
        return StrictTable(self._where, f"{self._path}{key}.", value)

    def tables(self, key: str, most: int) -> list[StrictTable]:
        """Take an array of tables, at least one."""
        value = self._take(key)
        if not isinstance(value, list) or not 1 <= len(value) <= most or not all(isinstance(v, dict) for v in value):
            self.refuse(key, f"1 to {most} tables, [[{key}]]", value)
        return [StrictTable(self._where, f"{self._path}{key}[{at}].", table) for at, table in enumerate(value)]


def printable(text: str) -> str:
    """Return a stranger's text as it may be printed: no control characters, not long."""
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 60 else text[:57] + "..."


def shown(value: object) -> str:
    """Return a stranger's value as it may be printed."""
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"  # and str() of one over 4,300 digits raises
    return printable(repr(value))


def one_line(error: BaseException) -> str:
    """Return the error's own words as they may be printed."""
    return printable(" ".join(str(error).split())) or type(error).__name__
