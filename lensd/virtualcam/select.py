"""Which output `--output` means."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lensd.errors import ConfigError
from lensd.v4l2.nodes import list_names
from lensd.virtualcam.node import LABEL, find_node
from lensd.virtualcam.none import NullSink
from lensd.virtualcam.video_file import SUFFIXES, VideoFileSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import VideoFormat
    from lensd.ports import FrameSink


def writes_a_file(output: str) -> bool:
    """Tell whether `output` is a video file, which has a reader later and none now."""
    return output not in {"auto", "none"} and Path(output).suffix.lower() in SUFFIXES


def is_there(output: str, label: str = LABEL) -> bool:
    """Tell whether there is a device for `output` ("auto", or a node's path), without opening any: 0.1 ms."""
    return any(name == label for _, name in list_names()) if output == "auto" else Path(output).exists()


def open_sink(
    output: str,
    video: VideoFormat,
    streaming: Callable[[Path], int | None] = lambda _node: None,
    label: str = LABEL,
) -> FrameSink:
    """Open an output.

    Args:
        output: "auto" ("SnapLens Camera"), "/dev/videoN" (a v4l2loopback device), a video file's path, or "none".
        video: size and rate of all that will be written.
        streaming: asked for a descriptor of a node that a process before us has streamed into; it is taken over.
        label: the device that "auto" means.

    Raises:
        ConfigError: it is none of these.
        SinkMissing: no such device, or none of ours; try again later, and it may have come.
        SinkRefused: the device does not do what is asked.
        SinkError: it cannot be written.
    """
    if output == "none":
        return NullSink(video)
    path = Path(output)
    if writes_a_file(output):
        return VideoFileSink(path.expanduser(), video)
    if output != "auto" and not output.startswith("/dev/"):
        choices = f"auto, /dev/videoN, none, or a file that ends in {', '.join(SUFFIXES)}"
        raise ConfigError(f"output {output!r}", f"is none of these: {choices}", "--output auto")
    from lensd.virtualcam.backend import LoopbackSink

    node = find_node(label) if output == "auto" else path
    return LoopbackSink(node, video, streaming(node))
