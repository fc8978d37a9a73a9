"""The module's options in modprobe.d, where of two files the last wins, key by key; and ours beside those of others.

Sources: modprobe.d(5); v4l2loopback's README for its parameters, of which those that differ from device to device are
lists, and at most eight devices are made when it is loaded.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lensd.errors import ConfigError
from lensd.v4l2.nodes import OWN_LABEL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

MODULE: Final = "v4l2loopback"
MOST_DEVICES: Final = 8
PREFERRED, LAST_NUMBER = 42, 63  # Firefox looks at /dev/video0 to 63; real webcams do not reach 42
# As modprobe.d(5) orders them: of two files of one name, the first folder's counts.
FOLDERS: Final = (
    "etc/modprobe.d",
    "run/modprobe.d",
    "usr/local/lib/modprobe.d",
    "usr/lib/modprobe.d",
    "lib/modprobe.d",
)
_OURS = re.compile(r"(z+-)?snaplens\.conf")
# Our own device's entry in each list, and what stands for "not given" where others gave shorter lists.
_LISTS = {"video_nr": "-1", "card_label": "", "exclusive_caps": "0"}
_HEAD = """\
# How v4l2loopback makes {devices}. Written by: lensd setup
# The last file that names an option wins, for all devices; so those that other files ask for are in this line too.
"""


@dataclass(frozen=True, slots=True)
class OptionsFile:
    """A file that sets options of v4l2loopback: its path, and its options in the order in which they are written."""

    path: Path
    options: tuple[tuple[str, str], ...]

    @property
    def ours(self) -> bool:
        """Whether `lensd setup` or our Debian package put it there."""
        return _OURS.fullmatch(self.path.name) is not None


def labels(outputs: int) -> tuple[str, ...]:
    """Return the names of `outputs` virtual cameras: "SnapLens Camera", "SnapLens Camera 2", ..."""
    return (OWN_LABEL, *(f"{OWN_LABEL} {number}" for number in range(2, outputs + 1)))


def parse(text: str) -> list[tuple[str, str]]:
    """Return v4l2loopback's options in a file of modprobe.d, in order; lines that cannot be read have none."""
    found: list[tuple[str, str]] = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # a quotation mark without its fellow
            continue
        if words[:2] == ["options", MODULE]:
            found += [(name, value) for name, _, value in (word.partition("=") for word in words[2:])]
    return found


def read_files(root: Path = Path("/")) -> list[OptionsFile]:
    """Return the files under `root` that set options, in the order in which modprobe reads them."""
    files: dict[str, Path] = {}
    for folder in reversed(FOLDERS):
        try:
            files.update({path.name: path for path in (root / folder).glob("*.conf")})
        except OSError:
            continue
    found = []
    for _, path in sorted(files.items()):
        try:
            options = parse(path.read_text("utf-8", "replace"))
        except OSError:
            continue
        if options:
            found.append(OptionsFile(path, tuple(options)))
    return found


def effective(files: Iterable[OptionsFile]) -> dict[str, str]:
    """Return what holds when all these files are read: the last word on each key."""
    return {name: value for file in files for name, value in file.options}


def devices(options: dict[str, str]) -> int:
    """Return how many devices the module makes with these options; 0 where they ask for none in particular."""
    if not {"devices", *_LISTS} - {"exclusive_caps"} & options.keys():
        return 0
    given = options.get("devices", "")
    return int(given) if given.isdigit() else max(1, *(len(values) for values in _lists(options).values()))


def numbers(options: dict[str, str]) -> set[int]:
    """Return the numbers of /dev/videoN that these options ask for."""
    return {int(number) for number in _lists(options)["video_nr"] if number.isdigit()}


def _lists(options: dict[str, str]) -> dict[str, list[str]]:
    return {name: options[name].split(",") if options.get(name) else [] for name in _LISTS}


def own_numbers(files: Iterable[OptionsFile], wanted: Sequence[str]) -> list[int]:
    """Return the numbers that our own file has for the labels `wanted`, as far as it has them all; else none."""
    lists = _lists(effective(file for file in files if file.ours))
    known = dict(zip(lists["card_label"], lists["video_nr"], strict=False))
    found = [known.get(label, "") for label in wanted]
    return [int(number) for number in found] if all(number.isdigit() for number in found) else []


def free_numbers(count: int, taken: Collection[int]) -> list[int]:
    """Return `count` numbers for /dev/videoN that nothing has: from 42 up to 63, then downwards from 41.

    Raises:
        ConfigError: there are no more.
    """
    order = [*range(PREFERRED, LAST_NUMBER + 1), *range(PREFERRED - 1, -1, -1)]
    free = [number for number in order if number not in taken][:count]
    if len(free) < count:
        raise ConfigError("the virtual camera", f"has no free number from 0 to {LAST_NUMBER}", "ls /dev/video*")
    return free


def merged(others: dict[str, str], own: Sequence[tuple[str, int]]) -> dict[str, str]:
    """Return the options that make the devices of `others` as before, and after them ours.

    Args:
        others: what other files ask for.
        own: label and number of each of ours.

    Raises:
        ConfigError: these are more devices than the module makes.
    """
    before = devices(others)
    if before + len(own) > MOST_DEVICES:
        why = f"{before} devices of other programs and {len(own)} of ours are more than its {MOST_DEVICES}"
        raise ConfigError(MODULE, why, "lensd setup --outputs 1")
    lists = _lists(others)
    ours = {
        "video_nr": [str(number) for _, number in own],
        "card_label": [label for label, _ in own],
        "exclusive_caps": ["1"] * len(own),
    }
    # Below four buffers, slow readers often see a picture that is just being written; above, they fall further behind.
    result = {"max_buffers": "4", **{name: value for name, value in others.items() if name not in _LISTS}}
    result["devices"] = str(before + len(own))
    for name, fill in _LISTS.items():
        result[name] = ",".join([*(lists[name] + [fill] * before)[:before], *ours[name]])
    return result


def as_file(options: dict[str, str]) -> str:
    """Return the whole file; options in a fixed order, so that equal ones are equal text."""
    order = ["devices", *_LISTS, "max_buffers"]
    words = [*order, *sorted(options.keys() - set(order))]
    line = " ".join(
        f'{name}="{options[name]}"' if " " in options[name] else f"{name}={options[name]}" for name in words
    )
    made = options["card_label"].split(",")
    names = " and ".join(f'"{label}"' for label in made if label.startswith(OWN_LABEL))
    return f"{_HEAD.format(devices=names)}options {MODULE} {line}\n"


def file_name(others: Iterable[OptionsFile]) -> str:
    """Return a name under which our file is read after all `others`."""
    last = max((file.path.name for file in others), default="")
    name = "snaplens.conf"
    while name <= last:
        name = f"z{name}" if name.startswith("z") else f"zz-{name}"
    return name
