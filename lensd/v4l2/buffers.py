"""Buffers that the driver allocated and that we see through mmap, of either side of a device.

Python's own mmap keeps a second descriptor on the device, and cannot be closed while a view of it lives: one forgotten
array would hold the camera after `close`, and v4l2loopback would let no other writer in. So the mapping is made here.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from lensd.v4l2 import device

if TYPE_CHECKING:
    from lensd.frames import U8
    from lensd.v4l2.device import Filled
    from lensd.v4l2.uapi import BufferType

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_long,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_MAP_FIXED = 0x10
_FAILED = ctypes.c_void_p(-1).value


class MappedBuffers:
    """The buffers of one stream.

    Attributes:
        views: for each buffer a (length,) uint8 array over the driver's memory; of use only while the buffer is ours,
            that is between `dequeue` and `queue`. After `close` they are harmless: memory of nobody's.
    """

    def __init__(self, descriptor: int, side: BufferType, count: int, *, there: bool = False) -> None:
        """Have the driver allocate about `count` buffers, and map them; where `there`, map the `count` that it has.

        Raises:
            OSError: EBUSY while another program streams; ENOMEM; EINVAL where the driver has no streaming.
        """
        self._descriptor, self._side = descriptor, side
        self._mapped: list[tuple[int, int, weakref.finalize[Any, Any]]] = []
        self.views: list[U8] = []
        try:
            for index in range(count if there else device.request_buffers(descriptor, side, count)):
                offset, length = device.query_buffer(descriptor, side, index)
                self.views.append(self._map(offset, length))
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
        """Let go of the buffers, with the stream off; closing the descriptor then frees them.

        Not by REQBUFS with a count of 0: v4l2loopback 0.12 would reset the buffers of all other programs too.
        """
        self.views.clear()
        for address, length, unmap in self._mapped:
            if unmap.alive:  # somebody still has a view: from now on it shows other memory, and the driver's is free
                _mmap(address, length, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED, -1, 0)
        self._mapped.clear()

    def _map(self, offset: int, length: int) -> U8:
        address = _mmap(None, length, mmap.MAP_SHARED, self._descriptor, offset)
        memory = (ctypes.c_uint8 * length).from_address(address)
        unmap = weakref.finalize(memory, _libc.munmap, address, length)  # when the last view is gone
        unmap.atexit = False
        self._mapped.append((address, length, unmap))
        return np.frombuffer(memoryview(memory), np.uint8)


def _mmap(address: int | None, length: int, flags: int, descriptor: int, offset: int) -> int:
    mapped: int = _libc.mmap(address, length, mmap.PROT_READ | mmap.PROT_WRITE, flags, descriptor, offset)
    if mapped == _FAILED:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return mapped
