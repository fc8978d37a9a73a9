"""What is handed from keeper to keeper, without a camera: the environment and the messages."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.keeper.descriptor_store import DescriptorStore, handed_down

NODE = Path("/dev/video42")


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
    assert list(handed_down()) == names


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
        assert store.keeps(NODE)
        assert not store.keeps(NODE.with_name("video43"))
        data, (copy,), _, _ = socket.recv_fds(systemd, 1024, 2)
        assert data == b"FDSTORE=1\nFDNAME=output-video42\nFDPOLL=0"
        assert os.path.sameopenfile(copy, file.fileno())
        os.close(copy)
    store.drop(NODE)
    assert systemd.recv(1024) == b"FDSTOREREMOVE=1\nFDNAME=output-video42"
    assert not store.keeps(NODE)


def test_without_systemd_nothing_is_kept(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    store = DescriptorStore()
    with (tmp_path / "x").open("w") as file:
        store.keep(NODE, file.fileno())
    assert not store.keeps(NODE)


HANDED = """
import os, sys
from pathlib import Path
from lensd.keeper.descriptor_store import DescriptorStore
os.environ["LISTEN_PID"] = str(os.getpid())
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[1]), 4)
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
