"""What a bug report needs, gathered into one archive, without pictures, names or serial numbers."""

from __future__ import annotations

import io
import json
import platform
import subprocess
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lensd import __version__
from lensd.config import Settings, config_file, shipped_lenses_dir
from lensd.control.client import call
from lensd.doctor.discretion import of_this_machine
from lensd.errors import LensdError
from lensd.lens.catalogue import read_catalogue
from lensd.settings_file import as_keys, read_settings
from lensd.setup import options
from lensd.setup.distribution import read_distribution
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lensd.doctor.report import Finding

_READ_ME: Final = """\
A report of SnapLens Camera, written by: lensd report

Every file here is text: look through them before you send them to anybody. Names of people, machines and files, paths
in your home folder, serial numbers and addresses are replaced by words in angle brackets. There are no pictures.
"""
_JOURNAL_LINES: Final = 400


def gather(findings: Iterable[Finding]) -> dict[str, str]:
    """Return the report's files and their contents, discreet.

    Args:
        findings: of all checks.
    """
    discretion = of_this_machine(_own_lenses())
    parts: dict[str, Callable[[], str]] = {
        "about.json": lambda: _json(discretion.value(_about())),
        "doctor.json": lambda: _json([discretion.value(finding.as_dict()) for finding in findings]),
        "status.json": lambda: _json(discretion.value(call("status", timeout_s=3))),
        "settings.json": lambda: _json(discretion.value(_settings())),
        "module.txt": lambda: discretion.text(_module()),
        "journal.txt": lambda: discretion.text(_journal()),
    }
    files = {"README.txt": _READ_ME}
    for name, part in parts.items():
        try:
            files[name] = part()
        except (LensdError, OSError) as error:  # what is missing is told in its place
            files[name] = discretion.text(str(error)) + "\n"
    return files


def write(files: dict[str, str], path: Path) -> None:
    """Write the archive, whole or not at all, and for its owner alone.

    Raises:
        OSError: the folder cannot be written.
    """
    folder = path.name.removesuffix(".tar.gz")
    with whole_file(path, mode=0o600) as temporary, tarfile.open(temporary, "w:gz") as archive:
        for name, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = len(content), int(time.time())
            archive.addfile(entry, io.BytesIO(content))


def _own_lenses() -> list[str]:
    shipped = shipped_lenses_dir()
    catalogue = read_catalogue()
    own = [lens for lens in catalogue.lenses if lens.path is not None and shipped not in lens.path.parents]
    skipped = [each.path.name.removesuffix(".lens") for each in catalogue.skipped]
    return [*(lens.name for lens in own), *(lens.title for lens in own), *skipped]


def _about() -> dict[str, object]:
    distribution = read_distribution()
    return {
        "snaplens": __version__,
        "python": platform.python_version(),
        "system": distribution.name,
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _field(Path("/proc/cpuinfo"), "model name"),
        "memory": _field(Path("/proc/meminfo"), "MemTotal"),
        "installed_in": "virtual environment" if _in_environment() else "system",
    }


def _in_environment() -> bool:
    import sys

    return sys.prefix != sys.base_prefix


def _field(path: Path, name: str) -> str:
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), "")


def _settings() -> dict[str, object]:
    return {**as_keys(Settings().as_dict()), **as_keys(read_settings(config_file()))}


def _module() -> str:
    lines = [f"{file.path}: {dict(file.options)}" for file in options.read_files()]
    parameters = Path("/sys/module/v4l2loopback/parameters")
    for path in [parameters.with_name("version"), *sorted(parameters.glob("*"))]:
        try:
            lines.append(f"{path.name}: {path.read_text('utf-8', 'replace').strip()}")
        except OSError:
            continue
    return "\n".join(lines or ["v4l2loopback is not loaded, and no file sets its options"]) + "\n"


def _journal() -> str:
    command = [
        "journalctl",
        "--user",
        "-u",
        "lensd",
        "-n",
        str(_JOURNAL_LINES),
        "-o",
        "short-monotonic",
        "--no-hostname",
    ]
    try:
        done = subprocess.run([*command, "--no-pager", "-q"], capture_output=True, text=True, timeout=10, check=False)
    except FileNotFoundError:
        return "there is no journal here\n"
    except subprocess.TimeoutExpired:
        return "the journal did not answer\n"
    return done.stdout or "nothing of lensd in the journal\n"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
