"""A maker's folder, sealed with the hashes of what is in it, and as the one file that is passed on."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lensd.errors import LensError
from lensd.lens.container import open_container
from lensd.lens.manifest import MANIFEST_BYTES_MAX, MANIFEST_NAME
from lensd.lens.package import open_package
from lensd.sharing.examination import examine
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lensd.sharing.report import Report

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # of the zip format: the same files give the same zip
_PLAIN_FILE = 0o100644 << 16
_FILES = re.compile(r"^[ \t]*\[files\][ \t]*(#.*)?$")
_TABLE = re.compile(r"^[ \t]*\[")


class Packed(NamedTuple):
    """What was written.

    Attributes:
        path: the zip. size: its bytes. sha256: of it, for an address's "#sha256=".
        report: of the lens.
    """

    path: Path
    size: int
    sha256: str
    report: Report


def files_table(contents: Mapping[str, bytes]) -> str:
    """Return lens.toml's table [files] for the other files of a package."""
    listed = "".join(
        f"{json.dumps(name)} = {json.dumps(hashlib.sha256(content).hexdigest())}\n"
        for name, content in sorted(contents.items())
    )
    return f"[files]\n{listed}"


def seal(folder: Path) -> None:
    """Write the hashes of what is in `folder` into its lens.toml; the rest of lens.toml stays as it is.

    Raises:
        LensError: no folder with a lens.toml, or one that breaks a bound; or it cannot be written.
    """
    if not folder.is_dir():
        raise LensError(str(folder), "is no folder", "lensd lens init NAME makes one")
    container = open_container(folder)
    if MANIFEST_NAME not in container.sizes:
        raise LensError(str(folder), f"has no {MANIFEST_NAME}", "lensd lens init NAME makes a folder that has one")
    if container.sizes[MANIFEST_NAME] > MANIFEST_BYTES_MAX:
        raise LensError(str(folder / MANIFEST_NAME), f"is larger than {MANIFEST_BYTES_MAX} bytes")
    before = container.read(MANIFEST_NAME)
    contents = {name: container.read(name) for name in container.sizes if name != MANIFEST_NAME}
    try:
        head = _without_files(before.decode())
    except UnicodeDecodeError:
        raise LensError(str(folder / MANIFEST_NAME), "is no text in UTF-8") from None
    after = f"{head.rstrip()}\n\n{files_table(contents)}".encode()
    if after != before:
        try:
            write_whole(folder / MANIFEST_NAME, after)
        except OSError as error:
            raise LensError(str(folder / MANIFEST_NAME), error.strerror or str(error)) from error


def pack(folder: Path, target: Path | None = None, *, replace: bool = False) -> Packed:
    """Seal `folder`, examine it as an installation would, and write it as a zip.

    Args:
        folder: NAME.lens.
        target: the zip; None takes NAME-VERSION.lens.zip where the user stands.
        replace: a file of that name may be overwritten.

    Raises:
        LensError: it is no lens yet (says why), or cannot be written.
        EngineError: its network cannot be run here.
    """
    seal(folder)
    report = examine(folder)
    version = re.sub(r"[^A-Za-z0-9.+_-]", "_", report.version)
    target = target or Path(f"{report.name}-{version}.lens.zip")
    if not target.name.endswith(".zip"):
        raise LensError(str(target), "is no name for a zip", f"{report.name}.lens.zip")
    if target.exists() and not replace:
        raise LensError(str(target), "is there already", "add --replace, or name another file with --output")
    package = open_package(folder)
    content = _zip(f"{report.name}.lens", {MANIFEST_NAME: package.toml, **package.contents})
    try:
        write_whole(target, content)
    except OSError as error:
        raise LensError(str(target), error.strerror or str(error)) from error
    if open_package(target).fingerprint != report.fingerprint:
        raise LensError(str(folder), "was changed while it was being packed", "try again")
    return Packed(target, len(content), hashlib.sha256(content).hexdigest(), report)


def _without_files(text: str) -> str:
    kept, inside = [], False
    for line in text.splitlines():
        inside = bool(_FILES.match(line)) or (inside and not _TABLE.match(line))
        if not inside:
            kept.append(line)
    return "\n".join(kept)


def _zip(top: str, contents: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(contents.items()):
            entry = zipfile.ZipInfo(f"{top}/{name}", _FIRST_DAY)
            entry.external_attr, entry.compress_type = _PLAIN_FILE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return stream.getvalue()
