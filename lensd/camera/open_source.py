"""From what a user calls a camera to a source of frames."""

from __future__ import annotations

import logging
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.camera.find import best_camera, find_webcam, list_cameras
from lensd.camera.webcam import Webcam
from lensd.errors import CameraMissing

if TYPE_CHECKING:
    from lensd.frames import VideoFormat
    from lensd.ports import FrameSource

_log = logging.getLogger(__name__)
AUTO, DEMO = "auto", "demo"


def open_source(camera: str, wanted: VideoFormat, *, seed: int = 0) -> FrameSource:
    """Open the source that `camera` means; its `format` is what it really gives.

    Args:
        camera: "auto" (the best webcam, else the demo), "demo", a device's number, path, by-id or card name, or the
            path of a video or picture file.
        wanted: the published size and rate.
        seed: of the demo's movements.

    Raises:
        CameraMissing: it is not there, or unplugged.
        CameraBusy: another program streams from it.
        CameraError: anything else; all that this raises is one of these.
    """
    if camera == AUTO:
        cameras = list_cameras()
        if best := best_camera(cameras):
            return Webcam(best.path, wanted)
        for each in cameras:
            _log.warning("%s cannot be used: %s", each, each.problem or "no pixel format that we can decode")
    if camera in {AUTO, DEMO}:
        # Each source is imported when it is wanted: the demo's Pillow and the files' FFmpeg take 0.2 s together.
        from lensd.camera.demo import Demo

        return Demo(wanted, seed)
    path = Path(camera).expanduser()
    if path.is_file():
        return _open_file(path, wanted)
    if path.suffix and ("/" in camera) and not camera.startswith("/dev/"):
        raise CameraMissing(camera, "there is no such file")
    return Webcam(find_webcam(camera), wanted)


def _open_file(path: Path, wanted: VideoFormat) -> FrameSource:
    kind, _ = mimetypes.guess_type(path.name)
    if kind is not None and kind.startswith("image/") and kind != "image/gif":
        from lensd.camera.picture_file import PictureFile

        return PictureFile(path, wanted)
    from lensd.camera.replay import Replay

    return Replay(path)
