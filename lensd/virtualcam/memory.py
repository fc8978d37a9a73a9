"""An output that keeps its pictures, to look at what was published."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from lensd.virtualcam.private_buffer import PrivateBufferSink

if TYPE_CHECKING:
    from lensd.frames import U8, VideoFormat


class MemorySink(PrivateBufferSink):
    """A `ports.FrameSink` that keeps the newest pictures.

    Attributes:
        published: (ns of CLOCK_MONOTONIC, picture) of each, the oldest first.
        closed: whether `close` was called.
    """

    def __init__(self, video: VideoFormat, keep: int = 64) -> None:
        """Keep at most `keep` pictures."""
        super().__init__("memory", video)
        self.published: deque[tuple[int, U8]] = deque(maxlen=keep)
        self.closed = False

    def close(self) -> None:
        """Remember that it was closed; the pictures stay."""
        self.closed = True

    def _publish(self, picture: U8) -> None:
        self.published.append((time.monotonic_ns(), picture.copy()))
