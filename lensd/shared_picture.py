"""Finished pictures in memory that two processes share: one writes, one marks what it reads, others may look.

A sealed memfd: a page of header, then three slots of one I420 picture each. The writer fills a slot that is neither
the newest nor the one being read. The reader marks the newest slot, copies it and checks the slot's sequence number
afterwards, so that a picture is either whole or not taken. Header words are aligned and written by one store each.

Sealed, because a mapping of a memfd that somebody shrinks ends its reader with SIGBUS. A memfd rather than
`multiprocessing.shared_memory`, whose resource tracker (Python 3.11) unlinks a segment when a process that only
attached it ends.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from typing import NamedTuple

import numpy as np

from lensd.frames import U8, Picture

SLOTS = 3
_HEADER_BYTES = mmap.PAGESIZE
_MAGIC = int.from_bytes(b"SnapLens", "little")
# Header words of 8 bytes.
_WORD_MAGIC, _WORD_SIZE, _WORD_NEWEST, _WORD_READING = range(4)
_WORD_SLOTS, _SLOT_WORDS = 8, 8  # per slot: sequence (0 while it is written), captured_ns, published_ns
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class Stamp(NamedTuple):
    """What is known of a picture beside its pixels; times in ns of CLOCK_MONOTONIC."""

    sequence: int
    captured_ns: int
    published_ns: int


def create_shared_picture(name: str, width: int, height: int) -> int:
    """Return the descriptor of new, sealed memory for pictures of one size; `name` shows in /proc.

    Raises:
        OSError: no memory or no descriptors left.
    """
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(descriptor, _total_bytes(width, height))
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        with mmap.mmap(descriptor, _HEADER_BYTES) as header:
            header[:16] = _MAGIC.to_bytes(8, "little") + (width << 32 | height).to_bytes(8, "little")
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _total_bytes(width: int, height: int) -> int:
    return _HEADER_BYTES + SLOTS * (width * height * 3 // 2)


class _Mapping:
    """The memory of one shared picture, as words and slots."""

    def __init__(self, descriptor: int, *, writable: bool) -> None:
        """Map it.

        Raises:
            ValueError: not a shared picture: wrong magic, size or seals. OSError: it cannot be mapped.
        """
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS != _SEALS:
            raise ValueError("not sealed: a shrinking file would kill its reader")
        access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
        self._memory = mmap.mmap(descriptor, os.fstat(descriptor).st_size, access=access)
        self.words = np.frombuffer(self._memory, np.uint64, _HEADER_BYTES // 8)
        size = int(self.words[_WORD_SIZE])
        self.width, self.height = size >> 32, size & 0xFFFFFFFF
        if int(self.words[_WORD_MAGIC]) != _MAGIC or len(self._memory) != _total_bytes(self.width, self.height):
            raise ValueError("not a shared picture")
        length = self.width * self.height * 3 // 2
        self.slots = [
            np.frombuffer(self._memory, np.uint8, length, _HEADER_BYTES + slot * length) for slot in range(SLOTS)
        ]

    def slot_word(self, slot: int, word: int) -> int:
        return int(self.words[_WORD_SLOTS + slot * _SLOT_WORDS + word])

    def set_slot_word(self, slot: int, word: int, value: int) -> None:
        self.words[_WORD_SLOTS + slot * _SLOT_WORDS + word] = value


class SharedPictureWriter:
    """The one that fills slots; used by one thread."""

    def __init__(self, descriptor: int) -> None:
        """Map the memory behind `descriptor`, which stays the caller's.

        Raises:
            ValueError: not a shared picture. OSError: it cannot be mapped.
        """
        self._mapping = _Mapping(descriptor, writable=True)
        self.width, self.height = self._mapping.width, self._mapping.height
        self._pictures = [Picture(self.width, self.height, slot) for slot in self._mapping.slots]
        self._sequence = int(self._mapping.words[_WORD_NEWEST]) >> 2
        self._filling: int | None = None

    def slot(self) -> Picture:
        """Return the picture to fill next: its old pixels are anything. The same one until it is published."""
        if self._filling is None:
            words = self._mapping.words
            newest, reading = int(words[_WORD_NEWEST]), int(words[_WORD_READING])
            taken = {newest & 3 if newest else None, reading - 1}
            self._filling = next(slot for slot in range(SLOTS) if slot not in taken)
            self._mapping.set_slot_word(self._filling, 0, 0)
        return self._pictures[self._filling]

    def publish(self, captured_ns: int) -> int:
        """Make the filled slot the newest, and return its sequence number.

        Args:
            captured_ns: when the camera took the frame, CLOCK_MONOTONIC.

        Raises:
            ValueError: no slot was asked for.
        """
        slot = self._filling
        if slot is None:
            raise ValueError("publish() without slot()")
        self._sequence += 1
        self._mapping.set_slot_word(slot, 1, captured_ns)
        self._mapping.set_slot_word(slot, 2, time.monotonic_ns())
        self._mapping.set_slot_word(slot, 0, self._sequence)
        self._mapping.words[_WORD_NEWEST] = self._sequence << 2 | slot
        self._filling = None
        return self._sequence


class SharedPictureReader:
    """One that takes the newest picture.

    Args of the constructor:
        marks: keep the writer off the slot that is being copied. One reader only may; others just look, and a picture
            that was overwritten under them is not taken.
    """

    def __init__(self, descriptor: int, *, marks: bool) -> None:
        """Map the memory behind `descriptor`, which stays the caller's.

        Raises:
            ValueError: not a shared picture. OSError: it cannot be mapped.
        """
        self._mapping = _Mapping(descriptor, writable=marks)
        self._marks = marks
        self.width, self.height = self._mapping.width, self._mapping.height

    def newest_sequence(self) -> int:
        """Return the newest picture's sequence number; 0 where there is none yet."""
        return int(self._mapping.words[_WORD_NEWEST]) >> 2

    def copy_newest(self, out: U8) -> Stamp | None:
        """Copy the newest picture.

        Args:
            out: (H * 3 // 2 * W,) uint8, written; garbage where None is returned.

        Returns:
            The picture's stamp; None where there is no picture yet, or it changed under the copy three times.
        """
        words = self._mapping.words
        try:
            for _ in range(3):
                newest = int(words[_WORD_NEWEST])
                sequence, slot = newest >> 2, newest & 3
                if not sequence or slot >= SLOTS:
                    return None
                if self._marks:
                    words[_WORD_READING] = slot + 1
                    if int(words[_WORD_NEWEST]) != newest:
                        continue  # the writer may have chosen this slot before it saw the mark
                stamp = Stamp(sequence, self._mapping.slot_word(slot, 1), self._mapping.slot_word(slot, 2))
                np.copyto(out, self._mapping.slots[slot])
                if self._mapping.slot_word(slot, 0) == sequence:
                    return stamp
            return None
        finally:
            if self._marks:
                words[_WORD_READING] = 0
