"""A lens on a whole file: what is read is checked, and what is written appears whole or not at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import av

from lensd.application.paths import check_paths
from lensd.application.still import lens_on_still
from lensd.application.video_in import VideoReader
from lensd.application.video_out import VideoWriter
from lensd.composite.blend import Compositor
from lensd.composite.depth import far_to_near
from lensd.errors import MediaError
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import Picture
    from lensd.ports import FaceTracker, Lens

Progress: TypeAlias = Callable[[float], None]
"""Called with the share that is done, 0..1."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done.

    Attributes:
        kind: "picture" or "video".
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


def apply_lens(lens: Lens, tracker: FaceTracker, source: Path, target: Path, progress: Progress) -> Applied:
    """Write `source`, a picture or a video, with the lens on it to `target`.

    Args:
        lens: draws each face.
        tracker: finds them.
        source: the file to read; told by its content.
        target: the file to write, replaced if it is there. Its folder must be writable, or no work begins.
        progress: told how far it is.

    Raises:
        MediaError: a path that cannot be used, a damaged or cut-off file, a full disk. `target` is then as it was.
        EngineError: the network could not be run.
    """
    began = time.monotonic()
    kind = check_paths(source, target)
    try:
        with whole_file(target) as temporary:
            if kind == "picture":
                found = lens_on_still(lens, tracker, source, temporary)
                frames, faces, most, sound = 1, min(found, 1), found, "none"
            else:
                frames, faces, most, sound = _apply_to_video(lens, tracker, source, temporary, target.name, progress)
    except OSError as error:
        hint = "name an output in a folder that you may write to"
        raise MediaError(str(target), error.strerror or "cannot be written", hint) from error
    progress(1.0)
    return Applied(kind, frames, faces, most, time.monotonic() - began, sound)


def _apply_to_video(
    lens: Lens, tracker: FaceTracker, source: Path, temporary: Path, name: str, progress: Progress
) -> tuple[int, int, int, str]:
    compositor = Compositor()
    frames = faces = most = 0
    tracker.reset()
    with VideoReader(source) as reader, ExitStack() as stack:
        writer: VideoWriter | None = None
        waiting: list[av.Packet[av.AudioStream]] = []
        for item in reader.read():
            if isinstance(item, av.Packet):
                waiting.append(item) if writer is None else writer.copy(item)
                continue
            picture = reader.picture(item)
            if writer is None:
                writer = stack.enter_context(VideoWriter(temporary, name, reader, picture.width, picture.height))
                for packet in waiting:
                    writer.copy(packet)
                waiting.clear()
            at_s = float(item.pts * reader.time_base) if item.pts is not None else frames / float(reader.rate)
            here = _draw(lens, tracker, compositor, picture, round(at_s * 1e9))
            faces, most = faces + bool(here), max(most, here)
            writer.write(picture, item.pts)
            frames += 1
            progress(min(at_s / reader.duration_s, 1.0) if reader.duration_s else 0.0)
        if writer is None:
            raise MediaError(str(source), "has no pictures")
        if writer.left_out:
            _log.warning("%s cannot hold sound of type %s; it is left out", name, ", ".join(writer.left_out))
        sound = "left out" if writer.left_out else "copied" if reader.sound else "none"
    return frames, faces, most, sound


def _draw(lens: Lens, tracker: FaceTracker, compositor: Compositor, picture: Picture, captured_ns: int) -> int:
    """Put the lens on every face of `picture`, in place; return how many there are."""
    found = tracker.update(picture, captured_ns)
    for layer, opacity in [(lens.draw(picture, face), face.opacity) for face in far_to_near(found)]:
        if layer is not None:
            compositor.blend(picture, layer, opacity)
    return len(found)
