"""Outputs that need no kernel module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lensd.errors import ConfigError, SinkError, SinkMissing, SinkRefused
from lensd.frames import Picture, VideoFormat
from lensd.v4l2 import nodes
from lensd.virtualcam import MemorySink, NullSink, open_sink
from lensd.virtualcam.video_file import VideoFileSink

SMALL = VideoFormat(320, 180, 30)


def flat(video: VideoFormat, y: int, u: int, v: int) -> np.ndarray:
    picture = Picture(video.width, video.height)
    picture.y[:], picture.u[:], picture.v[:] = y, u, v
    return picture.data


def decode(path: Path) -> list[tuple[float, np.ndarray, int, int]]:
    """Return seconds, I420 pixels, matrix and range of each picture in a file."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [(f.time, f.to_ndarray(format="yuv420p").ravel(), f.colorspace, f.color_range) for f in frames]


def test_the_virtual_camera_imports_nothing_heavy():
    program = (
        "import sys, lensd.virtualcam, lensd.virtualcam.backend\n"
        "print(*sorted({'cv2', 'onnxruntime', 'av', 'PIL', 'aiohttp', 'click', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""


def test_an_abandoned_picture_is_not_published():
    sink = MemorySink(SMALL)
    sink.begin()[:] = 1
    sink.begin()[:] = 2
    sink.commit()
    sink.write(np.full(SMALL.picture_bytes, 3, np.uint8))
    assert [int(picture[0]) for _, picture in sink.published] == [2, 3]


def test_memory_keeps_copies_and_only_the_newest():
    sink, picture = MemorySink(SMALL, keep=2), np.empty(SMALL.picture_bytes, np.uint8)
    for value in range(4):
        picture[:] = value
        sink.write(picture)
    assert [int(kept[-1]) for _, kept in sink.published] == [2, 3]
    times = [moment for moment, _ in sink.published]
    assert times == sorted(times)
    sink.close()
    assert sink.closed


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="broadcast"):
        NullSink(SMALL).write(np.zeros(SMALL.picture_bytes + 1, np.uint8))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    width=st.integers(8, 200).map(lambda half: 2 * half),
    height=st.integers(8, 120).map(lambda half: 2 * half),
    suffix=st.sampled_from([".mp4", ".mkv", ".mov"]),
    colours=st.lists(
        st.tuples(st.integers(16, 235), st.integers(16, 240), st.integers(16, 240)), min_size=1, max_size=5
    ),
    gaps_ms=st.lists(st.integers(0, 400), min_size=5, max_size=5),
)
def test_a_video_file_gives_back_every_picture_with_its_time(tmp_path, width, height, suffix, colours, gaps_ms):
    now_ns = 5_000_000_000
    video, path = VideoFormat(width, height, 30), tmp_path / f"call{suffix}"
    sink = VideoFileSink(path, video, clock_ns=lambda: now_ns)
    times = []
    for colour, gap_ms in zip(colours, gaps_ms, strict=False):
        times.append((now_ns - 5_000_000_000) / 1e9)
        sink.write(flat(video, *colour))
        now_ns += gap_ms * 1_000_000
    sink.close()
    seen = decode(path)
    assert len(seen) == len(colours)
    for (second, pixels, matrix, limited), colour, wanted in zip(seen, colours, times, strict=True):
        assert second == pytest.approx(wanted, abs=0.002)  # Matroska counts in milliseconds
        assert (matrix, limited) == (6, 1)
        assert np.abs(pixels.astype(int) - flat(video, *colour)).max() <= 4


def test_a_video_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "call.mp4"
    path.write_bytes(b"an older call")
    sink = open_sink(str(path), SMALL)
    for value in range(16, 46):
        sink.write(flat(SMALL, value, 128, 128))
    assert path.read_bytes() == b"an older call"
    sink.close()
    assert len(decode(path)) == 30
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_without_pictures_leaves_no_file(tmp_path):
    open_sink(str(tmp_path / "call.mkv"), SMALL).close()
    assert not list(tmp_path.iterdir())


def test_a_video_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(SinkError, match="No such file or directory"):
        open_sink(str(tmp_path / "none/call.mp4"), SMALL)


@pytest.mark.parametrize("output", ["webcam", "call.avi", "", "video42", "/tmp"])
def test_an_output_that_is_none_is_refused(output):
    with pytest.raises(ConfigError, match="is none of these") as caught:
        open_sink(output, SMALL)
    assert caught.value.hint


def test_a_missing_device_is_told_from_a_wrong_one():
    with pytest.raises(SinkMissing, match="there is no such device"):
        open_sink("/dev/video9999", SMALL)
    with pytest.raises(SinkRefused, match="no video device"):
        open_sink("/dev/null", SMALL)


def test_without_the_module_the_hint_is_the_command_that_sets_it_up(monkeypatch, tmp_path):
    monkeypatch.setattr(nodes, "SYSFS", tmp_path / "none")
    with pytest.raises(SinkMissing) as caught:
        open_sink("auto", SMALL)
    assert caught.value.hint == "lensd setup"


def test_outputs_without_a_device_have_no_node(tmp_path):
    assert open_sink("none", SMALL).node is None
    assert NullSink(SMALL).format == SMALL
