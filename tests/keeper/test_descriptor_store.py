"""What is handed from keeper to keeper, without a camera: the environment, the messages, and the bridge's own words."""

import ctypes
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.keeper import bridge
from lensd.keeper.descriptor_store import DescriptorStore
from lensd.v4l2 import uapi

NODE = Path("/dev/video42")


def test_the_bridge_speaks_the_kernels_language_as_the_rest_of_us():
    assert ctypes.sizeof(uapi.Buffer) == bridge.BUFFER.size
    assert (bridge.QUERYBUF, bridge.QBUF) == (uapi.QUERYBUF, uapi.QBUF)
    ours = uapi.Buffer.from_buffer_copy(bridge._buffer(3, 1_382_400))
    assert (ours.index, ours.type, ours.memory) == (3, uapi.BufferType.OUTPUT, uapi.MEMORY_MMAP)
    assert (ours.bytesused, ours.field) == (1_382_400, uapi.FIELD_NONE)
    theirs = uapi.Buffer(index=2, bytesused=77, length=4096)
    theirs.m.offset, theirs.timestamp.seconds, theirs.timestamp.microseconds = 8192, 5, 6
    told = bridge.BUFFER.unpack(bytes(theirs))
    assert told[bridge._INDEX] == 2
    assert told[bridge._BYTES_USED] == 77
    assert (told[bridge._SECONDS], told[bridge._MICROSECONDS]) == (5, 6)
    assert (told[bridge._OFFSET], told[bridge._LENGTH]) == (8192, 4096)


def test_the_bridge_imports_next_to_nothing():
    program = "import sys; import lensd.keeper.bridge; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {program}"],
                          capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])  # fmt: skip
    assert not {"ctypes", "numpy", "re", "enum", "contextlib", "logging", "socket"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"LISTEN_PID": "ours", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, ["a", "b"]),
        ({"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a"}, []),
        ({"LISTEN_FDS": "1", "LISTEN_FDNAMES": "a"}, []),
        ({"LISTEN_PID": "ours", "LISTEN_FDS": "-1", "LISTEN_FDNAMES": "a"}, []),
        ({"LISTEN_PID": "ours", "LISTEN_FDS": "99999999999", "LISTEN_FDNAMES": "a"}, []),
        ({"LISTEN_PID": "ours", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "a"}, ["a"]),
        ({}, []),
    ],
)
def test_descriptors_for_us_are_taken_and_others_are_not(monkeypatch, variables, names):
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(os.getpid()) if value == "ours" else value)
    assert list(bridge.handed_down()) == names


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listener


def test_a_descriptor_is_kept_under_its_nodes_name_and_dropped_again(systemd, tmp_path):
    store = DescriptorStore()
    with (tmp_path / "x").open("w") as file:
        store.keep(NODE, file.fileno())
        assert store.keeps
        data, (copy,), _, _ = socket.recv_fds(systemd, 1024, 2)
        assert data == b"FDSTORE=1\nFDNAME=output-video42\nFDPOLL=0"
        assert os.path.sameopenfile(copy, file.fileno())
        os.close(copy)
    store.drop(NODE)
    assert systemd.recv(1024) == b"FDSTOREREMOVE=1\nFDNAME=output-video42"
    assert not store.keeps


def test_without_systemd_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    store = DescriptorStore()
    with (tmp_path / "x").open("w") as file:
        store.keep(NODE, file.fileno())
    assert not store.keeps


HANDED = """
import os, sys
from pathlib import Path
from lensd.keeper import bridge
from lensd.keeper.descriptor_store import DescriptorStore
os.environ["LISTEN_PID"] = str(os.getpid())
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[1]), 4)
bridge.begin()  # neither is a camera: nothing comes of it
store = DescriptorStore()
assert "LISTEN_FDS" not in os.environ
assert store.take(Path("/dev/video7")) is None
taken = store.take(Path("/dev/video42"))
assert taken == 3, taken
assert not os.get_inheritable(taken)
store.drop_given()
try:
    os.fstat(4)
except OSError:
    print("closed")
"""


def test_what_was_handed_down_is_taken_once_and_the_rest_is_closed(systemd, tmp_path):
    with (tmp_path / "x").open("w") as file:
        environment = dict(os.environ, LISTEN_FDS="2", LISTEN_FDNAMES="output-video42:output-video9")
        done = subprocess.run([sys.executable, "-c", HANDED, str(file.fileno())], env=environment,
                              pass_fds=(file.fileno(),), capture_output=True, text=True)  # fmt: skip
    assert done.stdout == "closed\n", done.stderr
    assert systemd.recv(1024) == b"FDSTOREREMOVE=1\nFDNAME=output-video42"
    assert systemd.recv(1024) == b"FDSTOREREMOVE=1\nFDNAME=output-video9"
