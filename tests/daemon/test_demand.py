"""Without a virtual camera: the worker runs while the page is looked at, or a file is written."""

import threading
import time
import urllib.request
from pathlib import Path

import pytest

from lensd.config import Settings
from lensd.errors import ConfigError
from tests.daemon.conftest import alive

QUIET = ("--camera", "demo", "--lens", "none", "--size", "640x480", "--linger", "0.5")


def by_systemd(daemon):
    daemon.environment["JOURNAL_STREAM"] = "8:1"
    return daemon


def state(daemon):
    return daemon.status()["demand"]["state"]


def test_at_login_no_worker_is_started_and_one_picture_a_second_goes_out(daemon):
    by_systemd(daemon).start(*QUIET, "--output", "none", "--no-preview")
    assert state(daemon) == "off"
    told = daemon.status()
    assert (told["on_air"], told["worker"]["pid"], told["worker"]["generation"]) == ("idle", None, None)
    published, began = told["published"], time.monotonic()
    time.sleep(3)
    assert daemon.status()["published"] - published <= (time.monotonic() - began) + 1.5
    assert "no; the webcam is closed" in daemon.command("status").stdout
    assert daemon.command("switch", "thug-life").stdout == "Lens thug-life was chosen; the camera is idle.\n"


def test_who_starts_it_by_hand_sees_it_at_once(daemon):
    daemon.start(*QUIET, "--output", "none", "--no-preview").until_on_air("worker")
    assert state(daemon) == "lingering"
    assert "closed while nobody looks" in daemon.said()


def test_the_page_counts_while_a_browser_asks_for_pictures(daemon):
    by_systemd(daemon).start(*QUIET, "--output", "none")
    assert state(daemon) == "off"
    daemon.until(lambda: daemon.command("preview").returncode == 0, "the page listens")
    url = daemon.command("preview").stdout.strip().splitlines()[-1]
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(), urllib.request.ProxyHandler({}))
    browser.open(url, timeout=10).close()
    time.sleep(0.3)
    assert state(daemon) == "off", "the page alone asks for nothing"
    picture = url.split("?", 1)[0] + "picture?viewer=abcdefgh&after=0"
    left = threading.Event()

    def look():
        while not left.is_set():
            browser.open(picture, timeout=10).read()

    looker = threading.Thread(target=look)
    looker.start()
    try:
        daemon.until_on_air("worker")
        assert state(daemon) == "on"
        assert "yes: the preview page" in daemon.command("status").stdout
        worker = daemon.worker_pid()
    finally:
        left.set()
        looker.join()
    daemon.until(lambda: state(daemon) == "off", "nobody looks any more")
    daemon.until(lambda: not alive(worker), "the worker is gone")


def test_a_file_is_always_written(daemon, tmp_path):
    by_systemd(daemon).start(*QUIET, "--output", str(tmp_path / "call.mkv"), "--no-preview").until_on_air("worker")
    time.sleep(1)
    assert state(daemon) == "on"
    daemon.end()
    assert (tmp_path / "call.mkv").stat().st_size > 10_000


def test_a_pause_and_nobody_who_looks_are_two_reasons_and_the_pause_shows(daemon):
    by_systemd(daemon).start(*QUIET, "--output", "none", "--no-preview")
    daemon.command("pause")
    assert daemon.status()["on_air"] == "paused"
    daemon.command("resume")
    assert (daemon.status()["on_air"], daemon.worker_pid()) == ("idle", None)


def test_the_keeper_sleeps_while_nobody_looks(daemon):
    by_systemd(daemon).start(*QUIET, "--output", "none", "--no-preview")
    daemon.until(lambda: not daemon.status()["worker"]["pid"], "no worker")

    def turns():
        lines = Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if "ctxt_switches:" in line)

    before, began = turns(), time.monotonic()
    time.sleep(4)
    assert (turns() - before) / (time.monotonic() - began) < 15, "wakes a second"


@pytest.mark.parametrize("seconds", [-1, 4000])
def test_a_grace_out_of_bounds_is_refused(seconds):
    with pytest.raises(ConfigError, match="0 to 3600"):
        Settings(linger_s=seconds)
