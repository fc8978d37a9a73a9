"""Who is for training, who for choosing and who for testing: as a list of names, so that no file moves.

Pictures of one person (or of one group) stay together. Chance comes from a hash of seed and name, not from an order of
files, so the same folder gives the same list on every machine.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from typing import TYPE_CHECKING

from lensd.errors import ConfigError, MediaError
from trainer.dataset.write import write_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PHASES = ("train", "val", "test")
INDEX = "index.csv"
_BYTES_MAX = 64 * 1024**2


def read_index(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that has a column `file`.

    Raises:
        MediaError: it cannot be read, is over 64 MiB, or has no such column.
    """
    text = read_text(path)
    try:
        reader = csv.DictReader(io.StringIO(text))
        rows = [{key: value or "" for key, value in row.items() if key is not None} for row in reader]
    except csv.Error as error:
        raise MediaError(str(path), f"is no table that can be read ({error})") from error
    if "file" not in (reader.fieldnames or ()):
        raise MediaError(str(path), "has no column 'file'")
    return rows


def group_by_column(path: Path, column: str) -> dict[str, str]:
    """Return picture name (without suffix) to what the table says in `column`.

    Raises:
        MediaError: as `read_index`; or the table lacks the column, or a row has nothing in it.
    """
    groups: dict[str, str] = {}
    for row in read_index(path):
        value = row.get(column)
        if value is None:
            raise MediaError(str(path), f"has no column '{column}'; it has {', '.join(row)}")
        if not value:
            raise MediaError(str(path), f"says nothing of {row['file']} under '{column}'")
        groups[_stem(row["file"])] = value
    return groups


def group_by_pattern(names: Iterable[str], pattern: str) -> dict[str, str]:
    """Return name to what the first bracket of `pattern` (a regular expression) finds in it.

    Raises:
        ConfigError: no expression with a bracket, or a name in which it finds nothing.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"--pattern {pattern}", f"is no regular expression ({error})") from error
    if compiled.groups < 1:
        raise ConfigError(
            f"--pattern {pattern}", "has no brackets round what names the group", r"--pattern '^([^_]+)_'"
        )
    groups = {}
    for name in names:
        match = compiled.search(name)
        if match is None or not match[1]:
            raise ConfigError(f"--pattern {pattern}", f"finds nothing in {name}")
        groups[name] = match[1]
    return groups


def split(groups: Mapping[str, str], val: float, test: float, seed: int) -> dict[str, str]:
    """Return name to "train", "val" or "test"; all names of one group in the same.

    Groups are dealt out one by one, in an order that follows from the seed and their names, each to where most is
    still missing. So the shares are met as closely as whole groups allow.

    Args:
        groups: name to group.
        val, test: shares of the names, 0..1.
        seed: another one deals otherwise.

    Raises:
        ConfigError: the shares leave nothing for training, or there are fewer groups than phases.
    """
    shares = {"train": 1 - val - test, "val": val, "test": test}
    if min(shares.values()) < 0 or shares["train"] <= 0:
        raise ConfigError(f"--val {val} --test {test}", "leave nothing for training")
    wanted = [phase for phase in PHASES if shares[phase] > 0]
    members: dict[str, list[str]] = {}
    for name, group in groups.items():
        members.setdefault(group, []).append(name)
    if len(members) < len(wanted):
        raise ConfigError("the split", f"has {len(members)} groups for {len(wanted)} parts", "--by random, or --test 0")
    missing = {phase: shares[phase] * len(groups) for phase in wanted}
    empty = set(wanted)
    phases: dict[str, str] = {}
    ordered = sorted(members, key=lambda group: hashlib.sha256(f"{seed}\0{group}".encode()).digest())
    for left, group in zip(range(len(ordered), 0, -1), ordered, strict=True):
        among = empty if left <= len(empty) else set(wanted)
        phase = max((p for p in wanted if p in among), key=lambda p: missing[p] / shares[p])
        missing[phase] -= len(members[group])
        empty.discard(phase)
        phases.update(dict.fromkeys(members[group], phase))
    return {name: phases[name] for name in groups}


def write_list(path: Path, phases: Mapping[str, str], groups: Mapping[str, str]) -> None:
    """Write the list, .csv (columns file, phase, group) or .json ({"train": [names], ...}), whole or not at all.

    Raises:
        ConfigError: another suffix.
        MediaError: it cannot be written.
    """
    if path.suffix == ".json":
        by_phase = {phase: [name for name, its in phases.items() if its == phase] for phase in PHASES}
        content = json.dumps({"phases": by_phase, "groups": dict(groups)}, indent=1, ensure_ascii=False) + "\n"
    elif path.suffix == ".csv":
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(("file", "phase", "group"))
        writer.writerows((name, phase, groups[name]) for name, phase in phases.items())
        content = lines.getvalue()
    else:
        raise ConfigError(str(path), "a list is a .csv or a .json file")
    write_file(path, content.encode())


def read_list(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return what `write_list` wrote: name to phase, and name to group.

    Raises:
        MediaError: no such list, or a name of a phase or a file that may not be.
    """
    if path.suffix == ".csv":
        rows = read_index(path)
        phases = {row["file"]: row.get("phase", "") for row in rows}
        groups = {row["file"]: row.get("group", "") for row in rows}
    else:
        try:
            found = json.loads(read_text(path))
            phases = {str(name): str(phase) for phase, names in found["phases"].items() for name in names}
            groups = {str(name): str(group) for name, group in found["groups"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MediaError(str(path), "is no list that `lensd pairs split` has written") from error
    for name, phase in phases.items():
        if phase not in PHASES:
            raise MediaError(str(path), f"says '{phase}' of {name}, which is none of {', '.join(PHASES)}")
    return phases, groups


def read_text(path: Path) -> str:
    """Return a table's or a list's text.

    Raises:
        MediaError: it cannot be read, is over 64 MiB, or is not UTF-8.
    """
    try:
        if path.stat().st_size > _BYTES_MAX:
            raise MediaError(str(path), "is over 64 MiB, too large for a list")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MediaError(str(path), (error.strerror or "cannot be read").lower()) from error
    except UnicodeDecodeError as error:
        raise MediaError(str(path), "is not UTF-8 text") from error


def _stem(file: str) -> str:
    name = file.replace("\\", "/").rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] if "." in name else name
