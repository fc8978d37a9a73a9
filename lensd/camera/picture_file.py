"""A picture file as a camera that looks at it all the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from lensd.camera.pace import Pace
from lensd.camera.still import open_still, picture_of, rgb_of
from lensd.errors import CameraError, CameraMissing, MediaError
from lensd.frames import PixelFormat, RawFrame, VideoFormat

if TYPE_CHECKING:
    from pathlib import Path


class PictureFile:
    """A picture file as a `FrameSource`, at the nominal rate; its frames' data stays valid for good."""

    def __init__(self, path: Path, wanted: VideoFormat) -> None:
        """Load the picture, upright, shrunk to fit `wanted` where it is larger.

        Raises:
            CameraMissing: no such file.
            CameraError: it cannot be read, is no picture, or is too large.
        """
        self.name = path.name
        if not path.exists():
            raise CameraMissing(str(path), "there is no such file")
        try:
            picture = open_still(path)
        except MediaError as error:
            raise CameraError(error.what, error.why, error.hint) from error
        scale = min(1.0, wanted.width / picture.width, wanted.height / picture.height)
        width, height = (max(2, 2 * round(side * scale / 2)) for side in picture.size)
        if picture.has_transparency_data:  # what is transparent is seen in front of black
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "black"), picture.convert("RGBA"))
        shrunk = Image.fromarray(rgb_of(picture)).resize((width, height), Image.Resampling.LANCZOS)
        self.format = VideoFormat(width, height, wanted.fps)
        self._data = picture_of(rgb_of(shrunk)).data.data.toreadonly()
        self._pace = Pace(wanted.fps)

    def read(self, timeout_s: float) -> RawFrame:
        """Return the picture once more, when its time has come.

        Raises:
            SourceTimeout: `timeout_s` is shorter than what is left of the period.
        """
        tick, at_ns = self._pace.next()
        self._pace.wait(tick, at_ns, self.name, timeout_s)
        return RawFrame(self._data, PixelFormat.I420, self.format.width, self.format.height, False, tick, at_ns)

    def close(self) -> None:
        """Do nothing: the file was closed when it had been read."""
