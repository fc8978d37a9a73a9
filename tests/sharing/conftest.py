"""A user's folder of lenses, empty; and packages to put there."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tests.lens.packages import seal, write_generator, write_overlay


@pytest.fixture
def lenses(tmp_path, monkeypatch):
    """The user's folder of lenses, not there yet."""
    for variable in ("DATA_HOME", "STATE_HOME", "CONFIG_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{variable}", str(tmp_path / variable))
    return tmp_path / "DATA_HOME" / "lensd" / "lenses"


@pytest.fixture
def make(tmp_path):
    """Make an overlay package of a version, in a folder of its own."""

    def made(version="1.0.0", name="dots", **changes) -> Path:
        folder = write_overlay(tmp_path / "made" / version / f"{name}.lens", **changes)
        text = (folder / "lens.toml").read_text().split("\n[files]")[0]
        return seal(folder, text.replace('version = "1.0.0"', f'version = "{version}"'))

    return made


@pytest.fixture
def generator(tmp_path):
    return write_generator(tmp_path / "made" / "tiny.lens")


def everything(folder: Path) -> dict[str, bytes]:
    """Each file under `folder`, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def zip_of(folder: Path) -> Path:
    """Zip a package as anybody's tool does."""
    target = folder.with_suffix(".lens.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, f"{folder.name}/{path.relative_to(folder)}")
    return target


def copy_of(folder: Path, target: Path) -> Path:
    return Path(shutil.copytree(folder, target))
