"""The keeper's parts, each on its own."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from lensd.errors import AlreadyRunning, ControlError
from lensd.keeper.cards import CARDS, CardBook
from lensd.keeper.instance import InstanceLock, private_folder
from lensd.keeper.restart import MAX_FAILURES, RETRY_S, RestartPolicy


def test_a_first_failure_is_followed_by_a_start_at_once():
    policy = RestartPolicy()
    policy.failed(100.0)
    assert policy.due_s == 100.0


def test_restarts_slow_down_and_five_in_a_minute_give_up():
    policy, delays = RestartPolicy(), []
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
        delays.append(policy.due_s - now)
    assert delays[:-1] == sorted(delays[:-1])
    assert policy.given_up
    assert delays[-1] == RETRY_S


def test_failures_far_apart_never_give_up():
    policy = RestartPolicy()
    for minute in range(20):
        policy.failed(minute * 61.0)
        assert not policy.given_up
        assert policy.due_s == minute * 61.0


def test_a_failed_retry_waits_again():
    policy = RestartPolicy()
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
    policy.failed(MAX_FAILURES + RETRY_S)
    assert policy.given_up
    assert policy.due_s == MAX_FAILURES + 2 * RETRY_S


def test_a_person_who_switches_gets_a_try_at_once():
    policy = RestartPolicy()
    for now in range(MAX_FAILURES):
        policy.failed(float(now))
    policy.forgive()
    assert not policy.given_up
    assert policy.due_s == 0.0


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
        assert len(set(pictures.values())) == len(CARDS)
        book.explain("lens-failed", "the network gave NaN")
        while book.reader("lens-failed").newest_sequence() < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        book.reader("lens-failed").copy_newest(out)
        assert out.tobytes() != pictures["lens-failed"]
    finally:
        book.close()
