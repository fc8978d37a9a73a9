"""The ground: Python, its packages, the kernel's module, who may use devices, and whether a daemon runs."""

from __future__ import annotations

import grp
import importlib.metadata
import os
import platform
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.control.client import RemoteError, call
from lensd.doctor.report import Finding
from lensd.errors import DaemonNotRunning
from lensd.setup import options
from lensd.setup.distribution import SIGNING_KEY, read_distribution
from lensd.setup.secure_boot import WALK_THROUGH, is_on, key_state
from lensd.v4l2.nodes import list_names
from lensd.virtualcam.node import LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTED_PYTHON = (3, 11)
OLDEST_MODULE, NEWEST_MODULE = (0, 12, 7), (0, 15)  # of v4l2loopback, as tested
# Each brings the files of opencv-python in another build; whichever was installed last wins.
_OPENCV_TWINS = ("opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
JOIN_VIDEO = "sudo usermod -aG video $USER, then log out and in again"


def python() -> Iterator[Finding]:
    """Python itself."""
    version = platform.python_version()
    if sys.version_info[:2] != TESTED_PYTHON:
        yield Finding("python", "ok", f"{version}; tested with {'.'.join(map(str, TESTED_PYTHON))}")
    else:
        yield Finding("python", "ok", version)


def packages(distribution: str = "snaplens") -> Iterator[Finding]:
    """The packages that the base install needs, and those that get in each other's way."""
    try:
        required = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("packages", "warn", f"{distribution} runs without being installed", "pip install -e .")
        return
    names = [re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0] for line in required if "extra ==" not in line]
    versions = {name: _version(name) for name in names}
    if missing := [name for name, version in versions.items() if version is None]:
        yield Finding("packages", "fail", f"not installed: {', '.join(missing)}", f"pip install {' '.join(missing)}")
        return
    if (versions.get("opencv-python") or "4").startswith("5"):
        why = "opencv-python 5 has no cascades, which find the face"
        yield Finding("packages", "fail", why, "pip install 'opencv-python<5'")
        return
    if twins := [name for name in _OPENCV_TWINS if _version(name)]:
        why = f"{' and '.join(twins)} overwrites files of opencv-python"
        command = f"pip uninstall -y {' '.join(twins)} && pip install --force-reinstall --no-deps 'opencv-python<5'"
        yield Finding("packages", "warn", why, command)
        return
    yield Finding("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def module(sysfs: Path = Path("/sys/module"), modules: Path = Path("/lib/modules")) -> Iterator[Finding]:
    """The kernel's module v4l2loopback: loaded, and of a version that was tested."""
    name = "v4l2loopback"
    if not (sysfs / name).is_dir():
        if _built(modules / platform.release() / "modules.dep"):
            yield Finding(name, "fail", "the module is installed and not loaded; only the preview works", "lensd setup")
            return
        why = f"the module is not installed for kernel {platform.release()}; only the preview works"
        yield Finding(name, "fail", why, "lensd setup")
        return
    try:
        text = (sysfs / name / "version").read_text("utf-8", "replace").strip()
    except FileNotFoundError:
        yield Finding(name, "ok", "loaded; of a version before 0.13, which does not tell its number")
        return
    version = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    if version < OLDEST_MODULE:
        why = f"{text} is older than {'.'.join(map(str, OLDEST_MODULE))}, the oldest that was tested"
        yield Finding(name, "warn", why, "sudo apt install v4l2loopback-dkms/bookworm-backports")
    elif version[:2] > NEWEST_MODULE:
        yield Finding(name, "ok", f"{text}; newer than {'.'.join(map(str, NEWEST_MODULE))}, the newest that was tested")
    else:
        yield Finding(name, "ok", f"{text}, loaded")


def _built(index: Path) -> bool:
    try:
        return "/v4l2loopback.ko" in index.read_text("utf-8", "replace")
    except OSError:
        return False


def secure_boot() -> Iterator[Finding]:
    """Whether Secure Boot is on, and whether it knows the key that signs the module."""
    name, family = "secure boot", read_distribution().family
    if not is_on():
        yield Finding(name, "ok", "is off, or there is none")
        return
    if Path("/sys/module/v4l2loopback").is_dir():
        yield Finding(name, "ok", "is on, and the module is loaded all the same")
        return
    state = key_state(SIGNING_KEY[family]) if family in SIGNING_KEY else "unknown"
    if state == "enrolled":
        yield Finding(name, "ok", "is on, and knows the key that signs the module")
    elif state == "waiting":
        yield Finding(name, "warn", f"is on; the key is to be confirmed: {WALK_THROUGH}", "systemctl reboot")
    else:
        yield Finding(name, "fail", "is on, and does not know the key that signs the module", "lensd setup")


def module_options(root: Path = Path("/")) -> Iterator[Finding]:
    """Who else sets the module's options: of two lines the last wins, key by key, so ours must be last and have all."""
    name, files = "module options", options.read_files(root)
    others = [file for file in files if not file.ours]
    paths = " and ".join(str(file.path) for file in files)
    effective = options.effective(files)
    own = [label for label in options.labels(8) if label in effective.get("card_label", "").split(",")]
    if not files:
        yield Finding(name, "ok", "no file sets them")
    elif not own:
        yield Finding(name, "warn", f"{paths}: none of these makes {LABEL} at the next start", "lensd setup")
    elif not others or len(files) == 1:
        yield Finding(name, "ok", f"set by {paths}")
    else:
        numbers = dict(zip(effective["card_label"].split(","), effective.get("video_nr", "").split(","), strict=False))
        wanted = [(label, int(numbers[label])) for label in own if numbers.get(label, "").isdigit()]
        if wanted and effective == options.merged(options.effective(others), wanted):
            yield Finding(name, "ok", f"set by {paths}, together as each wants them")
        else:
            why = f"{paths} set v4l2loopback's options, and of two the last wins"
            yield Finding(name, "warn", why, "lensd setup")


def permissions() -> Iterator[Finding]:
    """Whether this user may open the video devices."""
    paths = [path for path, _ in list_names() if path.exists()]
    if refused := [path for path in paths if not os.access(path, os.R_OK | os.W_OK)]:
        yield Finding("permissions", "fail", f"this user may not open {', '.join(map(str, refused))}", JOIN_VIDEO)
    elif paths:
        yield Finding("permissions", "ok", f"this user may open {', '.join(map(str, paths))}")
    elif os.getuid() == 0 or _in_video_group():
        yield Finding("permissions", "ok", "this user may open video devices; there are none now")
    else:
        # On a desktop the login session is given the devices one by one, so this is no failure yet.
        yield Finding(
            "permissions", "warn", "there are no video devices, and this user is not in group video", JOIN_VIDEO
        )


def _in_video_group() -> bool:
    try:
        return grp.getgrnam("video").gr_gid in {*os.getgroups(), os.getegid()}
    except KeyError:
        return False


def daemon() -> Iterator[Finding]:
    """The daemon of this user, where one runs."""
    try:
        status = call("status", timeout_s=3)
    except DaemonNotRunning:
        yield Finding("daemon", "ok", "not running; lensd run starts it")
        return
    except RemoteError as error:
        yield Finding("daemon", "fail", f"runs, and refuses to say how it is: {error.why}", error.hint)
        return
    shown = [f"{name} {status[name]}" for name in ("lens", "camera", "output", "fps") if status.get(name) is not None]
    yield Finding("daemon", "ok", f"runs: {', '.join(shown)}")
