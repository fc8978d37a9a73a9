"""What `make run` and `make test` say where a system lacks something, with stand-ins for a poorer Python."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.test_repository import ROOT


def poorer_python(folder: Path, lacking: str) -> Path:
    """This Python, except that whatever mentions `lacking` on its command line fails, as an import of it would."""
    program = folder / "python3"
    program.write_text(f'#!/bin/bash\n[[ "$*" == *{lacking}* ]] && exit 1\nexec {sys._base_executable} "$@"\n')
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


@pytest.fixture
def project(tmp_path) -> Path:
    """What the script reads, and a Python that notes what it is asked to make and to install, and makes it empty."""
    for name in ("pyproject.toml", "constraints.txt", "scripts/environment.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, tmp_path / name)
    program = tmp_path / "python3"
    program.write_text(f"""#!/bin/bash
        case "$*" in
            "-m venv "*)
                echo made >>{tmp_path}/log
                mkdir -p "${{@: -1}}/bin"; ln -sf {program} "${{@: -1}}/bin/python" ;;
            "-m pip "*) echo installed >>{tmp_path}/log; exit "${{PIP_STATUS-0}}" ;;
            *) exec {sys._base_executable} "$@" ;;
        esac
    """)
    program.chmod(0o755)
    return tmp_path


def prepare(project: Path, **variables: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [project / "scripts/environment.sh", "env", "demo"],
        env={**os.environ, "PYTHON": str(project / "python3"), **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )
    log = project / "log"
    steps = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return done.returncode, steps


def test_an_environment_that_is_up_to_date_is_left_alone(project):
    assert prepare(project) == (0, ["made", "installed"])
    assert prepare(project) == (0, [])


def test_another_requirement_is_installed_into_the_environment_that_is_there(project):
    prepare(project)
    with (project / "constraints.txt").open("a") as file:
        file.write("# another\n")
    assert prepare(project) == (0, ["installed"])
    assert prepare(project) == (0, [])


def test_an_installation_that_failed_is_tried_again(project):
    assert prepare(project, PIP_STATUS="1") == (
        1,
        ["made", "installed", *["installed"] * (sys.version_info[:2] != (3, 11))],
    )
    assert prepare(project) == (0, ["installed"])


def test_an_environment_made_elsewhere_is_made_anew(project, tmp_path_factory):
    prepare(project)
    moved = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.copytree(project, moved, symlinks=True)
    assert prepare(moved)[0] == 0
    assert (project / "log").read_text().split() == ["made", "installed"]  # the stand-in's log stays where it was
