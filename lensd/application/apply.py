"""A lens on a whole file, into another or a window: what is written appears whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import av

from lensd.application.paths import check_paths
from lensd.application.still import paint_still
from lensd.application.video_in import VideoReader
from lensd.application.video_out import VideoWriter
from lensd.composite.blend import Compositor
from lensd.composite.depth import far_to_near
from lensd.errors import MediaError
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.application.window import Window
    from lensd.frames import Picture
    from lensd.ports import FaceTracker, Lens

Progress: TypeAlias = Callable[[float], None]
"""Called with the share that is done, 0..1."""
OpenWindow: TypeAlias = "Callable[[int, int], Window]"
"""Opens a window for pictures of a width and height."""

_log = logging.getLogger(__name__)
_PAUSE_MAX_S = 1.0  # a time in the file that makes no sense is not waited for


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done.

    Attributes:
        kind: "picture", "video" or "camera".
        frames: pictures written.
        faces: those of them in which a face was found.
        most: the most faces in one of them.
        seconds: that it took.
        sound: "copied", "none" or "left out".
    """

    kind: str
    frames: int
    faces: int
    most: int
    seconds: float
    sound: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON carries them."""
        return {**asdict(self), "seconds": round(self.seconds, 3)}


@dataclass(slots=True)
class Count:
    """Pictures so far, those with a face, and the most faces in one of them."""

    frames: int = 0
    faces: int = 0
    most: int = 0

    def add(self, here: int) -> None:
        """Count a picture with `here` faces."""
        self.frames += 1
        self.faces += here > 0
        self.most = max(self.most, here)

    def applied(self, kind: str, seconds: float, sound: str) -> Applied:
        """Return it as what was done."""
        return Applied(kind, self.frames, self.faces, self.most, seconds, sound)


def apply_lens(
    lens: Lens,
    tracker: FaceTracker,
    source: Path,
    target: Path | None,
    progress: Progress,
    window: OpenWindow | None = None,
) -> Applied:
    """Write `source`, a picture or a video, with the lens on it to `target`, or show it, or both.

    Args:
        lens: draws each face.
        tracker: finds them.
        source: the file to read; told by its content.
        target: the file to write, replaced if it is there. Its folder must be writable, or no work begins. Without
            one a video is shown at its own pace, until its end or until the window is closed.
        progress: told how far it is.
        window: opens one for pictures of a width and height; closed here.

    Raises:
        MediaError: a path that cannot be used, a damaged or cut-off file, a full disk, no display. `target` is then
            as it was.
        EngineError: the network could not be run.
    """
    began = time.monotonic()
    kind = check_paths(source, target)
    try:
        with ExitStack() as stack:
            temporary = stack.enter_context(whole_file(target)) if target is not None else None
            if kind == "picture":
                painted = paint_still(lens, tracker, source)
                if temporary is not None:
                    painted.save(temporary, source)
                count, sound = Count(1, min(painted.faces, 1), painted.faces), "none"
            elif target is not None and temporary is not None:
                count, sound = _convert(lens, tracker, source, temporary, target.name, progress, window)
            elif window is not None:
                count, sound = _play(lens, tracker, source, window), "none"
            else:
                raise MediaError(str(source), "there is neither an output nor a window for it")
    except OSError as error:
        hint = "name an output in a folder that you may write to"
        raise MediaError(str(target or source), error.strerror or "cannot be written", hint) from error
    progress(1.0)
    if kind == "picture" and window is not None:
        with closing(window(painted.rgb.shape[1], painted.rgb.shape[0])) as shown:
            shown.show_rgb(painted.rgb)
            shown.wait()
    return count.applied(kind, time.monotonic() - began, sound)


def _convert(
    lens: Lens,
    tracker: FaceTracker,
    source: Path,
    temporary: Path,
    name: str,
    progress: Progress,
    open_window: OpenWindow | None,
) -> tuple[Count, str]:
    """Write a video; return what was counted, and what became of the sound."""
    compositor, count = Compositor(), Count()
    tracker.reset()
    with VideoReader(source) as reader, ExitStack() as stack:
        writer: VideoWriter | None = None
        window: Window | None = None
        waiting: list[av.Packet[av.AudioStream]] = []
        for item in reader.read():
            if isinstance(item, av.Packet):
                waiting.append(item) if writer is None else writer.copy(item)
                continue
            picture = reader.picture(item)
            size = picture.width, picture.height
            if writer is None:
                window = stack.enter_context(closing(open_window(*size))) if open_window is not None else None
                writer = stack.enter_context(VideoWriter(temporary, name, reader, *size))
                for packet in waiting:
                    writer.copy(packet)
                waiting.clear()
            at_s = _time_s(item, reader, count.frames)
            count.add(draw_on(picture, lens, tracker, compositor, round(at_s * 1e9)))
            writer.write(picture, item.pts)
            if window is not None:
                window.show(picture)
            progress(min(at_s / reader.duration_s, 1.0) if reader.duration_s else 0.0)
        if writer is None:
            raise MediaError(str(source), "has no pictures")
        if writer.left_out:
            _log.warning("%s cannot hold sound of type %s; it is left out", name, ", ".join(writer.left_out))
        sound = "left out" if writer.left_out else "copied" if reader.sound else "none"
    return count, sound


def _play(lens: Lens, tracker: FaceTracker, source: Path, open_window: OpenWindow) -> Count:
    """Show a video at its own pace, or as fast as this machine can."""
    compositor, count = Compositor(), Count()
    tracker.reset()
    with VideoReader(source) as reader, ExitStack() as stack:
        window: Window | None = None
        begun_s = 0.0
        for item in reader.read():
            if isinstance(item, av.Packet):
                continue
            picture = reader.picture(item)
            if window is None:
                window = stack.enter_context(closing(open_window(picture.width, picture.height)))
                begun_s = time.monotonic()
            at_s = _time_s(item, reader, count.frames)
            count.add(draw_on(picture, lens, tracker, compositor, round(at_s * 1e9)))
            if (early_s := begun_s + at_s - time.monotonic()) > 0:
                time.sleep(min(early_s, _PAUSE_MAX_S))
            if not window.show(picture):
                return count
        if window is None:
            raise MediaError(str(source), "has no pictures")
    return count


def _time_s(frame: av.VideoFrame, reader: VideoReader, number: int) -> float:
    """Return when a frame is to be seen, seconds from the beginning."""
    return float(frame.pts * reader.time_base) if frame.pts is not None else number / float(reader.rate)


def draw_on(picture: Picture, lens: Lens, tracker: FaceTracker, compositor: Compositor, captured_ns: int) -> int:
    """Put the lens on every face of `picture`, in place; return how many there are.

    Raises:
        EngineError: the network could not be run.
    """
    found = tracker.update(picture, captured_ns)
    for layer, opacity in [(lens.draw(picture, face), face.opacity) for face in far_to_near(found)]:
        if layer is not None:
            compositor.blend(picture, layer, opacity)
    return len(found)
