"""The two ends of the frame's way: the webcam, and "SnapLens Camera" as the applications see it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.camera.find import best_camera, list_cameras
from lensd.control.client import call
from lensd.doctor.report import Finding
from lensd.doctor.system import JOIN_VIDEO
from lensd.errors import LensdError, SinkMissing
from lensd.v4l2 import device
from lensd.v4l2.nodes import list_names
from lensd.v4l2.uapi import BufferType, Cap
from lensd.virtualcam.node import LABEL, LOAD_MODULE, find_node, further_labels, module_version, open_node

if TYPE_CHECKING:
    from collections.abc import Iterator

RELOAD = f"sudo modprobe -r v4l2loopback && {LOAD_MODULE}"
_LAST_NUMBER = 63  # Firefox looks at /dev/video0 to 63
# What Chrome takes of a V4L2 camera (media/capture/video/linux/v4l2_capture_delegate.cc).
CHROME_FORMATS = ("YU12", "NV12", "Y16 ", "YUYV", "RGB3", "MJPG", "JPEG")


def node() -> Iterator[Finding]:
    """The device "SnapLens Camera": there once, under a number where programs look."""
    path = find_node()  # raises with the reason and the command where there is none
    number = int("".join(filter(str.isdigit, path.name)) or 0)
    others = [other for other, name in list_names() if name == LABEL and other != path]
    if number > _LAST_NUMBER:
        yield Finding("device", "fail", f"{path}: Firefox looks no further than /dev/video{_LAST_NUMBER}", RELOAD)
    elif others:
        why = f"{path} is used, but {', '.join(map(str, others))} has the same name; programs show it twice"
        yield Finding("device", "warn", why, RELOAD)
    else:
        more = [f'"{other}" is {find_node(other)}' for other in further_labels()]
        yield Finding("device", "ok", ", ".join((f'"{LABEL}" is {path}', *more)) + _how_many_may_read(1 + len(more)))


def _how_many_may_read(devices: int) -> str:
    """Say how many programs can have a picture at once; before 0.14 the module let several share a device."""
    version = module_version()
    if version is None or version < (0, 14):
        return ""
    return f"; {devices} program{'s' if devices > 1 else ''} at once"


def browsers() -> Iterator[Finding]:
    """What the device says of itself, judged as Chrome does: a camera and no output, a known format, a fixed size."""
    name = "browsers"
    try:
        path = find_node()
    except SinkMissing:
        return  # the check before this one has said so
    try:
        descriptor = open_node(path)
    except PermissionError as error:
        yield Finding(name, "fail", f"{path} cannot be opened: {error.strerror}", JOIN_VIDEO)
        return
    try:
        caps = device.query_capability(descriptor).caps
        fourccs = list(device.pixel_formats(descriptor, BufferType.CAPTURE))
        sizes = {fourcc: list(device.frame_sizes(descriptor, fourcc)) for fourcc in fourccs if fourcc in CHROME_FORMATS}
    finally:
        os.close(descriptor)
    if caps & Cap.VIDEO_CAPTURE and caps & Cap.VIDEO_OUTPUT:
        yield Finding(name, "fail", f"{path} is a camera and an output at once, which Chrome does not list", RELOAD)
    elif not caps & Cap.VIDEO_CAPTURE:
        yield _nobody_writes(path)
    elif not sizes:
        offered = ", ".join(fourccs) or "none"
        yield Finding(name, "fail", f"{path} offers formats that Chrome does not take: {offered}", "lensd run")
    elif not any(size.discrete for found in sizes.values() for size in found):
        why = f"{path} offers a range of sizes, not one; Chrome lists only devices with a fixed size"
        yield Finding(name, "fail", why, RELOAD)
    else:
        found = ", ".join(f"{size.width}x{size.height} {fourcc}" for fourcc in sizes for size in sizes[fourcc][:1])
        three = "no output, a format that it knows, a fixed size"
        yield Finding(name, "ok", f"{path} is a camera as Chrome wants it: {three} ({found})")


def _nobody_writes(path: Path) -> Finding:
    """Tell a device without a writer: nothing is wrong, unless our daemon ought to be that writer."""
    try:
        output = str(call("status", timeout_s=3).get("output") or "")
    except LensdError:
        return Finding("browsers", "warn", f"nobody writes into {path}, so no program lists it now", "lensd run")
    if str(path) in output:
        return Finding("browsers", "fail", f"the daemon's pictures do not arrive in {path}", "lensd stop && lensd run")
    return Finding("browsers", "warn", f"the daemon writes to {output or 'no device'}, not into {path}", "lensd run")


def camera() -> Iterator[Finding]:
    """The webcams, and which one "auto" takes."""
    name, cameras = "camera", list_cameras()
    best = best_camera(cameras)
    for each in cameras:
        if each.problem:
            hint = JOIN_VIDEO if not os.access(each.path, os.R_OK | os.W_OK) else "lensd devices"
            yield Finding(name, "fail", f"{each} cannot be opened: {each.problem}", hint)
    if best is None:
        if any(each.problem for each in cameras):
            return
        why = "no webcam is found; the demo source takes its place"
        yield Finding(name, "warn", why, "lensd run --camera demo")
        return
    formats = ", ".join(dict.fromkeys(offer.code for offer in best.offers))
    if others := [holder for holder in best.used_by if not _is_ours(holder.pid)]:
        why = f"{best} gives {formats}, and is used by {', '.join(map(str, others))}"
        yield Finding(name, "warn", why, "end that program, or let it use SnapLens Camera")
    else:
        yield Finding(name, "ok", f"{best} gives {formats}")


def _is_ours(pid: int) -> bool:
    """Whether a process is lensd: the script, or one of its modules run by Python."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:  # ended meanwhile
        return True
    return any(word == "lensd" or word.startswith("lensd.") or word.endswith("/lensd") for word in words[:4])
