"""Several cameras of ours, one for each program that reads at once: v4l2loopback 0.14 and later."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from lensd.frames import U8
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import bars, bars_feed
from tests.guest.inside.kernel import is_camera, wait_for
from tests.guest.inside.looking import begin, wait_until
from tests.guest.inside.service import Service
from tests.guest.inside.test_guest_end_to_end import GAP_MS, bars_on_vivid, settled, worst_vivid_bar

pytestmark = pytest.mark.camera

__all__ = ["bars_on_vivid"]  # a fixture

RESTART_GAP_MS = 1000


def labels(daemon: Daemon) -> list[str]:
    return [output["label"] for output in daemon.status()["outputs"] if output["name"]]


def test_two_programs_look_at_once_and_the_one_that_leaves_takes_nothing_along(
    two_outputs: tuple[Path, Path], bars_on_vivid: Path, daemon: Daemon, figure
) -> None:
    begin(daemon, bars_on_vivid)
    assert labels(daemon) == ["SnapLens Camera", "SnapLens Camera 2"]
    assert all(is_camera(node) for node in two_outputs)
    with contextlib.ExitStack() as first_reads:
        first = first_reads.enter_context(reading.mmap(two_outputs[0]))
        with reading.mmap(two_outputs[1]) as second:
            settled(daemon)
            wait_until(daemon, "on")
            for name, seen in (("first", first), ("second", second)):
                figure(f"rate at the {name} of two readers", f"{seen.wait(30).wait_rate(27):.1f} of 30")
                assert worst_vivid_bar(seen.pictures[-1]) <= 4
            assert daemon.status()["demand"]["streaming"] == 2
            assert "/dev/video11" in daemon.command("status").stdout
            first_reads.close()
            left_ns = time.monotonic_ns()
            second.wait(90)
            figure("longest gap at the second as the first leaves, ms", round(second.longest_gap_ms(left_ns)))
            assert second.longest_gap_ms(left_ns) <= GAP_MS
            assert worst_vivid_bar(second.pictures[-1]) <= 4
            assert daemon.status()["demand"] | {"readers": 0} == {
                "state": "on", "always_on": False, "streaming": 1, "viewers": 0, "pipewire": 0, "told_by": "driver",
                "readers": 0,
            }  # fmt: skip
    wait_until(daemon, "off")


def test_a_second_camera_that_another_program_writes_into_is_nothing_to_the_first(
    two_outputs: tuple[Path, Path], bars_on_vivid: Path, daemon: Daemon, figure
) -> None:
    """Whether somebody writes takes 0.3 s to see, each second: that has to happen beside the first one's pictures."""
    with bars_feed(two_outputs[1], codec="rawvideo"):
        begin(daemon, bars_on_vivid)
        assert labels(daemon) == ["SnapLens Camera"]
        assert "another program writes into it" in daemon.command("status").stdout
        with reading.mmap(two_outputs[0]) as seen:
            settled(daemon)
            from_ns = time.monotonic_ns()
            seen.wait(100)
            figure("longest gap beside a camera that is taken, ms", round(seen.longest_gap_ms(from_ns)))
            assert seen.longest_gap_ms(from_ns) <= GAP_MS
    wait_for(lambda: len(labels(daemon)) == 2, 10, "the second is ours when the other program ends")


def test_readers_of_both_stream_through_a_restart(
    two_outputs: tuple[Path, Path], bars_on_vivid: Path, daemon: Daemon, tmp_path: Path, figure
) -> None:
    service, settings = Service(daemon, tmp_path), {"camera": str(bars_on_vivid), "lens": "none", "preview": False}
    try:
        service.start(**settings).ready()
        wait_for(lambda: len(service.stored) == 2, 5, "both descriptors are stored")
        with reading.mmap(two_outputs[0]) as first, reading.mmap(two_outputs[1]) as second:
            settled(daemon)
            first.wait(30)
            from_ns = time.monotonic_ns()
            daemon.stop()
            service.start(**settings).ready()
            settled(daemon)
            for name, seen in (("first", first), ("second", second)):
                seen.wait(30)
                assert not seen.problem
                figure(f"restart: longest gap at the {name}, ms", round(seen.longest_gap_ms(from_ns)))
                assert seen.longest_gap_ms(from_ns) <= RESTART_GAP_MS
        assert "cannot go on" not in daemon.log
    finally:
        daemon.end()
        service.close()


def test_the_kernel_announces_a_camera_again_once_it_is_one(
    loopback: Path, bars_on_vivid: Path, daemon: Daemon
) -> None:
    """That is what `udevadm trigger --action=change` does, and what a permission in sysfs lets the group video do."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 15) as kernel:  # NETLINK_KOBJECT_UEVENT
        kernel.bind((0, 1))
        kernel.settimeout(10)
        daemon.start("--camera", str(bars_on_vivid), "--lens", "none", "--no-preview")
        while not (told := kernel.recv(8192)).startswith(b"change@"):
            pass
    assert told.split(b"\0")[0].endswith(b"/video4linux/" + os.fsencode(loopback.name))
    assert is_camera(loopback)


def test_both_show_the_same_picture(two_outputs: tuple[Path, Path]) -> None:
    from lensd.frames import VideoFormat
    from lensd.keeper.publisher import Publisher
    from lensd.shared_picture import SharedPictureReader, SharedPictureWriter, create_shared_picture

    descriptor = create_shared_picture("test", 1280, 720)
    publisher = Publisher("auto", VideoFormat(1280, 720, 30), time.monotonic_ns())
    writer, pictures = SharedPictureWriter(descriptor), dict[Path, list[U8]]()
    publisher.show(SharedPictureReader(descriptor, marks=True))
    with contextlib.ExitStack() as readers:
        for node in two_outputs:
            pictures[node] = []
            take = lambda seen, _, node=node: pictures[node].append(seen[::997].copy())  # noqa: E731
            readers.enter_context(reading.mmap(node, keep=0, on_picture=take))
        for shift in range(40):
            writer.slot().data[:] = np.roll(bars(1280, 720), shift * 20)
            writer.publish(shift)
            publisher.picture_ready(time.monotonic_ns())
            time.sleep(0.03)
    publisher.close()
    os.close(descriptor)
    one, other = ([picture.tobytes() for picture in pictures[node]] for node in two_outputs)
    assert len(set(one) & set(other)) >= 30
