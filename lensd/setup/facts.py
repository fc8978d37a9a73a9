"""What is true of this machine, gathered without changing it."""

from __future__ import annotations

import grp
import os
import platform
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from lensd.errors import ConfigError
from lensd.setup.distribution import SIGNING_KEY, Distribution, read_distribution
from lensd.setup.options import MODULE, OptionsFile, read_files
from lensd.setup.secure_boot import KeyState, is_on, key_state
from lensd.v4l2 import device
from lensd.v4l2.holders import holders
from lensd.v4l2.nodes import list_names
from lensd.v4l2.uapi import Cap

UNIT, RULE = "lensd.service", "60-snaplens-camera.rules"
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Loopback:
    """A loopback device that is there now.

    Attributes:
        number: of /dev/videoN. label: its name.
        both_ways: it says that it is a camera and an output at once; Chrome lists no such device.
        holders: programs that have it open, such as "zoom (pid 4711)"; our own daemon is not among them.
    """

    number: int
    label: str
    both_ways: bool = False
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the plan depends on.

    Attributes:
        distribution: which one. kernel: its release.
        images: installed packages of kernels (Debian and kin). kernel_base: the running one's (Arch).
        module_built: v4l2loopback is there for the running kernel. headers: so are the kernel's headers.
        loaded: the module is in the kernel. loopbacks: its devices. taken: the numbers of all other video devices.
        adds: v4l2loopback-ctl can add a device to a loaded module (0.13 and later).
        options: files that set the module's options, as modprobe reads them. at_boot: modules-load.d has it.
        rule: udev lets group video announce our device again, which PipeWire needs.
        load_file, rule_file: contents of ours in /etc, empty where there is none.
        rpm_fusion: the archive with Fedora's package is known.
        secure_boot: is on. key: state of the key that signs the module.
        user: the login name. in_video: belongs to group video, if there is such a group.
        program: the lensd to be started at login.
        user_systemd: the session has systemd. vendor_unit: a package brought the unit.
        files: contents of the files in the home folder that we write, where they are there.
        enabled: the unit starts at login. active: it runs. by_hand: a lensd runs that systemd did not start.
    """

    distribution: Distribution
    kernel: str
    images: tuple[str, ...] = ()
    kernel_base: str = ""
    module_built: bool = False
    headers: bool = False
    loaded: bool = False
    loopbacks: tuple[Loopback, ...] = ()
    taken: frozenset[int] = frozenset()
    adds: bool = False
    options: tuple[OptionsFile, ...] = ()
    at_boot: bool = False
    rule: bool = False
    load_file: str = ""
    rule_file: str = ""
    rpm_fusion: bool = False
    secure_boot: bool = False
    key: KeyState = "unknown"
    user: str = "root"
    in_video: bool = True
    program: Path = Path("/usr/bin/lensd")
    user_systemd: bool = True
    vendor_unit: bool = False
    files: dict[Path, bytes] = field(default_factory=dict)
    enabled: bool = False
    active: bool = False
    by_hand: bool = False


def gather(own_files: list[Path], root: Path = Path("/")) -> Facts:
    """Look at the machine; takes about 0.2 s.

    Args:
        own_files: in the home folder, whose contents are wanted.
        root: of the files that are looked at; commands and devices are this machine's in any case.

    Raises:
        ConfigError: lensd itself is not installed as a program.
    """
    distribution, kernel = read_distribution(root), platform.release()
    modules, user = root / "lib/modules" / kernel, pwd.getpwuid(os.getuid()).pw_name
    loopbacks, taken = _devices()
    secure = is_on(root)
    active = _says("systemctl", "--user", "is-active", UNIT) == "active"
    vendor = ("usr/lib/systemd/user", "usr/local/lib/systemd/user", "etc/systemd/user")
    return Facts(
        distribution=distribution,
        kernel=kernel,
        images=_images(),
        kernel_base=_text(modules / "pkgbase").strip(),
        module_built=f"/{MODULE}.ko" in _text(modules / "modules.dep"),
        headers=(modules / "build").exists(),
        loaded=(root / "sys/module" / MODULE).is_dir(),
        loopbacks=loopbacks,
        taken=taken,
        adds=(root / "dev/v4l2loopback").exists() and _is_binary("v4l2loopback-ctl"),
        options=tuple(read_files(root)),
        at_boot=any(MODULE in _words(path) for path in _load_files(root)),
        rule=any((root / folder / RULE).exists() for folder in ("etc/udev/rules.d", "usr/lib/udev/rules.d")),
        load_file=_text(root / "etc/modules-load.d/snaplens.conf"),
        rule_file=_text(root / "etc/udev/rules.d" / RULE),
        rpm_fusion=any((root / "etc/yum.repos.d").glob("rpmfusion-free*.repo")),
        secure_boot=secure,
        key=key_state(SIGNING_KEY[distribution.family]) if secure and distribution.family in SIGNING_KEY else "unknown",
        user=user,
        in_video=_in_video(user),
        program=own_program(),
        user_systemd=_says("systemctl", "--user", "show", "--property=Version") != "",
        vendor_unit=any((root / folder / UNIT).exists() for folder in vendor),
        files={path: path.read_bytes() for path in own_files if path.is_file()},
        enabled=_says("systemctl", "--user", "is-enabled", UNIT) == "enabled",
        active=active,
        by_hand=not active and _daemon_answers(),
    )


def _says(*command: str) -> str:
    """Return what a command writes; empty where there is no such command, or it takes more than ten seconds."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _images() -> tuple[str, ...]:
    lines = _says("dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\\n", "linux-image-*").splitlines()
    return tuple(line.removeprefix("installed ") for line in lines if line.startswith("installed "))


def _devices() -> tuple[tuple[Loopback, ...], frozenset[int]]:
    found, taken = [], set()
    for path, label in list_names():
        digits = path.name.removeprefix("video")
        if not digits.isdigit():
            continue
        # An attribute that no other driver has; the device need not be opened, and may be one that we may not open.
        if not Path(f"/sys/class/video4linux/{path.name}/max_openers").exists():
            taken.add(int(digits))
            continue
        others = tuple(str(each) for each in holders(path) if not _is_lensd(each.pid))
        found.append(Loopback(int(digits), label, _both_ways(path), others))
    return tuple(found), frozenset(taken)


def _both_ways(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        caps = device.query_capability(descriptor).caps
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return bool(caps & Cap.VIDEO_CAPTURE and caps & Cap.VIDEO_OUTPUT)


def _is_lensd(pid: int) -> bool:
    words = _text(Path(f"/proc/{pid}/cmdline")).split("\0")[:4]
    return any(word == "lensd" or word.startswith("lensd.") or word.endswith("/lensd") for word in words)


def own_program() -> Path:
    """Return the lensd that runs now, by the name under which it was installed.

    Raises:
        ConfigError: it was started some other way.
    """
    for path in (Path(sys.argv[0]), Path(sys.prefix) / "bin/lensd"):
        if path.name == "lensd" and os.access(path, os.X_OK):
            return path.absolute()
    raise ConfigError("lensd", "is not installed as a program", "pipx install snaplens")


def _in_video(user: str) -> bool:
    try:
        group = grp.getgrnam("video")
    except KeyError:
        return True  # nothing to join
    return os.getuid() == 0 or group.gr_gid in os.getgrouplist(user, pwd.getpwnam(user).pw_gid)


def _daemon_answers() -> bool:
    from lensd.control.client import call
    from lensd.errors import LensdError

    try:
        call("status", timeout_s=2)
    except LensdError:
        return False
    return True


def _load_files(root: Path) -> list[Path]:
    folders = ("etc/modules-load.d", "run/modules-load.d", "usr/local/lib/modules-load.d", "usr/lib/modules-load.d")
    return [path for folder in folders for path in (root / folder).glob("*.conf")] + [root / "etc/modules"]


def _words(path: Path) -> list[str]:
    return [line.strip() for line in _text(path).splitlines()]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _is_binary(name: str) -> bool:
    """Tell the program of 0.13 and later from the shell script of 0.12, which cannot add."""
    path = shutil.which(name, path=SYSTEM_PATH)
    if path is None:
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False
