"""A picture taken is whole, is the newest, and the writer is never waited for."""

import contextlib
import fcntl
import mmap
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from lensd.shared_picture import SharedPictureReader, SharedPictureWriter, create_shared_picture

WIDTH, HEIGHT = 320, 240
LENGTH = WIDTH * HEIGHT * 3 // 2


@pytest.fixture
def memory():
    descriptor = create_shared_picture("test-pictures", WIDTH, HEIGHT)
    yield descriptor
    os.close(descriptor)


def test_nothing_is_taken_before_something_was_published(memory):
    reader = SharedPictureReader(memory, marks=True)
    assert reader.newest_sequence() == 0
    SharedPictureWriter(memory).slot().data[:] = 7
    assert reader.copy_newest(np.empty(LENGTH, np.uint8)) is None


def test_the_newest_picture_is_taken_with_its_stamp(memory):
    writer, reader, out = (
        SharedPictureWriter(memory),
        SharedPictureReader(memory, marks=True),
        np.empty(LENGTH, np.uint8),
    )
    for value in range(1, 8):
        writer.slot().data[:] = value
        writer.publish(captured_ns=value * 1000)
    stamp = reader.copy_newest(out)
    assert (stamp.sequence, stamp.captured_ns) == (7, 7000)
    assert stamp.published_ns <= time.monotonic_ns()
    assert (out == 7).all()
    assert reader.copy_newest(out).sequence == 7, "the last one can be taken again"


def test_the_writer_never_fills_the_newest_slot_nor_the_marked_one(memory):
    writer, reader = SharedPictureWriter(memory), SharedPictureReader(memory, marks=True)
    writer.slot().data[:] = 1
    writer.publish(1)
    reader._mapping.words[3] = (int(reader._mapping.words[2]) & 3) + 1  # as in the middle of a copy
    marked = reader._mapping.slots[int(reader._mapping.words[3]) - 1]
    for value in range(2, 50):
        writer.slot().data[:] = value
        writer.publish(value)
        assert (marked == 1).all()


def test_an_unfinished_slot_keeps_the_old_picture_on_air(memory):
    writer, reader, out = (
        SharedPictureWriter(memory),
        SharedPictureReader(memory, marks=True),
        np.empty(LENGTH, np.uint8),
    )
    writer.slot().data[:] = 1
    writer.publish(1)
    writer.slot().data[: LENGTH // 2] = 2  # killed here
    assert reader.copy_newest(out).sequence == 1
    assert (out == 1).all()


def test_a_new_writer_goes_on_counting(memory):
    first = SharedPictureWriter(memory)
    first.slot()
    first.publish(1)
    second = SharedPictureWriter(memory)
    second.slot()
    assert second.publish(2) == 2


def test_publishing_without_a_slot_is_refused(memory):
    with pytest.raises(ValueError, match="without slot"):
        SharedPictureWriter(memory).publish(1)


def test_the_memory_cannot_be_shrunk_under_its_reader(memory):
    with pytest.raises(PermissionError):
        os.ftruncate(memory, 4096)


def test_memory_that_is_not_sealed_is_refused():
    descriptor = os.memfd_create("open", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 1 << 20)
    with pytest.raises(ValueError, match="sealed"):
        SharedPictureReader(descriptor, marks=True)
    os.close(descriptor)


def test_memory_of_another_kind_is_refused():
    descriptor = os.memfd_create("strange", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, 1 << 20)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    with pytest.raises(ValueError, match="not a shared picture"):
        SharedPictureReader(descriptor, marks=True)
    os.close(descriptor)


def test_a_hostile_header_gives_nothing_rather_than_a_crash(memory):
    reader = SharedPictureReader(memory, marks=False)
    with mmap.mmap(memory, mmap.PAGESIZE) as header:
        for newest in (3, 7, 2**64 - 1, 1 << 62):
            header[16:24] = newest.to_bytes(8, "little")
            assert reader.copy_newest(np.empty(LENGTH, np.uint8)) is None


WRITER = """
import sys, time
from lensd.shared_picture import SharedPictureWriter
writer = SharedPictureWriter(int(sys.argv[1]))
value = 0
while True:
    value = value % 250 + 1
    writer.slot().data[:] = value
    writer.publish(value)
"""


@pytest.mark.parametrize("marks", [True, False])
def test_no_torn_picture_is_ever_taken_from_a_writer_at_full_speed(memory, marks):
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(memory)], pass_fds=(memory,))
    reader, out = SharedPictureReader(memory, marks=marks), np.empty(LENGTH, np.uint8)
    taken, last, deadline = 0, 0, time.monotonic() + 10
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.kill)
        while taken < 2000 and time.monotonic() < deadline:
            stamp = reader.copy_newest(out)
            if stamp is None:
                continue
            taken += 1
            assert stamp.sequence >= last
            last = stamp.sequence
            assert out.min() == out.max() == stamp.captured_ns
    assert taken > 100
    assert last > taken // 2
