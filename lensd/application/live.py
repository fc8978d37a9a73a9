"""A lens on a webcam, into a video file or a window: without the daemon, and without a virtual camera."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.application.apply import Applied, Count, draw_on
from lensd.camera.decode import Decoder
from lensd.camera.open_source import AUTO, DEMO, open_source
from lensd.composite.blend import Compositor
from lensd.errors import CameraError, MediaError, SinkError, SourceTimeout
from lensd.frames import Picture
from lensd.virtualcam.video_file import SUFFIXES, VideoFileSink

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.application.window import Window
    from lensd.frames import RawFrame, VideoFormat
    from lensd.ports import FaceTracker, FrameSource, Lens

CAMERA = "camera"
_READ_S, _PATIENCE = 1.0, 5  # a webcam that is silent for five seconds is lost
_BROKEN_MAX = 30


def is_camera(name: str) -> bool:
    """Say whether the input `name` means a camera rather than a file.

    A file that is there is a file. "camera", "auto", "demo", a number and a device are cameras, and so is a name that
    has neither a folder nor a suffix, such as "Integrated Camera".
    """
    path = Path(name)
    if name in {CAMERA, AUTO, DEMO} or name.startswith("/dev/"):
        return True
    return not path.exists() and "/" not in name and not path.suffix


def check_video_target(target: Path) -> None:
    """Refuse a name for the output that cannot hold a camera's pictures.

    Raises:
        MediaError: another suffix, or something that is there and no plain file.
    """
    if target.suffix.lower() not in SUFFIXES:
        why = f"a camera's output is a video, whose name must end in {', '.join(SUFFIXES)}"
        raise MediaError(str(target), why, f"name it {target.stem or 'out'}.mp4")
    if target.exists() and not target.is_file():
        raise MediaError(str(target), "is there already, and no plain file", "name another output")


def apply_to_camera(
    lens: Lens,
    tracker: FaceTracker,
    camera: str,
    wanted: VideoFormat,
    *,
    target: Path | None,
    window: Window | None,
    stop: Callable[[], bool],
    tell: Callable[[int, float], None] = lambda _frames, _seconds: None,
) -> Applied:
    """Put `lens` on what `camera` shows until `stop` says so, or the window is closed.

    Args:
        lens: draws each face.
        tracker: finds them.
        camera: "camera" or "auto" for the best, or as in `lensd devices`.
        wanted: size of the pictures; the camera is asked for it and for the rate.
        target: a video file to write, whole in the end; None writes none.
        window: shows what is written; None shows nothing.
        stop: asked before each frame.
        tell: called with pictures done and seconds since the first.

    Raises:
        CameraError: no such camera, busy, or lost; a file then holds what was there so far.
        MediaError: the file cannot be written.
        EngineError: the network could not be run.
    """
    compositor, decoder, count = Compositor(), Decoder(wanted), Count()
    broken = 0
    with ExitStack() as stack:
        source = stack.enter_context(closing(open_source(AUTO if camera == CAMERA else camera, wanted)))
        sink = _opened(target, wanted) if target is not None else None
        if sink is not None:
            stack.callback(_close, sink)
        tracker.reset()
        began = time.monotonic()
        while not stop():
            frame = _next_frame(source)
            picture = Picture(wanted.width, wanted.height, sink.begin() if sink is not None else None)
            try:
                decoder.decode(frame, picture)
            except CameraError:
                broken += 1
                if broken > _BROKEN_MAX:
                    raise
                continue
            broken = 0
            count.add(draw_on(picture, lens, tracker, compositor, frame.captured_ns))
            if sink is not None:
                _commit(sink)
            tell(count.frames, time.monotonic() - began)
            if window is not None and not window.show(picture):
                break
    return count.applied("camera", time.monotonic() - began, "none")


def _next_frame(source: FrameSource) -> RawFrame:
    for _ in range(_PATIENCE - 1):
        try:
            return source.read(_READ_S)
        except SourceTimeout:
            continue
    return source.read(_READ_S)


def _opened(target: Path, wanted: VideoFormat) -> VideoFileSink:
    try:
        return VideoFileSink(target, wanted)
    except SinkError as error:
        raise MediaError(error.what, error.why, "name an output in a folder that you may write to") from error


def _commit(sink: VideoFileSink) -> None:
    try:
        sink.commit()
    except SinkError as error:
        raise MediaError(error.what, error.why) from error


def _close(sink: VideoFileSink) -> None:
    try:
        sink.close()
    except SinkError as error:
        raise MediaError(error.what, error.why) from error
