"""No output: pictures go nowhere. The preview page still shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.virtualcam.private_buffer import PrivateBufferSink

if TYPE_CHECKING:
    from lensd.frames import U8, VideoFormat


class NullSink(PrivateBufferSink):
    """A `ports.FrameSink` that drops what it is given."""

    def __init__(self, video: VideoFormat) -> None:
        """Take size and rate; they are only remembered."""
        super().__init__("nowhere", video)

    def _publish(self, picture: U8) -> None:
        pass
