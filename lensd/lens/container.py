"""The files of a lens package, read from a folder or from a zip of it, within bounds and never onto the disk.

A package is at most 64 MiB, so it is held in memory: what was checked is then what is used, whatever happens to the
folder meanwhile, and a zip is never extracted. Nothing is allocated because a header says so: sizes are bounded
before the first byte is read, and reading stops at the bound.
"""

from __future__ import annotations

import os
import re
import stat
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

from lensd.errors import PackageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOTAL_BYTES_MAX = 64 * 1024 * 1024
FILES_MAX = 64
_RATIO_MAX = 100  # deflate of weights gives 1.1, of a text 4; a bomb of zeros 1,030
_RATIO_FREE_BYTES = 1024 * 1024
_DIRECTORY_BYTES_MAX = 64 * 1024
_END_RECORD = 22
_PLAIN = re.compile(
    r"([A-Za-z0-9][A-Za-z0-9_-]{0,59}/)?[A-Za-z0-9][A-Za-z0-9_-]{0,59}(\.(int8|float16))?(\.[A-Za-z0-9]{1,10})?"
)
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    struct.error,
    zlib.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    OSError,
)
_NO_FOLLOW = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO in a package must not block us


class Container(Protocol):
    """Where a package's files are."""

    @property
    def folder(self) -> str | None:
        """The folder's name, where there is one."""

    @property
    def sizes(self) -> Mapping[str, int]:
        """Bytes of each file, by its name relative to the package."""

    def read(self, name: str) -> bytes:
        """Return the file `name` of `sizes`.

        Raises:
            PackageError: it cannot be read, or has another size by now.
        """


def open_container(path: Path) -> Container:
    """Return the files at `path`, listed and bounded, not yet read.

    Raises:
        PackageError: neither a folder nor a zip, or one that breaks a bound: 64 files, 64 MiB, plain relative names,
            at most one folder deep, no links, no devices, no name twice.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise PackageError(str(path), error.strerror or "cannot be read") from error
    if stat.S_ISDIR(mode):
        return _Folder(path)
    if stat.S_ISREG(mode):
        return _Zip(path)
    raise PackageError(str(path), "is neither a folder nor a zip")


def _bounded(where: str, sizes: Mapping[str, int]) -> Mapping[str, int]:
    if len(sizes) > FILES_MAX:
        raise PackageError(where, f"holds more than {FILES_MAX} files")
    for name in sizes:
        if len(name) > 120 or not _PLAIN.fullmatch(name):
            why = f"holds a file named {name[:80]!r}; names are plain and relative, such as golden/in.png"
            raise PackageError(where, why)
    if (total := sum(sizes.values())) > TOTAL_BYTES_MAX:
        raise PackageError(where, f"says that it holds {total} bytes; at most {TOTAL_BYTES_MAX} are allowed")
    return sizes


class _Folder:
    def __init__(self, path: Path) -> None:
        self._path = path
        self.folder: str | None = path.resolve().name
        found: dict[str, int] = {}
        self._list(path, "", found)
        self.sizes = _bounded(path.name, found)

    def _list(self, folder: Path, prefix: str, found: dict[str, int]) -> None:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name, status = prefix + entry.name, entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode) and not prefix:
                        self._list(folder / entry.name, f"{name}/", found)
                    elif stat.S_ISREG(status.st_mode):
                        found[name] = status.st_size
                    else:
                        why = (
                            f"holds {name[:80]!r}, which is no plain file (links, devices and deep folders are refused)"
                        )
                        raise PackageError(self._path.name, why)
                    if len(found) > FILES_MAX:
                        return
        except OSError as error:
            raise PackageError(str(folder), error.strerror or "cannot be read") from error

    def read(self, name: str) -> bytes:
        where = f"{self._path.name}/{name}"
        try:
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                *parents, leaf = name.split("/")
                for parent in parents:
                    inner = os.open(parent, _NO_FOLLOW | os.O_DIRECTORY, dir_fd=folder)
                    os.close(folder)
                    folder = inner
                descriptor = os.open(leaf, _NO_FOLLOW, dir_fd=folder)
            finally:
                os.close(folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise PackageError(where, "is no plain file")
                content = file.read(self.sizes[name] + 1)
        except OSError as error:
            raise PackageError(where, error.strerror or "cannot be read") from error
        if len(content) != self.sizes[name]:
            raise PackageError(where, "changed while it was read")
        return content


class _Zip:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._check_end_record()
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        except _ZIP_ERRORS as error:
            raise PackageError(path.name, "is neither a folder nor a zip that can be read") from error
        tops = {entry.filename.split("/")[0] for entry in entries}
        wrapped = len(tops) == 1 and next(iter(tops)).endswith(".lens") and all("/" in e.filename for e in entries)
        self.folder = tops.pop() if wrapped else None
        skip = len(self.folder) + 1 if self.folder else 0
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            self._add(entry.filename[skip:], entry)
        self.sizes = _bounded(path.name, {name: entry.file_size for name, entry in self._entries.items()})

    def _check_end_record(self) -> None:
        # zipfile reads the whole directory at once, an object an entry: its size is bounded first. Only the plain
        # form is taken (no comment, no zip64), so that zipfile finds the record that was checked.
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                if size > TOTAL_BYTES_MAX:
                    raise PackageError(self._path.name, f"has {size} bytes; at most {TOTAL_BYTES_MAX} are allowed")
                file.seek(max(0, size - _END_RECORD - 20))
                tail = file.read()
        except OSError as error:
            raise PackageError(str(self._path), error.strerror or "cannot be read") from error
        record = tail[-_END_RECORD:]
        if (
            len(record) < _END_RECORD
            or record[:4] != b"PK\x05\x06"
            or record[20:] != b"\x00\x00"
            or tail[:4] == b"PK\x06\x07"
        ):
            raise PackageError(self._path.name, "is neither a folder nor a plain zip of one")
        if int.from_bytes(record[12:16], "little") > _DIRECTORY_BYTES_MAX:
            raise PackageError(self._path.name, f"holds more than {FILES_MAX} files")

    def _add(self, name: str, entry: zipfile.ZipInfo) -> None:
        where, mode = self._path.name, entry.external_attr >> 16
        if name in self._entries:
            raise PackageError(where, f"holds {name[:80]!r} twice")
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise PackageError(where, f"holds {name[:80]!r}, which is no plain file (links and devices are refused)")
        if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PackageError(where, f"holds {name[:80]!r} encrypted or packed in a way that lensd does not read")
        if entry.file_size > max(_RATIO_FREE_BYTES, _RATIO_MAX * entry.compress_size):
            why = f"says that {name[:80]!r} unpacks from {entry.compress_size} to {entry.file_size} bytes"
            raise PackageError(where, f"{why}; a zip bomb")
        self._entries[name] = entry

    def read(self, name: str) -> bytes:
        where, size = f"{self._path.name}/{name}", self.sizes[name]
        try:
            with zipfile.ZipFile(self._path) as archive, archive.open(self._entries[name]) as file:
                content = file.read(size + 1)
        except _ZIP_ERRORS as error:
            raise PackageError(where, f"cannot be unpacked: {type(error).__name__}") from error
        if len(content) != size:
            raise PackageError(where, f"has {len(content)} bytes, not the {size} that the zip says")
        return content
