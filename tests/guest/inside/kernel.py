"""The guest's two drivers: loading v4l2loopback as a test wants it, and making vivid misbehave."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from lensd.v4l2.device import query_capability
from lensd.v4l2.holders import holders
from lensd.v4l2.nodes import enumerate_nodes
from lensd.v4l2.uapi import Cap
from lensd.virtualcam import LABEL

NODE = Path("/dev/video10")
SECOND = Path("/dev/video11")
VERSION = os.environ.get("SNAPLENS_GUEST_LOOPBACK", "")
_VIVID = Path("/sys/bus/platform/drivers/vivid")


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.02) -> float:
    """Wait until `condition`, asked `every_s`, holds, and return how long that took, s."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > timeout_s:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(every_s)
    return time.monotonic() - start


def unload_loopback() -> None:
    """Unload v4l2loopback; fails while a program holds a device, and says which."""
    if not Path("/sys/module/v4l2loopback").exists():
        return
    done = subprocess.run(["modprobe", "-r", "v4l2loopback"], capture_output=True, text=True)
    held = {str(node.path): [str(holder) for holder in holders(node.path)] for node in enumerate_nodes()}
    assert done.returncode == 0, f"{done.stderr.strip()}; held by {held}"


def load_loopback(
    labels: tuple[str, ...] = (LABEL,), *, exclusive_caps: bool = True, max_buffers: int | None = 4, **options: int
) -> None:
    """Load v4l2loopback with a device for each label, from /dev/video10 on; unloads it first."""
    unload_loopback()
    count = len(labels)
    arguments = [
        f"devices={count}",
        f"video_nr={','.join(str(10 + number) for number in range(count))}",
        f'card_label="{",".join(labels)}"',
        f"exclusive_caps={','.join([str(int(exclusive_caps))] * count)}",
        *(f"{name}={value}" for name, value in options.items()),
    ]
    if max_buffers is not None:
        arguments.append(f"max_buffers={max_buffers}")
    subprocess.run(["modprobe", "v4l2loopback", *arguments], check=True)
    wait_for(lambda: all(Path(f"/dev/video{10 + number}").exists() for number in range(count)), 5, "the nodes appear")


def caps(node: Path) -> Cap:
    """Ask a node what it can do at this moment."""
    descriptor = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    try:
        return query_capability(descriptor).caps
    finally:
        os.close(descriptor)


def is_camera(node: Path) -> bool:
    """Tell whether readers see a camera there: "Video Capture", and no output, as Chrome wants it."""
    with contextlib.suppress(OSError):
        return bool(caps(node) & Cap.VIDEO_CAPTURE) and not caps(node) & Cap.VIDEO_OUTPUT
    return False


def wait_until_camera(node: Path = NODE, timeout_s: float = 20) -> float:
    """Wait until readers see a camera at `node`; returns how long that took, s."""
    return wait_for(lambda: is_camera(node), timeout_s, f"{node} shows Video Capture")


def webcam() -> Path | None:
    """Return vivid's node, wherever it is now."""
    nodes = (node for node in enumerate_nodes() if node.capability and node.capability.driver == "vivid")
    return next((node.path for node in nodes), None)


def set_controls(node: Path, **values: int) -> None:
    """Set controls of a device, such as test_pattern=0."""
    subprocess.run(["v4l2-ctl", "-d", str(node), "-c", ",".join(f"{k}={v}" for k, v in values.items())], check=True)


def unplug_webcam() -> None:
    """Take vivid away as an unplug would."""
    (_VIVID / "unbind").write_text("vivid.0")


def plug_webcam() -> None:
    """Give vivid back; it may come as another node."""
    if not (_VIVID / "vivid.0").exists():
        (_VIVID / "bind").write_text("vivid.0")
    wait_for(lambda: webcam() is not None, 5, "the webcam comes back")


@contextlib.contextmanager
def unplugged() -> Iterator[None]:
    """Take the webcam away for the block, and give it back."""
    unplug_webcam()
    try:
        yield
    finally:
        plug_webcam()
