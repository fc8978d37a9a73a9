"""The keeper's parts, each on its own."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from lensd.errors import AlreadyRunning, ControlError, SinkError, SinkMissing
from lensd.frames import VideoFormat
from lensd.keeper.app import together
from lensd.keeper.cards import BLANK, CARDS, CardBook
from lensd.keeper.instance import InstanceLock, private_folder
from lensd.keeper.memory import Memory
from lensd.keeper.output import Output
from lensd.keeper.publisher import Publisher
from lensd.shared_picture import SharedPictureReader, SharedPictureWriter, create_shared_picture
from lensd.virtualcam import MemorySink


def test_a_second_keeper_is_refused_with_the_pid_of_the_first(tmp_path):
    lock = InstanceLock(tmp_path)
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        InstanceLock(tmp_path)
    lock.close()
    assert not list(tmp_path.iterdir())
    InstanceLock(tmp_path).close()


HOLDER = """
import pathlib, sys, time
from lensd.keeper.instance import InstanceLock
lock = InstanceLock(pathlib.Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_of_a_killed_keeper_is_free(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE)
    with holder:
        holder.stdout.readline()
        with pytest.raises(AlreadyRunning, match=str(holder.pid)):
            InstanceLock(tmp_path)
        holder.kill()
    InstanceLock(tmp_path).close()


def test_a_runtime_folder_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "lensd").symlink_to(tmp_path)
    with pytest.raises(ControlError, match="not a folder of yours"):
        private_folder(tmp_path / "lensd")


def test_cards_are_drawn_and_each_is_another_picture():
    book, pictures = CardBook(320, 240), {}
    out, deadline = np.empty(320 * 240 * 3 // 2, np.uint8), time.monotonic() + 20
    try:
        for name in CARDS:
            while book.reader(name).copy_newest(out) is None:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            luma = out[: 320 * 240]
            assert luma.min() >= 16
            assert luma.max() <= 235
            assert (luma > 150).sum() > 100, "there is text"
            pictures[name] = out.tobytes()
        assert len(set(pictures.values())) == len(set(CARDS.values()))
        book.explain("lens-failed", "the network gave NaN")
        while book.reader("lens-failed").newest_sequence() < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        book.reader("lens-failed").copy_newest(out)
        assert out.tobytes() != pictures["lens-failed"]
    finally:
        book.close()


def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path):
    with pytest.raises(SinkError, match="No such file"):
        Publisher(str(tmp_path / "nowhere/call.mp4"), VideoFormat(320, 240, 30), time.monotonic_ns())


def published_into_memory(tmp_path):
    publisher = Publisher("none", VideoFormat(320, 240, 30), 0)
    publisher.outputs[0].sink = MemorySink(VideoFormat(320, 240, 30))
    descriptor = create_shared_picture("test", 320, 240)
    return publisher, descriptor, SharedPictureWriter(descriptor), SharedPictureReader(descriptor, marks=True)


def test_a_new_picture_goes_out_at_once_and_an_old_one_again_when_none_comes(tmp_path):
    publisher, descriptor, writer, reader = published_into_memory(tmp_path)
    publisher.show(reader)
    period = 33_333_333
    writer.slot().data[:] = 50
    writer.publish(1_000)
    publisher.picture_ready(1_000_000)
    assert (publisher.published, publisher.repeated) == (1, 0)
    publisher.picture_ready(2_000_000)
    publisher.fill_in(1_000_000 + period)
    assert publisher.published == 1, "nothing is due before a period and a quarter"
    publisher.fill_in(1_000_000 + period * 5 // 4 + 1)
    assert (publisher.published, publisher.repeated) == (2, 1)
    writer.slot().data[:] = 60
    writer.publish(2_000)
    publisher.picture_ready(50_000_000)
    assert publisher.published == 3
    assert (publisher.outputs[0].sink.published[-1][1] == 60).all()
    os.close(descriptor)


def test_without_a_picture_a_plain_card_goes_out_and_never_what_the_buffer_held(tmp_path):
    publisher, descriptor, _, reader = published_into_memory(tmp_path)
    publisher.outputs[0].sink.begin()[:] = 200
    publisher.show(reader)
    publisher.fill_in(1)
    picture = publisher.outputs[0].sink.published[-1][1]
    assert set(np.unique(picture[: 320 * 240])) == {30}
    assert set(np.unique(picture[320 * 240 :])) == {128}
    os.close(descriptor)


def test_while_nobody_looks_one_picture_a_second_goes_out_and_the_pace_is_back_at_once(tmp_path):
    publisher, descriptor, writer, reader = published_into_memory(tmp_path)
    publisher.show(reader)
    writer.slot().data[:] = 50
    writer.publish(1)
    second = 1_000_000_000
    publisher.set_pace(0, calm=True)
    publisher.fill_in(1)
    for tenth in range(1, 40):
        publisher.fill_in(tenth * second // 10)
    assert publisher.published == 4
    publisher.set_pace(5 * second, calm=False)
    assert publisher.due_ns <= 5 * second
    publisher.fill_in(5 * second)
    assert publisher.published == 5
    assert publisher.due_ns < 5 * second + second // 20
    assert publisher.figures(5 * second)["longest_gap_ms"] < 100, "a calm second is no gap"
    os.close(descriptor)


def test_what_is_on_air_is_put_everywhere(tmp_path):
    publisher, descriptor, writer, reader = published_into_memory(tmp_path)
    publisher.overwrite(1)
    assert set(np.unique(publisher.outputs[0].sink.published[-1][1])) == {30, 128}, "nothing is on air: a plain card"
    publisher.show(reader)
    writer.slot().data[:] = 77
    writer.publish(1)
    publisher.overwrite(2)
    assert (publisher.outputs[0].sink.published[-1][1] == 77).all()
    os.close(descriptor)


def test_whoever_watches_the_output_is_told_when_it_is_gone(tmp_path):
    publisher, descriptor, _, reader = published_into_memory(tmp_path)
    told = []
    publisher.outputs[0].follow(told.append)
    assert told == [None], "memory has no node"
    sink = publisher.outputs[0].sink = FailingSink(VideoFormat(320, 240, 30))
    sink.node = tmp_path
    publisher.outputs[0].follow(told.append)
    assert told[-1] == (tmp_path, -1)
    publisher.show(reader)
    publisher.fill_in(1)
    assert told[-1] is None
    os.close(descriptor)


class FailingSink(MemorySink):
    def commit(self):
        raise SinkError("/dev/video10", "no such device")


def test_an_output_that_fails_is_left_and_publishing_goes_on(tmp_path):
    publisher, descriptor, writer, reader = published_into_memory(tmp_path)
    publisher.outputs[0].sink, publisher.outputs[0].attached = FailingSink(VideoFormat(320, 240, 30)), True
    publisher.show(reader)
    writer.slot()
    writer.publish(1)
    publisher.picture_ready(10)
    assert publisher.write_errors == 1
    assert not publisher.attached
    publisher.fill_in(publisher.due_ns)
    assert publisher.published == 1
    assert publisher.figures(20)["write_errors"] == 1
    os.close(descriptor)


def test_one_outputs_trouble_is_nothing_to_the_others(tmp_path):
    publisher, descriptor, writer, reader = published_into_memory(tmp_path)
    for label, kind in (("failing", FailingSink), ("third", MemorySink)):
        output = Output("/dev/video7", VideoFormat(320, 240, 30), label=label)
        output.sink, output.attached = kind(VideoFormat(320, 240, 30)), True
        publisher.outputs.append(output)
    first, failing, third = publisher.outputs
    publisher.show(reader)
    for value in range(1, 4):
        writer.slot().data[:] = value * 10
        writer.publish(value)
        publisher.picture_ready(value * 33_000_000)
    assert [seen[1][0] for seen in first.sink.published] == [10, 20, 30]
    assert [seen[1][0] for seen in third.sink.published] == [10, 20, 30]
    assert not failing.attached
    assert (publisher.published, publisher.repeated, publisher.write_errors) == (3, 0, 1)
    assert "no such device" in str(failing.problem)
    os.close(descriptor)


def test_an_output_that_is_not_there_is_looked_for_every_second():
    publisher = Publisher("/dev/video99", VideoFormat(320, 240, 30), 0)
    [output] = publisher.outputs
    assert isinstance(output.problem, SinkMissing)
    assert output.due_ns == 1_000_000_000
    publisher.fill_in(1_000_000_000)
    assert output._opening is None
    assert output.due_ns == 2_000_000_000
    publisher.close()


def test_an_output_that_is_there_and_refuses_is_tried_beside_what_goes_on():
    publisher = Publisher("/dev/null", VideoFormat(320, 240, 30), 0)
    [output] = publisher.outputs
    assert "no video device" in str(output.problem)
    output.problem = None
    publisher.fill_in(1_000_000_000)
    deadline = time.monotonic() + 10
    while output.problem is None:
        assert time.monotonic() < deadline
        publisher.fill_in(publisher.due_ns)
        time.sleep(0.01)
    publisher.close()


def test_blackness_is_there_before_any_card_is_drawn():
    book, out = CardBook(320, 240), np.empty(320 * 240 * 3 // 2, np.uint8)
    try:
        assert book.reader(BLANK).copy_newest(out) is not None
        assert set(out[: 320 * 240]) == {16}
        assert set(out[320 * 240 :]) == {128}
    finally:
        book.close()


def test_what_is_remembered_is_there_again_and_rubbish_is_nothing(tmp_path):
    path = tmp_path / "new/state.json"
    memory = Memory(path)
    assert memory.text("lens") is None
    memory.put("lens", "toon")
    memory.put("paused", "blank")
    memory.settle(5)
    assert Memory(path).text("lens") == "toon"
    memory.put("paused", None)
    memory.settle(5)
    assert Memory(path).text("paused") is None
    for rubbish in (b"", b"[1]", b"{", b"[" * 100_000, b'{"lens": 3}', b"\xff"):
        path.write_bytes(rubbish)
        assert Memory(path).text("lens") is None
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_output_that_held_is_opened_again_at_once_and_one_that_did_not_a_second_later(tmp_path):
    for held_ns, wait_ns in ((10_000_000_000, 0), (1_000_000_000, 1_000_000_000)):
        output = Output("/dev/null", VideoFormat(320, 240, 30))
        output._take(FailingSink(VideoFormat(320, 240, 30)), 5)
        now_ns = 5 + held_ns
        assert output.begin(now_ns) is not None
        assert not output.commit(now_ns)
        assert output.due_ns == now_ns + wait_ns


def test_what_is_due_within_a_quarter_of_a_second_is_done_in_one_waking():
    assert together((1000, 1200, 5000), 250) == 1200
    assert together((1000, 1251, 5000), 250) == 1000
    assert together((1000, 1200), 0) == 1000
