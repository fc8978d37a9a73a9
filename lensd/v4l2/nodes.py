"""Which video devices there are; safe against devices that come and go meanwhile."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.v4l2.device import query_capability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lensd.v4l2.device import Capability

OWN_LABEL = "SnapLens Camera"
"""The virtual camera's card name."""
LOOPBACK_DRIVER = "v4l2 loopback"
"""What v4l2loopback says in QUERYCAP."""
SYSFS = Path("/sys/class/video4linux")
BY_ID = Path("/dev/v4l/by-id")


@dataclass(frozen=True, slots=True)
class Node:
    """A video device.

    Attributes:
        path: such as /dev/video0. name: as sysfs has it, mostly the card's.
        by_id: the links that lead to it and stay the same from boot to boot; often none.
        capability: None where it could not be opened. problem: then why, in the system's words; else empty.
    """

    path: Path
    name: str
    by_id: tuple[Path, ...]
    capability: Capability | None
    problem: str = ""


def list_names() -> list[tuple[Path, str]]:
    """Return path and name of every video device, in the order of their numbers, without opening one.

    Costs about 20 us a device, so it may be called every second; an open would be seen by the driver and by whoever
    watches the node.
    """
    found = []
    with contextlib.suppress(OSError):  # no such folder: no driver was ever loaded
        for entry in SYSFS.iterdir():
            with contextlib.suppress(OSError):
                found.append((Path("/dev") / entry.name, attribute(entry / "name")))
    return sorted(found, key=lambda each: _number(each[0]))


def attribute(path: Path) -> str:
    """Return what a file of sysfs says, by three system calls where `Path.read_text` makes nine: asked every second.

    Raises:
        OSError: there is no such file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 4096).decode("utf-8", "replace").strip()
    finally:
        os.close(descriptor)


def announce(node: Path) -> bool:
    """Have the kernel tell of a device once more: who looked at it before it was a camera takes it for one now.

    The same as `udevadm trigger --action=change`. By itself only root may; the rule that `lensd setup` brings
    (lensd/setup/systemd/udev) lets the group video.

    Returns:
        Whether that was permitted.
    """
    try:
        (SYSFS / node.name / "uevent").write_text("change")
    except OSError:
        return False
    return True


def by_id_of(path: Path) -> str:
    """Return the last part of a by-id link to the device at `path`; "" where there is none."""
    with contextlib.suppress(OSError):
        real = path.resolve()
        return next((link.name for link in sorted(BY_ID.iterdir()) if link.resolve() == real), "")
    return ""


def enumerate_nodes() -> Iterator[Node]:
    """Yield every video device, in the order of their numbers; each is opened for a moment, never streamed from."""
    links: dict[Path, list[Path]] = {}
    with contextlib.suppress(OSError):  # no udev, or no device with an identity
        for link in sorted(BY_ID.iterdir()):
            links.setdefault(link.resolve(), []).append(link)
    for path, name in list_names():
        by_id = tuple(links.get(path, ()))
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # gone meanwhile, or not in this container
        except OSError as error:
            yield Node(path, name, by_id, None, error.strerror or str(error))
            continue
        try:
            yield Node(path, name, by_id, query_capability(descriptor))
        except OSError as error:
            yield Node(path, name, by_id, None, error.strerror or str(error))
        finally:
            os.close(descriptor)


def _number(path: Path) -> tuple[int, str]:
    digits = path.name.removeprefix("video")
    return (int(digits), "") if digits.isascii() and digits.isdigit() else (1 << 30, path.name)
