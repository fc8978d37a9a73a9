"""Files written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def whole_file(path: Path, *, mode: int = 0o644) -> Iterator[Path]:
    """Yield the path of a temporary file beside `path`; at the end it takes the name, at an error it vanishes.

    The temporary file keeps `path`'s suffix, because encoders choose their format by it.

    Raises:
        OSError: the folder cannot be written, or the disk is full; `path` is as it was.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_whole(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write `content` to `path` whole or not at all.

    Raises:
        OSError: as `whole_file`.
    """
    with whole_file(path, mode=mode) as temporary:
        temporary.write_bytes(content)
