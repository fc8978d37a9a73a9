"""The Debian package: built, installed into a system of its own, looked at, run, and removed without a trace."""

import gzip
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.test_repository import ROOT

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="there is no dpkg-deb here")
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
PLACES = [
    "usr/bin/lensd",
    "usr/lib/modprobe.d/snaplens.conf",
    "usr/lib/modules-load.d/snaplens.conf",
    "usr/lib/udev/rules.d/60-snaplens-camera.rules",
    "usr/lib/systemd/user/lensd.service",
    "usr/share/applications/snaplens-camera.desktop",
    "usr/share/man/man1/lensd.1.gz",
    "usr/share/bash-completion/completions/lensd",
]


def dpkg(system: Path, *words: str) -> None:
    """dpkg on another folder than this machine's: nothing here is changed. Our package has no scripts to be run."""
    command = ["dpkg", f"--root={system}", "--force-not-root", "--force-depends", "--force-bad-path", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    command = [sys.executable, ROOT / "scripts/build_deb.py", "--without-dependencies", folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = folder.glob("snaplens_*.deb")
    return built


@pytest.fixture(scope="module")
def system(package, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("system")
    for name in ("updates", "info", "triggers"):
        (folder / "var/lib/dpkg" / name).mkdir(parents=True)
    for name in ("status", "available"):
        (folder / "var/lib/dpkg" / name).touch()
    dpkg(folder, "-i", str(package))
    return folder


def files(system: Path) -> set[str]:
    found = {str(path.relative_to(system)) for path in system.rglob("*") if not path.is_dir() or path.is_symlink()}
    return {name for name in found if not name.startswith("var/")}


def test_everything_is_at_its_place(system):
    assert set(PLACES) - files(system) == set()
    assert {name.split("/")[0] for name in files(system)} == {"usr"}
    assert (system / "usr/lib/snaplens/bin/python3").readlink() == Path(f"/usr/bin/{PYTHON}")
    unit = (system / "usr/lib/systemd/user/lensd.service").read_text()
    assert "ExecStart=/usr/bin/lensd run" in unit.splitlines()


def test_what_is_installed_runs_and_has_its_lenses(system):
    site = system / f"usr/lib/snaplens/lib/{PYTHON}/site-packages"
    environment = {
        **os.environ,
        "PYTHONPATH": str(site),
        "XDG_DATA_HOME": str(system),
    }  # the rest is this environment's
    command = [sys.executable, "-P", system / "usr/lib/snaplens/bin/lensd", "lenses", "--json"]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "thug-life" in {lens["name"] for lens in json.loads(done.stdout)}


def test_the_module_and_its_options_are_found_by_the_systems_own_tools(system):
    modprobe = shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin")
    done = subprocess.run([modprobe, "-C", system / "usr/lib/modprobe.d", "-c"], capture_output=True, text=True)
    assert 'card_label="SnapLens Camera" exclusive_caps=1' in done.stdout


def test_the_package_says_what_it_needs(package):
    fields = subprocess.run(["dpkg-deb", "-f", package], capture_output=True, text=True, check=True).stdout
    assert f"Depends: {PYTHON}, " in fields
    assert "Recommends: v4l2loopback-dkms" in fields
    assert platform.machine() != "x86_64" or "Architecture: amd64" in fields


def test_the_man_page_has_every_command_and_no_fault(system):
    page = gzip.decompress((system / "usr/share/man/man1/lensd.1.gz").read_bytes()).decode()
    for command in ("setup", "run", "doctor", "config edit", "report"):
        assert f".SS lensd {command}" in page
    assert r"\fB\-\-dry\-run\fR" in page
    if groff := shutil.which("groff"):
        done = subprocess.run([groff, "-man", "-Tutf8", "-ww"], input=page, capture_output=True, text=True)
        assert [line for line in done.stderr.splitlines() if "break line" not in line] == []


def test_it_is_removed_without_a_trace(system):
    dpkg(system, "-r", "snaplens")
    assert files(system) == set()
