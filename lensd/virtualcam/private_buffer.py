"""The part that is the same in every output without memory of its own: one buffer that pictures are written into."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8, VideoFormat


class PrivateBufferSink(ABC):
    """A `ports.FrameSink` but for what becomes of a picture, which `_publish` decides."""

    def __init__(self, name: str, video: VideoFormat) -> None:
        """Allocate the buffer.

        Args:
            name: where the pictures can be seen.
            video: size and rate of every picture.
        """
        self._name, self._format = name, video
        self.node: Path | None = None
        self._buffer = np.empty(video.picture_bytes, np.uint8)

    @property
    def name(self) -> str:
        """Where the pictures can be seen."""
        return self._name

    @property
    def format(self) -> VideoFormat:
        """Size and rate of every picture."""
        return self._format

    def fileno(self) -> int:
        """Return -1: there is no device."""
        return -1

    def begin(self) -> U8:
        """Return the buffer, always the same."""
        return self._buffer

    def commit(self) -> None:
        """Publish what is in the buffer."""
        self._publish(self._buffer)

    def write(self, picture: U8) -> None:
        """Publish one picture."""
        np.copyto(self.begin(), picture)
        self.commit()

    def overwrite(self, picture: U8) -> None:
        """Publish one picture; the only buffer holds it then."""
        self.write(picture)

    def close(self) -> None:  # noqa: B027 most of them own nothing
        """Give back what is owned."""

    @abstractmethod
    def _publish(self, picture: U8) -> None: ...
