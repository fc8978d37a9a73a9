"""The page's process: what it needs, how it ends, and that nobody else minds."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lensd.errors import LensError
from lensd.page.process import USUAL_PORT, listen
from tests.page.lens_packages import write_lens
from tests.page.standin_keeper import Browser, StandInKeeper

END_S = 2  # it takes 0.05 to 0.3 s; the rest is for a busy machine


def ended_within(process, timeout_s=END_S):
    begun_s = time.monotonic()
    process.wait(timeout_s)
    return time.monotonic() - begun_s


def look(browser):
    response, _ = browser.get("/picture?viewer=viewer01&after=0")
    assert response.status == 200


def test_it_ends_at_once_when_its_keeper_has_gone(mortal, source):
    mortal.show(source)
    browser = Browser(mortal.address()).enter()
    look(browser)
    mortal.hang_up()
    ended_within(mortal.process)
    assert mortal.process.returncode == 0
    browser.close()


def test_sigterm_ends_it_while_it_is_looked_at_and_a_switch_waits(mortal, source):
    mortal.show(source)
    mortal.slow["slow"] = 30
    clients = [Browser(mortal.address()).enter() for _ in range(2)]
    look(clients[0])
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(clients[1].post("/switch", '{"lens": "slow"}')))
    waiting.start()
    while not any(request["method"] == "switch" for request in mortal.requests):
        time.sleep(0.01)
    mortal.process.send_signal(signal.SIGTERM)
    ended_within(mortal.process)
    assert mortal.process.returncode == 0
    waiting.join()
    ((response, body),) = answers
    assert response.status == 503
    assert b"has ended" in body
    for client in clients:
        client.close()
    assert "Traceback" not in mortal.close()


def test_its_death_costs_the_camera_nothing(mortal, source):
    mortal.show(source)
    browser = Browser(mortal.address()).enter()
    look(browser)
    mortal.process.kill()
    mortal.process.wait()
    before = source.written
    time.sleep(0.5)
    assert source.written > before
    browser.close()


def test_it_is_killed_with_its_parent_even_if_somebody_holds_the_socket():
    ours, theirs = socket.socketpair()
    start = (
        "import subprocess, sys, time; fd = int(sys.argv[1]);"
        "page = subprocess.Popen([sys.executable, '-m', 'lensd.page', '--control', str(fd)], pass_fds=(fd,));"
        "print(page.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", start, str(theirs.fileno())], pass_fds=(theirs.fileno(),), stdout=subprocess.PIPE
    ) as parent:
        page = int(parent.stdout.readline())
        pid_fd = os.pidfd_open(page)
        ours.settimeout(20)
        assert json.loads(ours.recv(4096))["event"] == "ready"
        parent.kill()
    poll = __import__("select").poll()
    poll.register(pid_fd, 1)
    assert poll.poll(END_S * 1000), "the page outlived its parent"
    for descriptor in (ours, theirs):
        descriptor.close()
    os.close(pid_fd)


@pytest.mark.parametrize("line", [b"garbage\n", b"[]\n", b"x" * 70_000, b"\xff\n"])
def test_a_keeper_that_speaks_garbage_is_left(lenses, line):
    standin = StandInKeeper(data_home=lenses.parents[1])
    standin.event("ready")
    standin.send_raw(line)
    ended_within(standin.process)
    assert standin.process.returncode == 0
    assert "Traceback" not in standin.close()


@pytest.mark.parametrize(
    "message", [{}, {"event": "show"}, {"event": None}, {"event": "new"}, {"id": 77, "result": {}}, {"id": []}]
)
def test_what_it_does_not_know_is_passed_over(keeper, browser, message):
    keeper.send(message)
    assert browser.get("/status")[0].status == 200


def test_the_usual_port_is_taken_if_it_is_free_and_else_another():
    first = listen()
    second = listen()
    assert second.getsockname()[1] not in {USUAL_PORT, first.getsockname()[1]}
    assert {first.getsockname()[0], second.getsockname()[0]} == {"127.0.0.1"}
    first.close()
    second.close()


def test_two_pages_run_side_by_side_and_do_not_share_sessions(mortal, keeper):
    one, other = Browser(keeper.address()).enter(), Browser(mortal.address()).enter()
    assert one.host != other.host
    other.cookie = one.cookie
    assert other.get("/")[0].status == 403
    one.close()
    other.close()


def test_a_switch_reaches_the_keeper_and_a_refused_one_says_why(browser, keeper, lenses):
    for name in ("red", "broken"):
        write_lens(lenses, name, name.title(), (255, 0, 0))
    keeper.broken["broken"] = LensError("lens broken", "its network is damaged", "get it again")
    names = [lens["name"] for lens in json.loads(browser.get("/lenses")[1])]
    assert {"none", "red", "broken"} <= set(names)
    response, body = browser.post("/switch", '{"lens": "red"}')
    assert (response.status, json.loads(body)) == (200, {"lens": "red"})
    assert keeper.requests[-1]["params"] == {"lens": "red"}
    response, body = browser.post("/switch", '{"lens": "broken"}')
    assert response.status == 409
    assert json.loads(body) == {
        "error": {"what": "lens broken", "why": "its network is damaged", "hint": "get it again"}
    }
    assert json.loads(browser.get("/status")[1])["lens"] == "red"


def test_a_switch_that_takes_long_blocks_nobody_else(browser, keeper, source):
    keeper.show(source)
    keeper.slow["heavy"] = 1.5
    other = Browser(keeper.address()).enter()
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(other.post("/switch", '{"lens": "heavy"}')[0].status))
    waiting.start()
    number = 0
    for _ in range(10):
        response, _ = browser.get(f"/picture?viewer=viewer01&after={number}")
        number = int(response.getheader("X-Picture-Number"))
        assert browser.get("/status")[0].status == 200
    assert answers == []
    waiting.join()
    assert answers == [200]
    other.close()


def test_a_keeper_that_does_not_answer_is_said_and_the_picture_goes_on(browser, keeper, source):
    keeper.show(source)
    keeper.deaf.add("status")
    response, body = browser.get("/status")
    keeper.deaf.clear()
    assert response.status == 503
    assert json.loads(body)["error"]["why"] == "did not answer within 5 s"
    look(browser)


def memory_mb(process):
    fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE))
    return int(fields["RssAnon"]) / 1024, int(fields["VmRSS"]) / 1024


def test_it_is_light_and_loads_what_it_needs_only_when_it_needs_it(mortal, source):
    mortal.show(source)
    libraries = Path(f"/proc/{mortal.process.pid}/maps")
    text = libraries.read_text()
    assert not any(name in text for name in ("cv2", "onnxruntime", "torch", "/av/", "PIL"))
    own_mb, all_mb = memory_mb(mortal.process)
    assert own_mb < 50  # measured: 30
    assert all_mb < 75  # measured: 49
    browser = Browser(mortal.address()).enter()
    for _ in range(5):
        look(browser)
    text = libraries.read_text()
    assert "cv2" in text
    assert not any(name in text for name in ("onnxruntime", "torch", "/av/", "PIL"))
    own_mb, all_mb = memory_mb(mortal.process)
    assert own_mb < 80  # measured: 42
    assert all_mb < 140  # measured: 88, of which OpenCV's 40 are the worker's too
    browser.close()


def test_without_its_socket_it_says_so_and_fails():
    done = subprocess.run(
        [sys.executable, "-m", "lensd.page", "--control", "0"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert b"cannot run" in done.stderr
    assert b"Traceback" not in done.stderr
