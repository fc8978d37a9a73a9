"""Which of two versions is the newer one, where that can be said."""

from __future__ import annotations

import re

_NUMBERED = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-.]?([a-z]+[0-9a-z.-]*))?", re.IGNORECASE)


def is_newer(one: str, other: str) -> bool:
    """Say whether version `one` is surely newer than `other`: numbers with dots, an ending such as "-beta" is older.

    False where one of them is not of that form, or both are the same.
    """
    first, second = _key(one), _key(other)
    return first is not None and second is not None and first > second


def _key(version: str) -> tuple[list[int], bool, list[tuple[int, str]]] | None:
    found = _NUMBERED.fullmatch(version.strip())
    if found is None:
        return None
    numbers = [int(part) for part in found[1].split(".")]
    numbers += [0] * (4 - len(numbers))
    ending = re.findall(r"\d{1,9}|[a-z]+", (found[2] or "").lower())
    return numbers, not ending, [(int(part), "") if part.isdigit() else (0, part) for part in ending]
