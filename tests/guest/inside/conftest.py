"""Fixtures of the tests that run inside the camera guest. Each test begins with the module freshly loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lensd.ports import FrameSink
from lensd.virtualcam import LABEL, open_sink
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.kernel import NODE, load_loopback, unload_loopback
from tests.guest.inside.writing import HD


@pytest.fixture
def loopback() -> Iterator[Path]:
    """The node of "SnapLens Camera", of a module loaded as lensd/setup/systemd/modprobe.d has it.

    Afterwards the module is unloaded, which fails where something still holds the device.
    """
    load_loopback()
    yield NODE
    unload_loopback()


@pytest.fixture
def two_outputs() -> Iterator[tuple[Path, Path]]:
    """As `loopback`, with a second camera of ours, "SnapLens Camera 2", for a second reader."""
    load_loopback((LABEL, f"{LABEL} 2"))
    yield NODE, NODE.with_name("video11")
    unload_loopback()


@pytest.fixture
def two_loopbacks() -> Iterator[tuple[Path, Path]]:
    """As `loopback`, with a second device called "Face Webcam" to feed as a webcam: (ours, the webcam)."""
    load_loopback((LABEL, "Face Webcam"))
    yield NODE, NODE.with_name("video11")
    unload_loopback()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon to be started by the test; ended after it. Name it after `loopback` in the test's arguments."""
    daemon = Daemon(tmp_path)
    yield daemon
    daemon.end()


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str, object], None]:
    """Records a measured figure, which the host prints: figure("latency p50", "12.3 ms")."""
    return lambda name, value: record_property(f"figure:{name}", value)


@pytest.fixture
def sink(loopback: Path) -> Iterator[FrameSink]:
    """Our own sink on the freshly loaded module, closed at the end whatever happens."""
    sink = open_sink("auto", HD)
    yield sink
    sink.close()
