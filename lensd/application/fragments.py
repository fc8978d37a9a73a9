"""The end of an MP4 file that was cut off in the middle of writing.

Source: ISO/IEC 14496-12, boxes: a size of 4 bytes, a type of 4, and a size of 8 where the first is 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def drop_torn_tail(path: Path) -> int:
    """Cut `path` behind its last whole fragment, which every player can show; return how many bytes went.

    Raises:
        OSError: it cannot be read or cut.
    """
    length = path.stat().st_size
    at = whole = 0
    with path.open("rb+") as file:
        while at + 8 <= length:
            file.seek(at)
            head = file.read(16)
            size, kind = int.from_bytes(head[:4]), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:16])
            if size < 8 or at + size > length:
                break
            at += size
            if kind != b"moof":  # what it announces is still to come
                whole = at
        file.truncate(whole)
    return length - whole
