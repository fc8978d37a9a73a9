"""What becomes of the module: built by DKMS for the kernel that runs, and what its version can do."""

from __future__ import annotations

import platform
import re
import subprocess
from typing import TYPE_CHECKING

from lensd.doctor.report import Finding
from lensd.virtualcam.node import module_version

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMEOUT_S = 10
# dkms 3: "v4l2loopback/0.12.7, 6.1.0-28-amd64, x86_64: installed"; dkms 2 has ", " for the "/"; more words may follow.
_LINE = re.compile(r"v4l2loopback(?:/|, )(?P<version>[^,:]+)(?:, (?P<kernel>[^,]+), [^,:]+)?: (?P<state>\w+)")


def dkms(said: str | None = None, kernel: str = "") -> Iterator[Finding]:
    """Whether DKMS has built the module for the running kernel; a kernel update may have come without headers.

    Args:
        said: what `dkms status v4l2loopback` writes; None asks it.
        kernel: which release; empty takes the running one.
    """
    kernel = kernel or platform.release()
    if said is None:
        command = ["dkms", "status", "v4l2loopback"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except FileNotFoundError:
            yield Finding("dkms", "ok", "not used on this system")
            return
        said = done.stdout
    found = [match for match in map(_LINE.match, said.splitlines()) if match]
    if not found:
        yield Finding("dkms", "ok", "knows no v4l2loopback; it comes with the kernel, or is not installed")
        return
    version, known = found[0]["version"], {match["kernel"]: match["state"] for match in found if match["kernel"]}
    state = known.get(kernel)
    others = ", ".join(sorted(each for each in known if each != kernel))
    if state == "installed":
        yield Finding("dkms", "ok", f"{version} is built for kernel {kernel}")
    elif state is None:
        why = f"{version} is not built for the running kernel {kernel}" + (f", only for {others}" if others else "")
        yield Finding("dkms", "fail", why, f"sudo dkms autoinstall -k {kernel}, with the kernel's headers: lensd setup")
    else:
        hint = f"sudo dkms install v4l2loopback/{version} -k {kernel}"
        yield Finding("dkms", "fail", f"{version} is {state} for kernel {kernel}, not installed", hint)


def abilities(loaded: bool, version: tuple[int, ...] | None) -> Iterator[Finding]:
    """What the loaded module's version can do, and what lensd does where it cannot."""
    if not loaded:
        return
    version = version or (0, 12)
    tells = "tells who looks" if version >= (0, 13) else "does not tell who looks, so lensd looks at processes"
    adds = "devices can be added to it" if version >= (0, 13) else "devices are made when it is loaded only"
    if version >= (0, 14):
        reads = "one program at a time reads a device (for two: lensd setup --outputs 2)"
    else:
        reads = "several programs may read a device, not always well"
    yield Finding("module can", "ok", f"{tells}; {adds}; {reads}")


def can() -> Iterator[Finding]:
    """`abilities` of the module that is loaded now."""
    from lensd.virtualcam.lookers import count_open_files

    yield from abilities(count_open_files() is not None, module_version())
