"""The whole daemon on this machine, without a virtual camera: it starts, mends itself and ends."""

import contextlib
import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.daemon.conftest import alive

# Nobody looks at an output of none without a page, so the camera would be closed after a while.
DEMO = ("--camera", "demo", "--output", "none", "--no-preview", "--size", "640x480", "--always-on")


def test_the_demo_comes_on_air_and_status_tells_of_it(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    daemon.until(lambda: daemon.status()["fps"] > 20, "frames flow")
    told = daemon.status()
    assert {"lens", "camera", "output", "runtime", "fps", "latency_ms", "readers", "worker", "protocol"} <= told.keys()
    assert told["protocol"] == 1
    assert told["lens"] == "none"
    assert told["output"] == "none"
    assert 0 <= told["latency_ms"]["p50"] < 200
    assert told["worker"]["state"] == "running"
    readable = daemon.command("status")
    assert readable.returncode == 0
    assert "640x480 at 30" in readable.stdout
    assert re.search(r"^faces +0$", readable.stdout, re.MULTILINE)  # lens none looks for none


def test_a_killed_worker_is_replaced_and_the_daemon_says_so(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    first = daemon.worker_pid()
    os.kill(first, signal.SIGKILL)
    daemon.until(lambda: daemon.worker_pid() not in {first, None}, "there is another worker")
    daemon.until_on_air("worker")
    assert daemon.status()["worker"]["restarts"] == 1


def test_a_stopped_worker_is_killed_and_replaced(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    first = daemon.worker_pid()
    os.kill(first, signal.SIGSTOP)
    daemon.until(lambda: daemon.worker_pid() not in {first, None}, "there is another worker")
    daemon.until_on_air("worker")
    assert not alive(first)


def test_a_worker_that_always_dies_ends_in_a_card_with_the_reason(daemon):
    daemon.start(*DEMO, "--lens", "none")
    deadline = time.monotonic() + 60
    while daemon.status()["on_air"] != "stopped":
        assert time.monotonic() < deadline
        if (pid := daemon.worker_pid()) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    told = daemon.status()
    assert told["worker"]["restarts"] >= 5
    assert "worker" in told["worker"]["why"]
    switched = daemon.command("switch", "none")
    assert switched.returncode == 0, switched.stderr
    daemon.until_on_air("worker")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything_and_leaves_nothing_behind(daemon, number):
    daemon.start("--camera", "demo", "--output", "none", "--lens", "none", "--size", "640x480").until_on_air("worker")
    keeper = daemon.process.pid
    children = {int(pid) for pid in Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()}
    assert len(children) >= 2, "worker and page"
    began = time.monotonic()
    assert daemon.end(number) == 0
    assert time.monotonic() - began < 4
    assert not [pid for pid in children if alive(pid)]
    assert not (daemon.home / "runtime/lensd/control.sock").exists()
    assert "Traceback" not in daemon.said()


def test_stop_ends_it(daemon):
    daemon.start(*DEMO, "--lens", "none")
    done = daemon.command("stop")
    assert done.returncode == 0, done.stderr
    assert daemon.process.wait(5) == 0
    again = daemon.command("stop")
    assert again.returncode == 69
    assert again.stderr.splitlines() == ["error: lensd: is not running", "hint:  start it with: lensd run"]


def test_a_killed_keeper_takes_the_worker_with_it_and_can_be_started_again(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    worker = daemon.worker_pid()
    daemon.process.kill()
    daemon.process.wait()
    deadline = time.monotonic() + 5
    while alive(worker):
        assert time.monotonic() < deadline, "the worker lives on without its keeper"
        time.sleep(0.02)
    assert (daemon.home / "runtime/lensd/control.sock").exists()
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")


def test_a_second_daemon_says_that_one_runs_with_its_pid(daemon):
    daemon.start(*DEMO, "--lens", "none")
    second = daemon.command("run", *DEMO)
    assert second.returncode == 75
    assert f"runs already, pid {daemon.process.pid}" in second.stderr
    assert "lensd stop" in second.stderr


def test_an_unknown_lens_is_refused_and_the_old_one_stays(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    refused = daemon.command("switch", "thug-lief")
    assert refused.returncode == 65
    assert "no such lens" in refused.stderr
    assert "thug-life" in refused.stderr
    assert daemon.status()["lens"] == "none"
    at_start = daemon.command("run", "--lens", "nonesuch")
    assert at_start.returncode in {65, 75}


def test_the_last_lens_comes_back_after_a_restart(daemon):
    daemon.start(*DEMO).until_on_air("worker")
    assert daemon.command("switch", "thug-life-overlay").returncode == 0
    daemon.end()
    daemon.start(*DEMO).until_on_air("worker")
    assert daemon.status()["lens"] == "thug-life-overlay"


def test_a_storm_of_switches_ends_with_the_last(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    for name in ("next", "previous", "thug-life-overlay", "none", "nonesuch") * 3:
        daemon.command("switch", name)
    assert daemon.command("switch", "thug-life-overlay").returncode == 0
    assert daemon.status()["lens"] == "thug-life-overlay"
    assert daemon.status()["worker"]["restarts"] == 0


def test_a_camera_that_is_not_there_gives_its_card(daemon):
    daemon.start("--camera", "/dev/video63", "--output", "none", "--no-preview", "--lens", "none")
    daemon.until_on_air("no-camera")
    assert "/dev/video63" in daemon.status()["worker"]["why"]
    assert daemon.status()["published"] > 0


def test_bad_arguments_are_two_lines_and_a_status(daemon):
    for arguments, status, part in (
        (("run", "--size", "1281x720"), 78, "even"),
        (("run", "--size", "wide"), 78, "WIDTHxHEIGHT"),
        (("run", "--fps", "900"), 78, "fps"),
        (("run", "--output", "nowhere"), 78, "output"),
        (("swich", "x"), 2, "Did you mean switch?"),
    ):
        done = daemon.command(*arguments)
        assert done.returncode == status, (arguments, done)
        assert part in done.stderr
        assert "Traceback" not in done.stderr


def test_the_keeper_is_small(daemon):
    daemon.start("--camera", "demo", "--output", "none", "--no-preview", "--lens", "none").until_on_air("worker")
    proc = Path(f"/proc/{daemon.process.pid}")
    told = (proc / "status").read_text().splitlines()
    assert next(int(line.split()[1]) for line in told if line.startswith("VmRSS")) < 60 * 1024
    maps = (proc / "maps").read_text()
    assert not [name for name in ("cv2", "onnxruntime", "torch", "aiohttp", "/PIL/") if name in maps]


def test_status_json_is_one_object(daemon):
    daemon.start(*DEMO)
    assert isinstance(json.loads(daemon.command("status", "--json").stdout), dict)


def test_a_pause_ends_the_worker_and_outlives_a_restart(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    worker = daemon.worker_pid()
    done = daemon.command("pause")
    assert done.returncode == 0, done.stderr
    assert "lensd resume" in done.stdout
    assert daemon.status()["on_air"] == "paused"
    daemon.until(lambda: not alive(worker), "the worker, and with it the webcam, is gone")
    published = daemon.status()["published"]
    daemon.until(lambda: daemon.status()["published"] > published + 5, "the card is published")
    switched = daemon.command("switch", "thug-life-overlay").stdout
    assert switched == "Lens thug-life-overlay was chosen; the camera is paused.\n"
    daemon.process.kill()
    daemon.process.wait()
    daemon.start(*DEMO)
    told = daemon.status()
    assert (told["on_air"], told["paused"], told["worker"]["pid"]) == ("paused", "paused", None)
    assert "lensd resume" in daemon.said()
    assert daemon.command("pause", "--blank").returncode == 0
    assert daemon.status()["on_air"] == "blank"
    assert "on air    blank" in daemon.command("status").stdout
    assert daemon.command("resume").returncode == 0
    daemon.until_on_air("worker")
    told = daemon.status()
    assert (told["paused"], told["lens"], told["worker"]["restarts"]) == (None, "thug-life-overlay", 0)


def test_a_switch_that_a_pause_overtakes_is_a_choice_and_no_failure(daemon):
    daemon.start(*DEMO, "--lens", "none").until_on_air("worker")
    switching = daemon.begin("switch", "thug-life")
    daemon.command("pause")
    out, errors = switching.communicate(timeout=30)
    assert switching.returncode == 0, errors
    assert out in {"Lens thug-life was chosen; the camera is paused.\n", "Lens thug-life is on.\n"}
    assert daemon.status()["lens"] == "thug-life"


def test_a_pause_that_comes_with_the_start_of_a_worker_is_kept_and_one_resume_is_enough(daemon):
    daemon.start(*DEMO, "--lens", "none")
    for _ in range(5):
        daemon.command("pause")
        daemon.command("resume")
    daemon.until_on_air("worker")
    daemon.command("pause")
    assert daemon.status()["worker"] == {
        "pid": None, "state": "paused", "why": "", "generation": None, "restarts": 0
    }  # fmt: skip
