"""Who opens, reads and maps a file, by real processes; a device's own count of readers is tested in the guest."""

import select
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.virtualcam.inotify import Change, Inotify
from lensd.virtualcam.lookers import Look, look, maps
from lensd.virtualcam.watch import NodeWatch


def test_opens_and_closes_are_told_in_their_order(tmp_path):
    path = tmp_path / "node"
    path.write_bytes(b"1")
    watch = Inotify(path, Change.OPENED | Change.CLOSED | Change.READ)
    assert watch.take() == []
    path.read_bytes()
    path.write_bytes(b"2")
    told = watch.take()
    assert [change for change in told if change is not Change.READ] == [
        Change.OPENED, Change.CLOSED_READER, Change.OPENED, Change.CLOSED_WRITER
    ]  # fmt: skip
    assert Change.READ in told
    watch.close()


def test_a_file_that_is_not_there_cannot_be_watched(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(FileNotFoundError):
        Inotify(tmp_path / "none", Change.OPENED)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_watch_wakes_its_owner_and_says_whether_it_was_opened(tmp_path):
    path = tmp_path / "node"
    path.write_bytes(b"1")
    with path.open("rb") as writer:
        watch = NodeWatch(path, writer.fileno(), 0)
        assert watch.streaming is None, "a file counts no readers"
        assert watch.tells_opens
        assert not watch.is_read(0)
        with path.open("rb"):
            assert select.select([watch], [], [], 5)[0]
            assert watch.take(1_000)
            assert (watch.changes, watch.changed_ns) == (1, 1_000)
        assert not watch.take(2_000), "closed only"
        assert (watch.changes, watch.changed_ns) == (2, 2_000)
        path.read_bytes()
        assert watch.take(3_000)
        assert watch.is_read(3_000)
        assert not watch.is_read(5_000_000_000)
        assert not select.select([watch], [], [], 0)[0]
        watch.close()


def test_without_a_node_nothing_is_told_and_nothing_fails(tmp_path):
    with Path("/dev/null").open() as writer:
        watch = NodeWatch(tmp_path / "gone", writer.fileno(), 0)
        assert not watch.tells_opens
        assert not watch.take(1)
        watch.close()


MAPPER = "import mmap, time; f = open('{0}', 'r+b'); m = mmap.mmap(f.fileno(), 4096); print(flush=True); time.sleep(60)"


@pytest.mark.parametrize("name", ["node1", "node10"])
def test_who_maps_a_node_streams(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(bytes(4096))
    command = [sys.executable, "-c", MAPPER.format(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert maps(process.pid, Path("/dev") / name)
        assert not maps(process.pid, Path("/dev/node"))
        assert not maps(process.pid, Path("/dev/node100"))
        process.kill()
    assert not maps(process.pid, Path("/dev") / name)


def test_at_a_node_that_is_not_there_nobody_looks():
    assert look(Path("/dev/video9999")) == Look()
