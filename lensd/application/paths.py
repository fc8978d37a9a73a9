"""What goes in and where it goes, checked before any work begins."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal

from lensd.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
MediaKind = Literal["picture", "video"]


def check_paths(source: Path, target: Path | None) -> MediaKind:
    """Return what `source` is; `target`, where there is one, may be written as the same.

    Raises:
        MediaError: `source` cannot be read, `target` is no file name for it, or both are one file.
    """
    kind = _kind(source)
    if target is None:
        return kind
    suffixes = STILL_SUFFIXES if kind == "picture" else VIDEO_SUFFIXES
    if target.suffix.lower() not in suffixes:
        why = f"{source.name} is a {kind}, whose output's name must end in {', '.join(suffixes)}"
        raise MediaError(str(target), why, f"name it {target.stem or 'out'}{suffixes[0]}")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return kind
    except OSError as error:
        raise MediaError(str(target), error.strerror or "cannot be written") from error
    if not stat.S_ISREG(mode):
        raise MediaError(str(target), "is there already, and no plain file", "name another output")
    if target.samefile(source):
        raise MediaError(str(target), "is the input itself, which would be lost", "name another output")
    return kind


def _kind(source: Path) -> MediaKind:
    try:
        if not stat.S_ISREG(source.stat().st_mode):
            raise MediaError(str(source), "is no plain file")
        with source.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise MediaError(str(source), error.strerror or "cannot be read") from error
    if not head:
        raise MediaError(str(source), "is empty")
    still = head.startswith((b"\x89PNG", b"\xff\xd8\xff")) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")
    return "picture" if still or source.suffix.lower() in STILL_SUFFIXES else "video"
