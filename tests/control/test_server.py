"""A real server on a real socket, driven as the keeper drives it."""

import contextlib
import gc
import json
import selectors
import socket
import stat
import threading
import weakref
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lensd.control.client import RemoteError, call
from lensd.control.connection import Connection
from lensd.control.server import MAX_CLIENTS, ControlServer
from lensd.errors import ControlError, DaemonNotRunning, LensError, ProtocolError


class Running:
    """A server in a thread, with a handler that knows three methods."""

    def __init__(self, path):
        self.path, self.selector, self.ended, self.late = path, selectors.DefaultSelector(), False, []
        self.answers_due = threading.Event()
        self.server = ControlServer(path, self.selector, self.handle)
        self.thread = threading.Thread(target=self.loop)
        self.thread.start()

    def handle(self, request, answer):
        if request.method == "echo":
            answer(request.params)
        elif request.method == "refuse":
            raise LensError("lens toon", "there is no such lens", "lensd lenses")
        elif request.method == "late":
            self.late.append(answer)
        else:
            raise ProtocolError("method", "unknown")

    def loop(self):
        while not self.ended:
            for key, mask in self.selector.select(0.02):
                key.data(mask)
            if self.answers_due.is_set():
                self.late.pop(0)({"done": True})
                self.answers_due.clear()

    def close(self):
        self.ended = True
        self.thread.join()
        self.server.close()
        self.selector.close()


@pytest.fixture
def running(tmp_path):
    server = Running(tmp_path / "control.sock")
    yield server
    server.close()
    assert not server.path.exists()


def test_a_request_is_answered(running):
    assert call("echo", {"a": [1, "ü"]}, path=running.path) == {"a": [1, "ü"]}


def test_a_refusal_arrives_with_all_its_words(running):
    with pytest.raises(RemoteError) as caught:
        call("refuse", path=running.path)
    error = caught.value
    assert (error.what, error.why, error.hint) == ("lens toon", "there is no such lens", "lensd lenses")
    assert error.remote_code == "lens"
    assert error.exit_status == LensError.exit_status


def test_the_socket_is_for_its_user_only(running):
    assert stat.S_IMODE(running.path.stat().st_mode) == 0o600


def test_no_daemon_says_how_to_start_one(tmp_path):
    with pytest.raises(DaemonNotRunning) as caught:
        call("status", path=tmp_path / "control.sock")
    assert "lensd run" in caught.value.hint


def test_a_socket_that_a_dead_daemon_left_is_replaced(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(DaemonNotRunning):
        call("echo", path=path)
    server = Running(path)
    assert call("echo", {"x": 1}, path=path) == {"x": 1}
    server.close()


def test_an_answer_may_come_later(running):
    result = []
    asking = threading.Thread(target=lambda: result.append(call("late", path=running.path)))
    asking.start()
    while not running.late:
        assert asking.is_alive()
    assert call("echo", {"x": 2}, path=running.path) == {"x": 2}, "others are served meanwhile"
    running.answers_due.set()
    asking.join()
    assert result == [{"done": True}]


def test_an_answer_to_a_client_that_has_gone_is_dropped(running):
    with pytest.raises(ControlError, match="did not answer"):
        call("late", path=running.path, timeout_s=0.2)
    running.answers_due.set()
    assert call("echo", {"x": 3}, path=running.path) == {"x": 3}


def test_a_client_of_another_protocol_is_told_so(running):
    with socket.socket(socket.AF_UNIX) as old:
        old.connect(str(running.path))
        old.sendall(json.dumps({"id": 1, "protocol": 0, "method": "echo"}).encode() + b"\n")
        message = json.loads(old.recv(65536))
    assert message["error"]["code"] == "protocol"
    assert message["id"] == 1


def test_a_daemon_of_another_protocol_is_named(tmp_path):
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX) as newer:
        newer.bind(str(path))
        newer.listen()

        def answer():
            peer, _ = newer.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b'{"id":1,"protocol":7,"version":"9.0","result":{}}\n')

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ProtocolError, match=r"9\.0"):
            call("status", path=path)
        thread.join()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=2000))
def test_garbage_on_the_socket_costs_its_sender_only(running, garbage):
    with socket.socket(socket.AF_UNIX) as vandal:
        vandal.connect(str(running.path))
        vandal.sendall(garbage)
    assert call("echo", {"x": 4}, path=running.path) == {"x": 4}


def test_a_client_that_floods_without_reading_is_dropped(running):
    with socket.socket(socket.AF_UNIX) as flood:
        flood.settimeout(5)
        flood.connect(str(running.path))
        line = json.dumps({"id": 1, "protocol": 1, "method": "echo", "params": {"x": "y" * 3000}}).encode() + b"\n"
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(5000):
                flood.sendall(line)
    assert call("echo", {"x": 5}, path=running.path) == {"x": 5}


def connect(client, path):
    """A full backlog refuses a Unix socket at once, unlike a network's."""
    while True:
        try:
            client.connect(str(path))
        except BlockingIOError:
            continue
        return


def test_more_clients_than_allowed_are_refused_and_the_rest_go_on(running):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(MAX_CLIENTS + 8)]
        for client in clients:
            client.settimeout(5)
            connect(client, running.path)
        assert clients[-1].recv(10) == b"", "the last is one too many"
        clients[0].sendall(b'{"id":1,"protocol":1,"method":"echo"}\n')
        assert b"result" in clients[0].recv(4096)


def test_descriptors_do_not_leak(running):
    call("echo", path=running.path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(50):
        call("echo", path=running.path)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_a_closed_connection_lets_go_of_who_listened():
    """Else a dead worker's shared pictures stay until Python looks for circles: 1.4 to 4 MB and a descriptor each."""

    class Owner:
        def __init__(self, peer, selector):
            self.connection = Connection(peer, selector, self.take, self.gone)

        def take(self, message):
            raise AssertionError(message)

        def gone(self):
            self.connection.close()

    ours, theirs = socket.socketpair()
    gc.disable()
    try:
        with selectors.DefaultSelector() as selector, ours:
            for close in (lambda owner: owner.connection.close(), lambda owner: owner.connection._end()):
                owner = Owner(theirs.dup(), selector)
                still = weakref.ref(owner)
                close(owner)
                del owner
                assert still() is None
    finally:
        gc.enable()
        theirs.close()
