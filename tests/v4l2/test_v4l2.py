"""V4L2's numbers, and listing devices while they come and go. What needs a kernel is in tests/guest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.v4l2 import controls, device, nodes, uapi
from lensd.v4l2.buffers import MappedBuffers
from lensd.v4l2.holders import count_readers, holders
from lensd.v4l2.uapi import BufferType

# As the kernel's own header has them on 64 bits (linux/videodev2.h of 6.1, printed by a C program).
REQUESTS = {
    "QUERYCAP": 0x80685600,
    "ENUM_FMT": 0xC0405602,
    "G_FMT": 0xC0D05604,
    "S_FMT": 0xC0D05605,
    "REQBUFS": 0xC0145608,
    "QUERYBUF": 0xC0585609,
    "QBUF": 0xC058560F,
    "DQBUF": 0xC0585611,
    "STREAMON": 0x40045612,
    "STREAMOFF": 0x40045613,
    "G_PARM": 0xC0CC5615,
    "S_PARM": 0xC0CC5616,
    "TRY_FMT": 0xC0D05640,
    "ENUM_FRAMESIZES": 0xC02C564A,
    "ENUM_FRAMEINTERVALS": 0xC034564B,
    "DQEVENT": 0x80885659,
    "SUBSCRIBE_EVENT": 0x4020565A,
}


@pytest.mark.skipif(sys.maxsize < 1 << 32, reason="the numbers carry the sizes of 64-bit structures")
@pytest.mark.parametrize(("name", "number"), REQUESTS.items())
def test_a_request_has_the_kernels_number(name, number):
    assert getattr(uapi, name) == number


@pytest.mark.parametrize("code", ["YU12", "MJPG", "YUYV", "Y16 "])
def test_four_letter_codes_go_both_ways(code):
    assert uapi.fourcc_text(uapi.fourcc(code)) == code


def test_unprintable_codes_do_not_reach_a_terminal():
    assert uapi.fourcc_text(0x0A1B4141) == "AA??"


def test_what_is_no_video_device_raises_the_kernels_error():
    descriptor = os.open("/dev/null", os.O_RDWR)
    try:
        with pytest.raises(OSError, match="Inappropriate ioctl"):
            device.query_capability(descriptor)
        with pytest.raises(OSError, match="Inappropriate ioctl"):
            MappedBuffers(descriptor, BufferType.OUTPUT, 4)
        assert not list(device.pixel_formats(descriptor, BufferType.CAPTURE))
    finally:
        os.close(descriptor)


def test_devices_are_listed_by_number_and_vanished_ones_left_out(tmp_path, monkeypatch):
    for name, card in (("video10", "SnapLens Camera\n"), ("video2", "Integrated Camera\n"), ("v4l-touch0", "Pad\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(card)
    (tmp_path / "video1").mkdir()  # its name is gone already
    monkeypatch.setattr(nodes, "SYSFS", tmp_path)
    assert nodes.list_names() == [
        (Path("/dev/video2"), "Integrated Camera"),
        (Path("/dev/video10"), "SnapLens Camera"),
        (Path("/dev/v4l-touch0"), "Pad"),
    ]


def test_a_system_without_any_camera_has_an_empty_list(tmp_path, monkeypatch):
    monkeypatch.setattr(nodes, "SYSFS", tmp_path / "none")
    assert nodes.list_names() == []
    assert list(nodes.enumerate_nodes()) == []


def test_a_device_that_is_in_sysfs_but_not_in_dev_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "video9999").mkdir()
    (tmp_path / "video9999" / "name").write_text("Of another container")
    monkeypatch.setattr(nodes, "SYSFS", tmp_path)
    assert list(nodes.enumerate_nodes()) == []


def test_a_process_that_has_a_node_open_counts_once():
    node = Path("/dev/full")
    before = count_readers(node)
    program = "import sys; files = [open('/dev/full') for _ in range(3)]; print(); sys.stdout.flush(); sys.stdin.read()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process, node.open():
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        assert count_readers(node) == before + 1  # and we ourselves do not count
        assert process.pid in {holder.pid for holder in holders(node)}
        process.stdin.close()
        process.wait(10)
    assert count_readers(node) == before


def test_a_node_that_does_not_exist_has_no_readers():
    assert count_readers(Path("/dev/video9999")) == 0


def test_the_requests_of_controls_have_the_kernels_numbers():
    told = controls._G_CTRL, controls._S_CTRL, controls._QUERYCTRL, controls._QUERYMENU
    assert told == (0xC008561B, 0xC008561C, 0xC0445624, 0xC02C5625)
    assert controls._typed("White Balance Temperature, Auto") == "white_balance_temperature_auto"
