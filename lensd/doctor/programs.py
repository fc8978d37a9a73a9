"""The programs: who has which device open, Firefox's sizes, PipeWire's view, and apps that are shut into a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

from lensd.doctor.report import Finding
from lensd.errors import SinkMissing
from lensd.v4l2 import device
from lensd.v4l2.holders import all_holders
from lensd.v4l2.nodes import list_names
from lensd.v4l2.uapi import BufferType, Cap
from lensd.virtualcam.node import LABEL, find_node, open_node

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# What Firefox asks a V4L2 device for, and nothing else (libwebrtc, video_capture/linux/device_info_v4l2.cc).
FIREFOX_SIZES: Final = (
    (128, 96), (160, 120), (176, 144), (320, 240), (352, 288), (640, 480), (704, 576), (800, 600), (960, 720),
    (1280, 720), (1024, 768), (1440, 1080), (1920, 1080),
)  # fmt: skip
FIREFOX_FORMATS: Final = ("MJPG", "JPEG", "YU12", "YV12", "YUYV", "UYVY", "NV12", "RGB3", "BGR3", "BGR4", "RGBP")
_TIMEOUT_S = 8.0


def holders() -> Iterator[Finding]:
    """Who has which video device open: process and name, as far as this user may see."""
    found = all_holders("video")
    seen = False
    for path, name in list_names():
        try:
            there = found.get(path.stat().st_rdev, [])
        except OSError:
            continue
        if there:
            seen = True
            yield Finding(f"open {path.name}", "ok", f"{name}: {', '.join(map(str, there))}")
    if not seen:
        yield Finding("open devices", "ok", "no program of yours has a video device open")


def firefox() -> Iterator[Finding]:
    """Whether one of the sizes that Firefox asks for comes out of our device as asked."""
    try:
        path = find_node()
        descriptor = open_node(path)
    except (SinkMissing, PermissionError):
        return  # which the checks before this one have said
    try:
        if not device.query_capability(descriptor).caps & Cap.VIDEO_CAPTURE:
            return  # nobody writes; said as well
        layout = device.get_format(descriptor, BufferType.CAPTURE)
    finally:
        os.close(descriptor)
    size = f"{layout.width}x{layout.height} {layout.pixel_format}"
    if (layout.width, layout.height) not in FIREFOX_SIZES:
        known = ", ".join(f"{width}x{height}" for width, height in FIREFOX_SIZES[5:])
        why = f"{path} gives {size}; Firefox asks for {known} and the like only"
        yield Finding(
            "firefox", "fail", why, 'lensd config edit: size = "1280x720"; then: systemctl --user restart lensd'
        )
    elif layout.pixel_format not in FIREFOX_FORMATS:
        yield Finding("firefox", "fail", f"{path} gives {size}, a format that Firefox does not take", "lensd run")
    else:
        yield Finding("firefox", "ok", f"{path} gives {size}, one of the sizes that Firefox asks for")


def pipewire(dump: str | None = None, node: Path | None = None) -> Iterator[Finding]:
    """Whether PipeWire has a source of ours, for Firefox on Fedora, GNOME's programs and portals.

    Args:
        dump: what `pw-dump` writes; None asks it.
        node: of our device; None looks for it.
    """
    if dump is None:
        try:
            done = subprocess.run(["pw-dump"], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except FileNotFoundError:
            yield Finding("pipewire", "ok", "pw-dump is not installed; programs that need PipeWire cannot be judged")
            return
        if done.returncode:
            yield Finding("pipewire", "ok", "does not run in this session")
            return
        dump = done.stdout
    try:
        objects = json.loads(dump)
    except ValueError:
        yield Finding(
            "pipewire", "warn", "pw-dump gave something that is not JSON", "systemctl --user restart pipewire"
        )
        return
    try:
        node = node or find_node()
    except SinkMissing:
        node = None
    sources = [props for props in map(_props, objects) if props.get("media.class") == "Video/Source"]
    own = [props for props in sources if _is_ours(props, node)]
    if own:
        kinds = " and ".join(dict.fromkeys(str(props.get("api.v4l2.path") or "its own node") for props in own))
        yield Finding("pipewire", "ok", f'has "{LABEL}" as a source: {kinds}')
    elif node is None:
        yield Finding("pipewire", "ok", f"runs, with {len(sources)} sources; there is no device of ours to list")
    else:
        why = f"runs, and has no source for {node}; Firefox on Fedora and GNOME's programs do not list it"
        hint = f"sudo udevadm trigger --action=change {node}; then: systemctl --user restart wireplumber"
        yield Finding("pipewire", "warn", why, hint)


def _props(entry: Any) -> dict[str, Any]:
    info = entry.get("info") if isinstance(entry, dict) else None
    props = info.get("props") if isinstance(info, dict) else None
    return props if isinstance(props, dict) else {}


def _is_ours(props: dict[str, Any], node: Path | None) -> bool:
    names = (props.get("node.description"), props.get("node.nick"), props.get("api.v4l2.cap.card"))
    return (node is not None and props.get("api.v4l2.path") == str(node)) or any(
        isinstance(name, str) and name.startswith(LABEL) for name in names
    )


def flatpaks() -> Iterator[Finding]:
    """Flatpak's apps for calls, browsers and video, and whether they may open devices."""
    if shutil.which("flatpak") is None:
        return
    listed = _run("flatpak", "list", "--app", "--columns=application").split()
    for app in listed:
        if not any(word in app.lower() for word in _CALLS):
            continue
        permissions = _run("flatpak", "info", "--show-permissions", app)
        devices = next((line for line in permissions.splitlines() if line.startswith("devices=")), "")
        if "all" in devices.removeprefix("devices=").split(";"):
            yield Finding(f"flatpak {app}", "ok", "may open devices")
        else:
            why = "may not open devices, and sees cameras through PipeWire only, if at all"
            yield Finding(f"flatpak {app}", "warn", why, f"flatpak override --user --device=all {app}")


def snaps(said: str | None = None) -> Iterator[Finding]:
    """Snap's apps that have a plug for cameras, and whether it is in.

    Args:
        said: what `snap connections --all` writes; None asks it.
    """
    if said is None:
        if shutil.which("snap") is None:
            return
        said = _run("snap", "connections", "--all")
    for words in map(str.split, said.splitlines()):
        if len(words) < 3 or words[0] != "camera" or words[1] == "-":
            continue
        name = f"snap {words[1].partition(':')[0]}"
        if words[2] == "-":
            yield Finding(name, "warn", "may not open cameras", f"sudo snap connect {words[1]}")
        else:
            yield Finding(name, "ok", "may open cameras")


# Parts of the names under which flatpaks of programs with a camera go.
_CALLS: Final = (
    "zoom", "teams", "slack", "discord", "skype", "signal", "telegram", "element", "jitsi", "webex", "obsproject",
    "firefox", "chrome", "chromium", "brave", "edge", "vivaldi", "opera", "cheese", "snapshot", "kamoso", "guvcview",
    "webcamoid", "vesktop", "ferdium", "whatsapp", "wire", "viber", "librewolf", "epiphany",
)  # fmt: skip


def _run(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""
