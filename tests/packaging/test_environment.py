"""What `make run` and `make test` say where a system lacks something, with stand-ins for a poorer Python."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.test_repository import ROOT


def poorer_python(folder: Path, lacking: str) -> Path:
    """This Python, except that whatever mentions `lacking` on its command line fails, as an import of it would."""
    program = folder / "python3"
    program.write_text(f'#!/bin/bash\n[[ "$*" == *{lacking}* ]] && exit 1\nexec {sys.executable} "$@"\n')
    program.chmod(0o755)
    return program


def make_environment(folder: Path, python: Path | str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / "scripts/environment.sh", str(folder / "env"), "demo"],
        env={**os.environ, "PYTHON": str(python)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("lacking", "package"),
    [("ensurepip", "python3.{minor}-venv"), ("libGL.so.1", "libgl1"), ("libgthread-2.0.so.0", "libglib2.0-0")],
)
def test_what_the_system_lacks_is_named_with_the_line_that_mends_it(tmp_path, lacking, package):
    done = make_environment(tmp_path, poorer_python(tmp_path, lacking))
    package = package.format(minor=sys.version_info.minor)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"error: this system lacks {package}\nhint: sudo apt-get install {package}\n"
    assert not (tmp_path / "env").exists()


def test_a_python_that_is_too_old_or_absent_is_refused(tmp_path):
    done = make_environment(tmp_path, tmp_path / "python3")
    assert done.returncode == 1
    assert "no Python 3.11 or later" in done.stderr


def test_an_environment_that_is_up_to_date_is_left_alone_without_a_word(tmp_path):
    environment = Path(sys.prefix)
    if not (environment / "installed").exists():
        pytest.skip("these tests do not run in the environment of `make test`")
    done = subprocess.run(
        [ROOT / "scripts/environment.sh", str(environment), "demo,trainer,dev"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
