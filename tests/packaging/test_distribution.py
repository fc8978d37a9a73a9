"""The wheel and the source archive: built, looked into, and the wheel put to use."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import lensd
from tests.packaging.test_repository import ROOT, tracked

DATA = [
    "lensd/py.typed",
    "trainer/py.typed",
    "lensd/lens/template.npz",
    "lensd/face/landmarks.onnx",
    "lensd/page/static/page.html",
    "lensd/lenses/thug-life.lens/lens.toml",
    "lensd/lenses/thug-life.lens/generator.onnx",
    "lensd/lenses/thug-life.lens/golden/out.png",
]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    """The tracked files alone: a build leaves nothing in the checkout, and takes nothing that git does not have."""
    folder = tmp_path_factory.mktemp("source")
    for path in tracked():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


def run(*arguments: str, **options) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_has_the_code_and_its_data_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert set(DATA) - names == set()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"lensd", "trainer", f"snaplens-{lensd.__version__}.dist-info"}
    code = {str(path.relative_to(ROOT)) for path in tracked() if path.suffix == ".py"}
    assert {name for name in code if name.startswith(("lensd/", "trainer/"))} - names == set()


def test_every_file_of_every_shipped_lens_is_in_the_wheel(wheel):
    shipped = {str(path.relative_to(ROOT)) for path in tracked() if ROOT / "lensd/lenses" in path.parents}
    assert shipped
    assert shipped - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_source_archive_builds_the_same_package(source, tmp_path):
    run("-c", f"from setuptools import build_meta; build_meta.build_sdist({str(tmp_path)!r})", cwd=source)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {*DATA, "pyproject.toml", "README.md", "LICENSE", "Makefile", "constraints.txt"} - names == set()


def test_the_wheel_alone_lists_its_lenses(wheel, tmp_path):
    """Unpacked where nothing else of ours is, as `pip install` leaves it."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site"), "XDG_DATA_HOME": str(tmp_path)}
    where = run("-c", "import lensd; print(lensd.__file__)", cwd=tmp_path, env=environment)
    assert str(tmp_path) in where
    lenses = json.loads(run("-m", "lensd", "lenses", "--json", cwd=tmp_path, env=environment))
    assert {"none", "thug-life"} <= {lens["name"] for lens in lenses}


def test_the_version_is_the_same_wherever_it_is_told(wheel):
    assert importlib.metadata.version("snaplens") == lensd.__version__
    assert wheel.name.startswith(f"snaplens-{lensd.__version__}-")
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_package_that_an_installation_brings_along_is_pinned():
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    needed: set[str] = set()
    waiting = [("snaplens", frozenset({"demo", "trainer", "dev"}))]
    while waiting:
        name, extras = waiting.pop()
        for text in importlib.metadata.requires(name) or []:
            requirement = Requirement(text)
            wanted = requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras | {""})
            if wanted and (other := canonicalize_name(requirement.name)) not in needed:
                needed.add(other)
                waiting.append((other, frozenset(requirement.extras)))
    assert "numpy" in needed
    assert needed - pins.keys() == set()
    if sys.version_info[:2] == (3, 11):  # elsewhere the installation may have had to take others
        installed = {name: importlib.metadata.version(name).split("+")[0] for name in needed}
        assert {name: v for name, v in installed.items() if v != pins[name]} == {}
