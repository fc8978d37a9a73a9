"""The node of a v4l2loopback device: finding ours, opening it, and freeing one that another program left stuck."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

from lensd.errors import SinkMissing
from lensd.v4l2 import device
from lensd.v4l2.nodes import list_names
from lensd.v4l2.uapi import BufferType

LABEL = "SnapLens Camera"
DRIVER = "v4l2 loopback"
MOST_OUTPUTS = 8  # what v4l2loopback makes of itself when it is loaded
LOAD_MODULE = f'sudo modprobe v4l2loopback exclusive_caps=1 card_label="{LABEL}" video_nr=42 max_buffers=4'
_LISTEN_S = 0.3  # long enough for a picture of a writer at 4 fps


def further_labels() -> list[str]:
    """Return the labels of our devices beside the first, in order: "SnapLens Camera 2" to "SnapLens Camera 8".

    A reader of v4l2loopback 0.14 and later has a device for itself, so programs that read at once need as many.
    """
    names = {name for _, name in list_names()}
    return [label for label in (f"{LABEL} {number}" for number in range(2, MOST_OUTPUTS + 1)) if label in names]


def module_version(sysfs: Path = Path("/sys/module")) -> tuple[int, ...] | None:
    """Return the loaded module's version, such as (0, 15, 0); None where there is none, or it does not tell (0.12)."""
    try:
        text = (sysfs / "v4l2loopback/version").read_text("utf-8", "replace")
    except OSError:
        return None
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def find_node(label: str = LABEL) -> Path:
    """Return the path of our device, by its label and its driver; costs about 0.1 ms where there is none.

    Raises:
        SinkMissing: there is none; says whether the module is loaded.
    """
    for path, name in list_names():
        if name == label:  # a label may be on anything, so the driver is asked too
            with contextlib.suppress(OSError):
                descriptor = open_node(path)
                try:
                    if device.query_capability(descriptor).driver == DRIVER:
                        return path
                finally:
                    os.close(descriptor)
            if not os.access(path, os.R_OK | os.W_OK):
                return path  # opening it in earnest will say why
    if Path("/sys/module/v4l2loopback").exists():
        why, hint = (
            "v4l2loopback is loaded, but without a device of this name",
            "lensd setup",
        )
    else:
        why, hint = "the v4l2loopback module is not loaded", "lensd setup"
    raise SinkMissing(label, why, hint)


def open_node(path: Path) -> int:
    """Open a node for reading and writing, without waiting and not to be inherited.

    Raises:
        OSError: EBUSY where too many programs have it open.
    """
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)


def refresh(path: Path) -> None:
    """Ask the device what it can do: only then do 0.12 and 0.13 notice that it may be written again (pitfall 10).

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = open_node(path)
    try:
        device.query_capability(descriptor)
    finally:
        os.close(descriptor)


def heal(path: Path) -> None:
    """Free the output side of a device whose last writer used write() (pitfall 1).

    Raises:
        OSError: it cannot be opened.
    """
    descriptor = open_node(path)
    try:
        with contextlib.suppress(OSError):  # EINVAL: no format yet; the opener counts as a writer all the same
            device.stream_on(descriptor, BufferType.OUTPUT)
    finally:
        os.close(descriptor)
    refresh(path)


def is_written(descriptor: int) -> bool:
    """Tell whether pictures arrive in a device that has no output side at the moment.

    Version 0.12 shows no other difference between a device in use and a stuck one. One byte of each picture is read,
    so the descriptor is to be closed afterwards. Waits for at most 0.3 s.
    """
    end = time.monotonic() + _LISTEN_S
    pictures = 0
    while time.monotonic() < end:
        try:
            os.read(descriptor, 1)
        except BlockingIOError:
            time.sleep(0.01)
        except OSError:
            return True  # 0.15 has a reader already, and there only a writer takes the output side away
        else:
            pictures += 1  # the first may be an old one
            if pictures > 1:
                return True
    return False
