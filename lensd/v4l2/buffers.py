"""Buffers that the driver allocated and that we see through mmap, of either side of a device."""

from __future__ import annotations

import contextlib
import mmap
from typing import TYPE_CHECKING

import numpy as np

from lensd.v4l2 import device

if TYPE_CHECKING:
    from lensd.frames import U8
    from lensd.v4l2.device import Filled
    from lensd.v4l2.uapi import BufferType


class MappedBuffers:
    """The buffers of one stream.

    Attributes:
        views: for each buffer a (length,) uint8 array over the driver's memory; of use only while the buffer is ours,
            that is between `dequeue` and `queue`.
    """

    def __init__(self, descriptor: int, side: BufferType, count: int) -> None:
        """Have the driver allocate about `count` buffers, and map them.

        Raises:
            OSError: EBUSY while another program streams; ENOMEM; EINVAL where the driver has no streaming.
        """
        self._descriptor, self._side = descriptor, side
        self._maps: list[mmap.mmap] = []
        self.views: list[U8] = []
        try:
            for index in range(device.request_buffers(descriptor, side, count)):
                offset, length = device.query_buffer(descriptor, side, index)
                self._maps.append(mmap.mmap(descriptor, length, offset=offset))
                self.views.append(np.frombuffer(self._maps[-1], np.uint8))
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        """Return how many there are; the driver may have given more or fewer than asked."""
        return len(self.views)

    def queue(self, index: int, bytes_used: int = 0) -> None:
        """Hand buffer `index` to the driver: to be filled, or with `bytes_used` bytes to be shown."""
        device.queue(self._descriptor, self._side, index, bytes_used)

    def dequeue(self) -> Filled:
        """Take the oldest buffer that the driver is done with.

        Raises:
            BlockingIOError: none is ready, on a descriptor opened with O_NONBLOCK.
            OSError: the stream has failed.
        """
        return device.dequeue(self._descriptor, self._side)

    def close(self) -> None:
        """Unmap the buffers and have the driver free them; the stream is to be off. Does no harm when repeated.

        Python's mmap keeps a descriptor of its own open, and with it the device. Where somebody still has a view, both
        go with that view.
        """
        self.views.clear()
        while self._maps:
            with contextlib.suppress(BufferError):
                self._maps.pop().close()
        with contextlib.suppress(OSError):  # unplugged, or the last view holds them: closing the device frees them
            device.request_buffers(self._descriptor, self._side, 0)
