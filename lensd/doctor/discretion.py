"""What a bug report may not tell: who somebody is, what their files are called, which very device is theirs."""

from __future__ import annotations

import os
import pwd
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOBODY: Final = {"root", "user", "nobody", "video"}  # logins that say nothing of a person, and stand in every log
# A path may have spaces in it: up to a quotation mark or the end of the clause all is taken for its part.
_MEDIA: Final = r"\.(?:png|jpe?g|webp|bmp|gif|tiff?|heic|mp4|mkv|mov|avi|webm|m4v)"
_PATTERNS: Final = (
    (re.compile(r"\btoken=[\w-]+"), "token=<token>"),
    (re.compile(r"/run/user/\d+"), "/run/user/<id>"),
    (re.compile(r"/(?:home|root|media|mnt|srv|tmp|var/tmp|run/media|Users|net)/[^'\"`\n:;,()|<>]*"), "<path>"),
    (re.compile(r"(?<![\w/.])~/[^'\"`\n:;,()|<>]*"), "<path>"),
    (re.compile(r"\busb-[\w.:-]+?(-video-index\d+)"), r"usb-<camera>\1"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+"), "<address>"),
    (re.compile(rf"[^\s'\"/]+{_MEDIA}\b", re.IGNORECASE), "<file>"),
    (re.compile(r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b"), "<address>"),
    (re.compile(r"\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01])|169\.254)(?:\.\d{1,3}){2,3}\b"), "<address>"),
    (re.compile(r"\b\w+['’]s (?=\w*(?:phone|pad|cam|pixel|galaxy))", re.IGNORECASE), "<name>'s "),
    (re.compile(r"\b[0-9a-f]{32,}\b"), "<number>"),
)  # fmt: skip


_FIRST: Final = 6  # of these go before a person's words: else half of an address or a path would stand there


class Discretion:
    """Takes out of texts what nobody else is to know.

    Attributes:
        words: what is taken out as a word of its own, in any case, and what stands for it.
    """

    def __init__(self, words: Iterable[tuple[str, str]]) -> None:
        """Take out `words` (long ones first) and whatever looks like a path, an address or a number of a device."""
        self.words = sorted(((word, mark) for word, mark in words if word), key=lambda each: -len(each[0]))
        self._patterns = [
            (re.compile(rf"(?<!\w){re.escape(word)}(?!\w)", re.IGNORECASE), mark) for word, mark in self.words
        ]

    def text(self, text: str) -> str:
        """Return `text` without any of it."""
        for pattern, mark in (*_PATTERNS[:_FIRST], *self._patterns, *_PATTERNS[_FIRST:]):
            text = pattern.sub(mark, text)
        return text

    def value(self, value: Any) -> Any:
        """Return a value as JSON has it, every text in it and every name of a field gone through."""
        if isinstance(value, str):
            return "<file>" if re.search(rf"{_MEDIA}$", value, re.IGNORECASE) else self.text(value)
        if isinstance(value, dict):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return value


def of_this_machine(own_lenses: Iterable[str] = ()) -> Discretion:
    """Return the one for this machine and user.

    Args:
        own_lenses: names and titles of lenses that are not shipped.
    """
    entry = pwd.getpwuid(os.getuid())
    full_name = entry.pw_gecos.split(",")[0]
    words = [(name, "<user>") for name in (entry.pw_name, os.environ.get("USER", "")) if name not in _NOBODY]
    words += [
        (name, "<name>") for name in (full_name, *full_name.split()) if len(name) > 2 and name.lower() not in _NOBODY
    ]
    words += [(str(Path.home()), "<home>")]
    host = socket.gethostname()
    words += [(name, "<host>") for name in (host, host.partition(".")[0]) if name not in ("localhost", "")]
    words += [(number, "<number>") for number in _numbers()]
    words += [(name, f"<lens {index}>") for index, name in enumerate(own_lenses, 1)]
    return Discretion(words)


def _numbers(root: Path = Path("/")) -> list[str]:
    """Return the numbers by which this very machine and its devices could be known again."""
    paths = [root / "etc/machine-id", *(root / "sys/bus/usb/devices").glob("*/serial")]
    found = []
    for path in paths:
        try:
            text = path.read_text("utf-8", "replace").strip()
        except OSError:
            continue
        if len(text) > 3:
            found.append(text)
    return found
