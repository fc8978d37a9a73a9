"""Pictures from the first moment on: the last one again, while a new keeper still loads what it is made of.

Readers of a camera that was handed on wait for the next picture. Python alone is up in 0.03 s, but NumPy and the rest
take 0.2 s more, and 1 s in the camera guest: until then a thread queues the buffer that was queued last, every 33 ms.
So nothing is imported here but what is in the interpreter: `lensd.v4l2.uapi` would bring ctypes, enum and re, a third
of Python's own start.

Source: sd_listen_fds(3), the environment in which descriptors are handed down.
"""

from __future__ import annotations

import _thread
import fcntl
import os
import struct
import time

OUTPUT = "output-"  # begins the names under which we have descriptors of outputs kept
BUFFER = struct.Struct("@5I2l16x2IL2Ii0l")  # struct v4l2_buffer, as uapi.Buffer; a test holds the two together
QUERYBUF, QBUF = (3 << 30 | BUFFER.size << 16 | ord("V") << 8 | number for number in (9, 15))
_INDEX, _BYTES_USED, _SECONDS, _MICROSECONDS, _OFFSET, _LENGTH = 0, 2, 5, 6, 9, 10
_OUTPUT_SIDE, _MMAP = 2, 1
_FIRST = 3  # SD_LISTEN_FDS_START
_MOST = 32  # buffers that the module can be loaded with
_PERIOD_S = 1 / 30


def handed_down() -> dict[str, int]:
    """Return the descriptors that were kept for this process, by their names; none where they are for another."""
    environment = os.environ
    count = environment.get("LISTEN_FDS", "")
    if environment.get("LISTEN_PID") != str(os.getpid()) or not count.isdigit() or int(count) > _MOST:
        return {}
    names = environment.get("LISTEN_FDNAMES", "").split(":")
    return {name: _FIRST + number for number, name in zip(range(int(count)), names, strict=False)}


class Bridge:
    """Queues the last picture of each output again and again, in a thread of its own."""

    def __init__(self) -> None:
        """Begin, where there is anything to go on with."""
        self._ended, self._lock = False, _thread.allocate_lock()
        outputs = [descriptor for name, descriptor in handed_down().items() if name.startswith(OUTPUT)]
        self._again = [(descriptor, last) for descriptor in outputs if (last := newest_buffer(descriptor))]
        if self._again:
            _thread.start_new_thread(self._run, ())

    def end(self) -> None:
        """Queue nothing more, from this moment on."""
        with self._lock:
            self._ended = True

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._ended:
                    return
                for descriptor, buffer in self._again:
                    try:  # noqa: SIM105 contextlib is what is not to be imported
                        fcntl.ioctl(descriptor, QBUF, buffer)
                    except OSError:
                        pass  # whoever takes it over will see what is wrong
            time.sleep(_PERIOD_S)


def newest_buffer(descriptor: int) -> bytes | None:
    """Return what queues the picture again that was queued last; None where there is no stream."""
    newest, newest_time = None, (-1, -1)
    for index in range(_MOST):
        try:
            told = BUFFER.unpack(fcntl.ioctl(descriptor, QUERYBUF, _buffer(index, 0)))
        except OSError:
            break
        if told[_OFFSET] & 0xFFFFFFFF != index * told[_LENGTH]:
            break  # folded onto the first ones
        if told[_SECONDS : _MICROSECONDS + 1] > newest_time:
            newest_time = told[_SECONDS : _MICROSECONDS + 1]
            newest = _buffer(told[_INDEX], told[_BYTES_USED])
    return newest


def _buffer(index: int, bytes_used: int) -> bytes:
    return BUFFER.pack(index, _OUTPUT_SIDE, bytes_used, 0, 1, 0, 0, 0, _MMAP, 0, 0, 0, 0)


_running: list[Bridge] = []


def begin() -> None:
    """Bridge the time until `end`, where a camera was handed down."""
    if not _running and "LISTEN_FDS" in os.environ:
        _running.append(Bridge())


def end() -> None:
    """Leave the outputs to whoever goes on with them."""
    while _running:
        _running.pop().end()
