"""Networks and GPUs that hang, crash, fill up, get lost or compute nonsense: what a reader sees, and what is said."""

from __future__ import annotations

import time
from pathlib import Path
from typing import get_args

import pytest
from skimage import data

from lensd.config import RuntimeChoice
from lensd.engine.cuda import Gpu
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from lensd.tuning import machine
from lensd.tuning.notes import Measured, Notes
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.injected import Faults
from tests.guest.inside.kernel import NODE, wait_for
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera

SIZE = (640, 480)
LENS = "thug-life"
# A picture of a face for a webcam: the demo's own would have skimage imported at each start of a worker.
PORTRAIT = Path(data.__file__).parent / "astronaut.png"
PROCESSOR, ON_GPU = "onnxruntime", "onnxruntime-cuda"


def begin(daemon: Daemon) -> Daemon:
    words = ("--camera", str(PORTRAIT), "--lens", LENS, "--size", f"{SIZE[0]}x{SIZE[1]}", "--no-preview")
    return settled(daemon.start(*words, "--always-on"))


def told(daemon: Daemon) -> dict:
    return daemon.status()["worker"]


def until_in(daemon: Daemon, runtime: str, timeout_s: float = 20) -> float:
    """Wait until the lens is on air in that runtime, and return how long that took, s."""

    def there() -> bool:
        status = daemon.status()
        return (status["on_air"], status["runtime"]) == ("worker", runtime)

    return wait_for(there, timeout_s, f"{runtime}: {daemon.status()}\n{daemon.log}", every_s=0.05)


@pytest.fixture
def gpu_is_faster(daemon: Daemon, monkeypatch) -> Faults:
    """A daemon that sees a GPU and has measured it to be faster; what else there is was refused."""
    monkeypatch.setattr(machine, "gpu", lambda: Gpu("Fake GPU", (8, 9), 13010))
    package = open_package(find_package(LENS))
    machine.machine.cache_clear()
    rows = [
        Measured(name, "float32", why="left out of this test", at_s=time.time()) for name in get_args(RuntimeChoice)
    ]
    rows += [Measured(ON_GPU, "float32", 1.0, 100.0, 99.0), Measured(PROCESSOR, "float32", 5.0, 100.0, 99.0)]
    Notes(daemon.home / "cache/lensd/runtimes").store(machine.key_of(package), rows)
    return Faults(daemon, gpu=True)


def test_a_gpu_that_fails_gives_way_to_the_processor_without_a_card(loopback, daemon, gpu_is_faster, figure):
    faults = gpu_is_faster
    begin(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        for name, how in (
            ("lost", {"how": "fails", "why": "cudaGraphLaunch: cudaErrorDeviceUnavailable (46)"}),
            ("out of memory", {"how": "fails", "why": "cudaMalloc: cudaErrorMemoryAllocation (2)"}),
            ("NaN, as an empty matte", {"how": "paints", "value": 0}),
            ("NaN, as a full matte", {"how": "paints", "value": 255}),
        ):
            until_in(daemon, ON_GPU)
            seen.wait(30)
            from_ns, generation = time.monotonic_ns(), told(daemon)["generation"]
            faults.engine(runtime=ON_GPU, **how)
            figure(f"GPU, {name}: on the processor after, s", round(until_in(daemon, PROCESSOR), 2))
            seen.wait(30)
            figure(f"GPU, {name}: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
            assert seen.longest_gap_ms(from_ns) <= GAP_MS
            assert told(daemon)["generation"] == generation, "no process died of it"
            [refused] = [row for row in told(daemon)["runtimes"]["refused"] if row["way"] == f"{ON_GPU} float32"]
            assert how.get("why", "") in refused["why"], refused
            faults.none()
            daemon.call("pause")  # the next worker tries the GPU again
            daemon.call("resume")
        assert "lens-failed" not in daemon.log


def test_a_driver_that_takes_the_process_along_is_left_alone_after_the_second_time(
    loopback, daemon, gpu_is_faster, figure
):
    begin(daemon)
    until_in(daemon, ON_GPU)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        gpu_is_faster.engine("crashes", runtime=ON_GPU)
        figure("a driver that crashes: on the processor after, s", round(until_in(daemon, PROCESSOR, 30), 2))
        seen.wait(30)
        figure("a driver that crashes: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
    assert told(daemon)["restarts"] == 2
    assert "the next one runs the lens on the processor" in daemon.log


def test_a_network_that_hangs_is_named_and_another_lens_helps(loopback, daemon, figure):
    """First while it draws; the next worker's while it is loaded, where a plain one would be waited for for ever."""
    faults = Faults(daemon)
    begin(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        faults.engine("hangs")
        took = wait_for(lambda: told(daemon)["restarts"] == 1, 10, "the worker is ended", every_s=0.2)
        figure("a network that hangs: ended after, s", round(took, 1))
        assert f"lens {LENS} in {PROCESSOR} has not answered for" in daemon.log, daemon.log
        until_loading(daemon)
        took = wait_for(lambda: told(daemon)["restarts"] == 2, 40, "that one ends, too", every_s=0.2)
        figure("a lens that hangs while it is loaded: ended after, s", round(took, 1))
        assert f"lens {LENS} was not loaded within 20 s" in daemon.log
        until_loading(daemon)
        assert daemon.call("switch", lens="none")["state"] == "starting"
        figure("a network that hangs: another lens on air after, s", round(settled_in(daemon), 2))
        assert daemon.status()["lens"] == "none"
        seen.wait(30)
        figure("a network that hangs: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS


def until_loading(daemon: Daemon) -> None:
    wait_for(lambda: daemon.status()["on_air"] == "loading", 20, "the next one loads it", every_s=0.2)


def settled_in(daemon: Daemon) -> float:
    return daemon.wait_status(20, "the worker's pictures are on air", on_air="worker")


def test_a_network_that_crawls_runs_on_every_second_frame(loopback, daemon, figure):
    faults = Faults(daemon)
    begin(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        faults.engine("crawls", s=0.06)
        took = wait_for(lambda: told(daemon)["lens_every"] == 2, 20, "every second frame")
        figure("a network of 60 ms: every second frame after, s", round(took, 2))
        figure("a network of 60 ms: pictures a second", f"{seen.wait(30).wait_rate(27):.1f}")
        faults.engine("crawls", s=0.5)
        seen.wait(60)
        faults.none()
        seen.wait(60)
        figure("a network that crawls: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert told(daemon)["restarts"] == 0


def test_a_network_that_fails_for_good_shows_a_card_and_never_the_bare_face(loopback, daemon, figure):
    faults = Faults(daemon)
    begin(daemon)
    with reading.mmap(NODE, *SIZE, keep=0) as seen:
        seen.wait(30)
        from_ns = time.monotonic_ns()
        faults.engine("fails", why="the runtime has gone mad")
        took = daemon.wait_status(20, "the card", on_air="lens-failed")
        figure("a network that fails for good: card after, s", round(took, 2))
        assert "the runtime has gone mad" in told(daemon)["why"]
        faults.none()
        figure("a network that works again: on air after, s", round(settled_in(daemon), 2))
        seen.wait(30)
        figure("a network that fails: longest gap, ms", round(seen.longest_gap_ms(from_ns)))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert told(daemon)["restarts"] == 0
