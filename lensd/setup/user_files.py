"""What is written into the home folder: the service, the entry in the menu, its icon."""

from __future__ import annotations

from pathlib import Path

from lensd.config import config_home, data_home

_FILES = Path(__file__).parent


def unit_path() -> Path:
    """Return where the user's unit is."""
    return config_home() / "systemd/user/lensd.service"


_SYSTEM_ENTRY = Path("/usr/share/applications/snaplens-camera.desktop")  # the Debian package's


def menu_files(program: Path) -> dict[Path, str]:
    """Return the files that put "SnapLens Camera" into the desktop's menu, with their contents."""
    entry = (_FILES / "share/applications/snaplens-camera.desktop").read_text("utf-8")
    icon = "icons/hicolor/scalable/apps/snaplens-camera.svg"
    quoted = str(program).replace("%", "%%")
    return {
        data_home() / "applications/snaplens-camera.desktop": entry.replace("Exec=lensd ", f'Exec="{quoted}" '),
        data_home() / icon: (_FILES / "share" / icon).read_text("utf-8"),
    }


def unit(program: Path) -> str:
    """Return the unit that starts `program` at login."""
    text = (_FILES / "systemd/lensd.service").read_text("utf-8")
    quoted = str(program).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return text.replace("ExecStart=%h/.local/bin/lensd run", f'ExecStart="{quoted}" run')


def own_files(program: Path) -> dict[Path, str]:
    """Return all of them."""
    return {unit_path(): unit(program), **({} if _SYSTEM_ENTRY.exists() else menu_files(program))}
