"""Which cameras there are, and which one a name means."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.camera.modes import Offer, offers
from lensd.errors import CameraError, CameraMissing
from lensd.v4l2.holders import all_holders
from lensd.v4l2.nodes import BY_ID, LOOPBACK_DRIVER, OWN_LABEL, enumerate_nodes, list_names
from lensd.v4l2.uapi import Cap

if TYPE_CHECKING:
    from lensd.v4l2.holders import Holder
    from lensd.v4l2.nodes import Node

ALL = "lensd devices"


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A webcam, real or a loopback device that somebody feeds.

    Attributes:
        path: such as /dev/video0. by_id: names that stay from boot to boot, the last part of their paths.
        card: the name that people see. driver: such as "uvcvideo".
        offers: what it has that we can decode.
        used_by: who has it open, as far as we may see.
        problem: why it cannot be looked at, in the system's words; else empty.
    """

    path: Path
    by_id: tuple[str, ...]
    card: str
    driver: str
    offers: tuple[Offer, ...]
    used_by: tuple[Holder, ...]
    problem: str = ""

    def __str__(self) -> str:
        """Return it as people read it: Integrated Camera (/dev/video0)."""
        return f"{self.card} ({self.path})"


def list_cameras() -> list[CameraInfo]:
    """Return the webcams, in the order of their numbers; each is opened for a moment, none is started.

    Where no webcam is there, nothing but a folder is read.
    """
    if not list_names():
        return []
    users = all_holders("video")
    return [_info(node, _used_by(node, users)) for node in enumerate_nodes() if _may_be_a_webcam(node)]


def _used_by(node: Node, users: dict[int, list[Holder]]) -> tuple[Holder, ...]:
    with contextlib.suppress(OSError):  # unplugged meanwhile
        return tuple(users.get(node.path.stat().st_rdev, ()))
    return ()


def _may_be_a_webcam(node: Node) -> bool:
    # Our own virtual camera never is, or the daemon would film itself.
    if node.capability is None:
        return node.name != OWN_LABEL  # not permitted to look, so it is listed with that
    return bool(node.capability.caps & Cap.VIDEO_CAPTURE) and node.capability.card != OWN_LABEL


def _info(node: Node, used_by: tuple[Holder, ...]) -> CameraInfo:
    by_id = tuple(link.name for link in node.by_id)
    if node.capability is None:
        return CameraInfo(node.path, by_id, node.name, "", (), used_by, node.problem)
    found: tuple[Offer, ...] = ()
    problem = ""
    try:
        descriptor = os.open(node.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        problem = error.strerror or str(error)
    else:
        try:
            found = tuple(offers(descriptor))
        finally:
            os.close(descriptor)
    return CameraInfo(node.path, by_id, node.capability.card, node.capability.driver, found, used_by, problem)


def best_camera(cameras: list[CameraInfo]) -> CameraInfo | None:
    """Return the camera that "auto" means: a real one before a loopback device, then the lowest number."""
    usable = [each for each in cameras if each.offers]
    return min(usable, key=lambda each: each.driver == LOOPBACK_DRIVER, default=None)


def find_webcam(name: str) -> Path:
    """Return the device that `name` means: a number, a path, a by-id name, or a card's name or the beginning of one.

    Raises:
        CameraMissing: there is none; says which there are.
        CameraError: several begin so, or it is the virtual camera itself.
    """
    path = Path("/dev") / (name if name.startswith("video") else f"video{name}") if _is_number(name) else Path(name)
    if not path.is_absolute() and name and (BY_ID / name).is_symlink():
        path = BY_ID / name
    if path.is_absolute():
        return _webcam_at(path)
    cameras = list_cameras()
    wanted = name.casefold().strip()
    exact = [each for each in cameras if each.card.casefold() == wanted]
    found = exact or [each for each in cameras if wanted and each.card.casefold().startswith(wanted)]
    found = [each for each in found if each.offers] or found  # an infrared camera has the same name as its neighbour
    if len({each.card for each in found}) > 1:
        raise CameraError(f"camera {name!r}", f"could be {_listed(found)}", "name its device, such as /dev/video0")
    if not found:
        raise missing(f"camera {name!r}", cameras)
    return found[0].path  # of twins, the first


def _webcam_at(path: Path) -> Path:
    if not path.exists():
        raise missing(str(path), list_cameras())
    for node in enumerate_nodes():
        if node.path == path.resolve() and OWN_LABEL in (node.name, node.capability and node.capability.card):
            raise CameraError(str(path), f'is "{OWN_LABEL}" itself, which would film its own picture', ALL)
    return path


def missing(what: str, cameras: list[CameraInfo]) -> CameraMissing:
    """Return the error for a camera that is not there: it tells which there are."""
    there = f"{_listed(cameras)}, and the demo" if cameras else "only the demo"
    return CameraMissing(what, f"there is no such camera; there is {there}", ALL)


def _listed(cameras: list[CameraInfo]) -> str:
    return ", ".join(map(str, cameras))


def _is_number(name: str) -> bool:
    digits = name.removeprefix("video")
    return digits.isascii() and digits.isdigit()
