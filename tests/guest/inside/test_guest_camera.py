"""Webcams as sources, on real drivers: vivid, and a second loopback device that ffmpeg feeds.

With v4l2loopback 0.15: 0.12.7 gives a reader that was there before nothing until a new writer has caught up with the
old one's count, and lets no second writer in where nobody reads.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lensd.camera.decode import Decoder
from lensd.camera.find import list_cameras
from lensd.camera.open_source import open_source
from lensd.camera.webcam import Webcam
from lensd.errors import CameraBusy, CameraError, CameraMissing, SourceTimeout
from lensd.frames import Picture, PixelFormat, RawFrame, VideoFormat
from lensd.ports import FrameSource
from tests.guest.inside.feeding import BARS, bars_feed, worst_bar
from tests.guest.inside.kernel import plug_webcam, set_controls, unplug_webcam, webcam
from tests.guest.inside.processes import running

pytestmark = pytest.mark.camera

HD = VideoFormat(1280, 720, 30)
ENOUGH_FPS = 27
Figure = Callable[[str, object], None]


@pytest.fixture
def vivid() -> Iterator[Path]:
    """The webcam's node, with colour bars and nothing wrong; whole again afterwards."""
    plug_webcam()
    node = webcam()
    assert node is not None
    set_controls(node, test_pattern=0, percentage_of_dropped_buffers=0)
    yield node
    plug_webcam()
    node = webcam()
    assert node is not None
    set_controls(node, percentage_of_dropped_buffers=0)


def watch(source: FrameSource, seconds: float = 3) -> tuple[list[RawFrame], list[float], Picture]:
    """Read and decode for some time: the frames (their data is gone), their ages in ms, and the last picture.

    The guest has one processor, and the host may be busy: the best of three times counts.
    """
    decoder, picture = Decoder(HD), Picture(HD.width, HD.height)
    decoder.decode(source.read(3), picture)  # the first costs the decoder's start
    frames: list[RawFrame] = []
    ages: list[float] = []
    for _ in range(3):
        frames, ages, end = [], [], time.monotonic() + seconds
        while time.monotonic() < end:
            frame = source.read(1)
            ages.append((time.monotonic_ns() - frame.captured_ns) / 1e6)
            decoder.decode(frame, picture)
            frames.append(frame)
        if rate(frames) >= ENOUGH_FPS:
            break
    return frames, ages, picture


def rate(frames: list[RawFrame]) -> float:
    return (len(frames) - 1) / (frames[-1].captured_ns - frames[0].captured_ns) * 1e9


def test_a_yuyv_webcam_gives_bars_at_30_a_second(vivid: Path, figure: Figure) -> None:
    source = open_source("auto", HD)
    assert (source.name, source.format) == ("vivid", HD)
    frames, ages, picture = watch(source)
    source.close()
    assert {frame.pixel_format for frame in frames} == {PixelFormat.YUYV}
    figure("vivid 720p YUYV", f"{rate(frames):.1f} fps, age p50 {statistics.median(ages):.2f} ms")
    assert rate(frames) >= ENOUGH_FPS
    assert statistics.median(ages) < 15
    sequences = [frame.sequence for frame in frames]
    assert sequences == sorted(set(sequences))
    for number, colour in enumerate((*BARS, (16, 128, 128))):
        x = 1280 * (2 * number + 1) // 16
        patch = picture.y[300:316, x - 8 : x + 8], picture.u[150:158, x // 2 - 4 : x // 2 + 4]
        assert np.abs(patch[0].astype(int) - colour[0]).max() <= 4, number
        assert np.abs(patch[1].astype(int) - colour[1]).max() <= 4, number
        assert np.abs(picture.v[150:158, x // 2 - 4 : x // 2 + 4].astype(int) - colour[2]).max() <= 4, number


@pytest.mark.parametrize("size", [(640, 480), (1920, 1080), (1000, 600)])
def test_the_nearest_size_is_taken(vivid: Path, size: tuple[int, int]) -> None:
    source = Webcam(vivid, VideoFormat(*size, 15))
    wanted = {(640, 480): (640, 480), (1920, 1080): (1920, 1080), (1000, 600): (1280, 720)}[size]
    assert (source.format.width, source.format.height, source.format.fps) == (*wanted, 15)
    frame = source.read(2)
    assert (frame.width, frame.height) == wanted
    source.close()


def test_a_frame_stays_valid_until_two_more_were_read(vivid: Path) -> None:
    set_controls(vivid, test_pattern=0)
    source = Webcam(vivid, VideoFormat(640, 480, 30))
    source.read(2)
    for _ in range(10):
        frame = source.read(1)
        before = bytes(frame.data)
        source.read(1)
        assert bytes(frame.data) == before  # vivid draws its frame counter into each picture
        source.read(1)
        with pytest.raises(CameraError, match="too late"):
            Decoder(HD).decode(frame, Picture(1280, 720))
    source.close()


def test_a_reader_that_was_away_gets_the_newest_frame(vivid: Path) -> None:
    source = Webcam(vivid, VideoFormat(640, 480, 30))
    source.read(2)
    time.sleep(0.5)
    frame = source.read(1)
    assert (time.monotonic_ns() - frame.captured_ns) / 1e9 < 0.45
    ages = [(time.monotonic_ns() - source.read(1).captured_ns) / 1e6 for _ in range(10)]
    assert statistics.median(ages) < 20
    source.close()


def test_an_unplugged_webcam_is_missing_within_a_second_and_comes_back(vivid: Path) -> None:
    source = Webcam(vivid, HD)
    source.read(2)
    unplug_webcam()
    start = time.monotonic()
    with pytest.raises(CameraMissing, match="unplugged"):
        for _ in range(100):
            source.read(0.2)
    assert time.monotonic() - start < 1
    source.close()
    with pytest.raises(CameraMissing):
        open_source("vivid", HD)
    plug_webcam()
    source = open_source("vivid", HD)
    assert source.read(2).width == 1280
    source.close()


def test_nothing_is_held_after_close_even_where_a_frame_is_kept(vivid: Path) -> None:
    source = Webcam(vivid, HD)
    kept = source.read(2)
    source.close()
    held = [link for link in Path("/proc/self/fd").iterdir() if str(vivid) in os.path.realpath(link)]
    assert not held
    again = Webcam(vivid, HD)  # another size would be refused while buffers are allocated
    assert again.read(2).width == kept.width
    again.close()


def test_a_busy_webcam_says_who_uses_it(vivid: Path) -> None:
    command = ["v4l2-ctl", "-d", vivid, "--stream-mmap"]
    with running(command, stderr=subprocess.PIPE) as holder:
        assert b"<" in iter(lambda: holder.stderr.read(1), b"")  # its sign for a frame
        with pytest.raises(CameraBusy) as caught:
            open_source("auto", HD)
        assert f"v4l2-ctl (pid {holder.pid})" in caught.value.why
        info = next(each for each in list_cameras() if each.path == vivid)
        assert [each.pid for each in info.used_by] == [holder.pid]
    Webcam(vivid, HD).close()  # free again


def test_a_webcam_that_drops_all_frames_times_out_and_recovers(vivid: Path) -> None:
    source = Webcam(vivid, HD)
    source.read(2)
    set_controls(vivid, percentage_of_dropped_buffers=100)
    time.sleep(0.3)
    with pytest.raises(SourceTimeout, match="vivid"):
        for _ in range(8):  # what was under way may still come
            source.read(0.5)
    set_controls(vivid, percentage_of_dropped_buffers=0)
    assert source.read(2).width == 1280
    source.close()


@pytest.mark.parametrize("control", ["inject_vidioc_streamon_error", "inject_vidioc_reqbufs_error"])
def test_a_driver_that_fails_is_a_camera_error_and_works_again(vivid: Path, control: str) -> None:
    set_controls(vivid, **{control: 1})
    with pytest.raises(CameraError, match="vivid"):
        Webcam(vivid, HD)
    source = Webcam(vivid, HD)
    assert source.read(2).width == 1280
    source.close()


def test_a_stream_that_breaks_is_a_camera_error(vivid: Path) -> None:
    source = Webcam(vivid, HD)
    source.read(2)
    set_controls(vivid, inject_fatal_streaming_error=1)
    with pytest.raises(CameraError) as caught:
        for _ in range(20):
            source.read(0.2)
    assert not isinstance(caught.value, SourceTimeout)
    source.close()
    source = Webcam(vivid, HD)
    assert source.read(2).width == 1280
    source.close()


@pytest.mark.parametrize("codec", ["mjpeg", "rawvideo"])
def test_a_webcam_fed_by_another_program_gives_right_bars(
    two_loopbacks: tuple[Path, Path], codec: str, figure: Figure
) -> None:
    _, node = two_loopbacks
    with bars_feed(node, codec=codec):
        source = open_source("face web", HD)
        assert source.name == "Face Webcam"
        frames, ages, picture = watch(source)
        source.close()
    wanted = PixelFormat.MJPG if codec == "mjpeg" else PixelFormat.YUYV
    assert {frame.pixel_format for frame in frames} == {wanted}
    assert frames[-1].full_range == (codec == "mjpeg")
    figure(f"loopback 720p {wanted}", f"{rate(frames):.1f} fps, age p50 {statistics.median(ages):.2f} ms")
    assert rate(frames) >= ENOUGH_FPS
    assert worst_bar(picture.data, 1280, 720) <= 4


def test_a_writer_that_stops_and_starts_again_is_read_on(two_loopbacks: tuple[Path, Path]) -> None:
    _, node = two_loopbacks
    with bars_feed(node):
        source = Webcam(node, HD)
        source.read(3)
    with pytest.raises(SourceTimeout, match="Face Webcam"):
        for _ in range(8):
            source.read(0.5)
    with bars_feed(node):
        picture = Picture(HD.width, HD.height)
        Decoder(HD).decode(source.read(3), picture)
        source.close()
        assert worst_bar(picture.data, HD.width, HD.height) <= 4


def test_our_own_virtual_camera_is_never_the_camera(two_loopbacks: tuple[Path, Path]) -> None:
    ours, _ = two_loopbacks
    with bars_feed(ours):
        for name in (str(ours), "10", "video10"):
            with pytest.raises(CameraError, match="itself"):
                open_source(name, HD)
        with pytest.raises(CameraMissing):
            open_source("SnapLens Camera", HD)
        assert all(each.path != ours for each in list_cameras())


def test_auto_takes_vivid_before_a_loopback_device(vivid: Path, two_loopbacks: tuple[Path, Path]) -> None:
    _, node = two_loopbacks
    with bars_feed(node):
        assert [each.path for each in list_cameras()] == [vivid, node]
        source = open_source("auto", HD)
        assert source.name == "vivid"
        source.close()
        unplug_webcam()
        source = open_source("auto", HD)
        assert source.name == "Face Webcam"
        source.close()
    source = open_source("auto", VideoFormat(320, 180, 30))
    assert source.name == "demo"
    source.close()


def test_devices_shows_the_webcam_to_people_and_to_programs(vivid: Path, loopback: Path) -> None:
    text = subprocess.run([sys.executable, "-m", "lensd", "devices"], capture_output=True, text=True, check=True).stdout
    assert f"vivid ({vivid}): driver vivid, free" in text
    assert "1280x720 @" in text
    assert f"SnapLens Camera ({loopback})" in text
    done = subprocess.run([sys.executable, "-m", "lensd", "devices", "--json"], capture_output=True, check=True)
    told = json.loads(done.stdout)
    assert told["virtual_cameras"] == [str(loopback)]
    (camera,) = told["cameras"]
    assert (camera["path"], camera["card"], camera["driver"]) == (str(vivid), "vivid", "vivid")
    assert any(each["pixel_format"] == "YUYV" and each["size"] == [1280, 720] for each in camera["formats"])


def test_a_node_that_may_not_be_opened_says_what_mends_it(vivid: Path) -> None:
    # The guest's command is root, so another user looks.
    code = f"""
import os
from lensd.camera.open_source import open_source
from lensd.camera.find import list_cameras
from lensd.errors import CameraError
from lensd.frames import VideoFormat
os.setgroups([]); os.setgid(65534); os.setuid(65534)  # now, because Python itself may be out of that user's reach
print([(each.card, each.problem) for each in list_cameras()])
try:
    open_source("{vivid}", VideoFormat(1280, 720, 30))
except CameraError as error:
    print(error, error.hint)
"""
    vivid.chmod(0o600)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Permission denied" in done.stdout.splitlines()[0]
    assert "usermod -aG video" in done.stdout.splitlines()[1]
