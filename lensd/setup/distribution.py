"""What each distribution calls the module's package and the kernel's headers, and how it installs them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Family = Literal["debian", "ubuntu", "fedora", "ostree", "arch", ""]

RPM_FUSION: Final = "https://mirrors.rpmfusion.org/free/fedora/rpmfusion-free-release-{version}.noarch.rpm"
# Whose key signs the module that is built here; Secure Boot has to know it.
SIGNING_KEY: Final[dict[Family, Path]] = {
    "debian": Path("/var/lib/dkms/mok.pub"),
    "ubuntu": Path("/var/lib/shim-signed/mok/MOK.der"),
    "fedora": Path("/etc/pki/akmods/certs/public_key.der"),
    "arch": Path("/var/lib/dkms/mok.pub"),
}


@dataclass(frozen=True, slots=True)
class Distribution:
    """What runs here.

    Attributes:
        family: by whose packages it lives; "ostree" is a Fedora whose system is one image, "" one that we do not know.
        name: as it calls itself. version: such as "12" or "24.04"; may be empty.
    """

    family: Family
    name: str
    version: str = ""


def read_distribution(root: Path = Path("/")) -> Distribution:
    """Return the distribution that is installed under `root`, by os-release(5)."""
    fields: dict[str, str] = {}
    for path in (root / "etc/os-release", root / "usr/lib/os-release"):
        try:
            lines = path.read_text("utf-8", "replace").splitlines()
        except OSError:
            continue
        fields = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
        break
    family: Family = ""
    for name in (fields.get("ID", ""), *fields.get("ID_LIKE", "").split()):
        if name in ("debian", "ubuntu", "fedora", "arch"):
            family = name  # type: ignore[assignment]  # one of those four words
            break
    if family == "fedora" and (root / "run/ostree-booted").exists():
        family = "ostree"
    return Distribution(family, fields.get("PRETTY_NAME", "this system"), fields.get("VERSION_ID", ""))


def headers(family: Family, kernel: str, images: tuple[str, ...], base: str) -> list[str]:
    """Return the packages with the headers of the running kernel, and of those that updates will bring.

    Args:
        family: the distribution's.
        kernel: its release, as `uname -r` says it.
        images: of Debian and its kin, the kernels' packages that are installed.
        base: of Arch, what the running kernel's package is called; may be empty.
    """
    if family in ("debian", "ubuntu"):
        # linux-image-amd64, not linux-image-6.1.0-28-amd64: the package that always brings the newest.
        always = [name for name in images if re.fullmatch(r"linux-image-[a-z][a-z0-9.-]*", name)]
        newest = [name.replace("linux-image-", "linux-headers-") for name in always if not name.endswith("-dbg")]
        return [f"linux-headers-{kernel}", *sorted(newest)]
    if family == "fedora":
        return [f"kernel-devel-{kernel}"]
    return [f"{base or 'linux'}-headers"]


def module_packages(family: Family) -> list[str]:
    """Return the packages that have the module's source and have it built for each kernel."""
    return {"fedora": ["akmod-v4l2loopback"]}.get(family, ["v4l2loopback-dkms"])


def install_commands(family: Family, packages: list[str]) -> list[tuple[str, ...]]:
    """Return the distribution's own commands that install `packages`; to be run as root."""
    if family == "fedora":
        return [("dnf", "install", "--assumeyes", *packages)]
    if family == "arch":
        return [("pacman", "-S", "--needed", "--noconfirm", *packages)]
    return [("apt-get", "update"), ("apt-get", "install", "--yes", "--no-install-recommends", *packages)]


def remove_command(family: Family, packages: list[str]) -> tuple[str, ...]:
    """Return the command that takes `packages` away again."""
    if family == "fedora":
        return ("dnf", "remove", "--assumeyes", *packages)
    if family == "arch":
        return ("pacman", "-R", "--noconfirm", *packages)
    return ("apt-get", "remove", "--yes", *packages)
