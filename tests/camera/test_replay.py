"""Video files as cameras: real files, made here."""

import itertools
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from lensd.camera.colour import Bt709ToBt601
from lensd.camera.replay import Replay
from lensd.errors import CameraError, CameraMissing
from lensd.frames import Picture
from tests.camera.reference_frames import bars, mean_2x2, yuv

WIDTH, HEIGHT = 320, 180


def write_video(path, pictures, *, fps=30, pix_fmt="yuv420p", codec="ffv1", size=(WIDTH, HEIGHT), **options):
    """Write planes (given in the file's own pixel format) losslessly."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for number, planes in enumerate(pictures):
            frame = av.VideoFrame(*size, pix_fmt)
            for plane, values in zip(frame.planes, planes, strict=True):
                view = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
                view[:, : plane.width] = values
            frame.pts, frame.time_base = number, Fraction(1, fps)
            for name, value in options.items():
                setattr(frame, name, value)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def numbered(count, size=(WIDTH, HEIGHT)):
    """Flat pictures whose luma is their number."""
    width, height = size
    chroma = ((height + 1) // 2, (width + 1) // 2)
    return [
        [np.full((height, width), 20 + 5 * n, np.uint8), np.full(chroma, 100, np.uint8), np.full(chroma, 150, np.uint8)]
        for n in range(count)
    ]


def luma(raw):
    return int(np.frombuffer(raw.data, np.uint8)[raw.width * raw.height // 2])


def test_frames_come_in_order_at_the_files_own_pace_and_in_a_loop(tmp_path):
    write_video(tmp_path / "n.mkv", numbered(6), fps=20)
    source = Replay(tmp_path / "n.mkv")
    assert (source.name, source.format.width, source.format.height) == ("n.mkv", WIDTH, HEIGHT)
    assert source.format.fps == pytest.approx(20)
    start = time.monotonic()
    frames = [(raw, luma(raw)) for raw in (source.read(1) for _ in range(15))]
    source.close()
    assert time.monotonic() - start > 14 / 20 - 0.01
    for raw, value in frames:
        assert value == 20 + 5 * (raw.sequence % 6)  # what came too late is left out, nothing is out of order
    numbers = [raw.sequence for raw, _ in frames]
    assert numbers == sorted(set(numbers))
    for (before, _), (after, _) in itertools.pairwise(frames):
        steps = after.sequence - before.sequence
        assert after.captured_ns - before.captured_ns == pytest.approx(steps * 50e6, rel=0.05)


def test_what_is_late_is_left_out(tmp_path):
    write_video(tmp_path / "n.mkv", numbered(30), fps=30)
    source = Replay(tmp_path / "n.mkv")
    source.read(1)
    time.sleep(0.3)
    assert source.read(1).sequence >= 8
    source.close()


def test_after_a_long_pause_nothing_is_made_up_for(tmp_path):
    write_video(tmp_path / "n.mkv", numbered(4), fps=60)
    source = Replay(tmp_path / "n.mkv")
    source.read(1)
    time.sleep(1.1)
    assert source.read(1).sequence <= 4
    source.close()


def test_planes_pass_byte_for_byte(tmp_path):
    rng = np.random.default_rng(3)
    shapes = [(HEIGHT, WIDTH), (HEIGHT // 2, WIDTH // 2), (HEIGHT // 2, WIDTH // 2)]
    planes = [rng.integers(0, 256, shape, np.uint8) for shape in shapes]
    write_video(tmp_path / "r.mkv", [planes])
    source = Replay(tmp_path / "r.mkv")
    raw = source.read(1)
    assert bytes(raw.data) == b"".join(plane.tobytes() for plane in planes)
    assert not raw.full_range
    source.close()


def test_a_full_range_file_says_so(tmp_path):
    write_video(tmp_path / "f.mkv", numbered(1), codec="mjpeg", pix_fmt="yuvj420p", color_range=2)
    source = Replay(tmp_path / "f.mkv")
    assert source.read(1).full_range
    source.close()


def test_an_odd_last_row_and_column_are_cut_off(tmp_path):
    write_video(tmp_path / "o.mkv", numbered(2, (101, 77)), size=(101, 77))
    source = Replay(tmp_path / "o.mkv")
    raw = source.read(1)
    assert (raw.width, raw.height, len(raw.data)) == (100, 76, 100 * 76 * 3 // 2)
    assert (source.format.width, source.format.height) == (100, 76)
    source.close()


def test_other_pixel_formats_become_planes(tmp_path):
    rgb = bars(WIDTH, HEIGHT)
    y, u, v = (np.round(plane).astype(np.uint8) for plane in np.moveaxis(yuv(rgb, full_range=False), -1, 0))
    write_video(tmp_path / "444.mkv", [[y, u, v]], pix_fmt="yuv444p")
    source = Replay(tmp_path / "444.mkv")
    data = np.frombuffer(source.read(1).data, np.uint8)
    source.close()
    assert np.abs(data[: y.size].astype(int) - y.ravel()).max() <= 1
    small = data[y.size : y.size * 5 // 4].reshape(HEIGHT // 2, -1).astype(int)
    middle = [WIDTH * (2 * bar + 1) // 32 for bar in range(8)]  # swscale mixes neighbours at the bars' edges
    assert np.abs(small[:, middle] - mean_2x2(u)[:, middle]).max() <= 1


@pytest.mark.parametrize("turn", [0, 90, 180, -90])
def test_a_turned_video_is_shown_upright(tmp_path, turn):
    rgb = bars(WIDTH, HEIGHT)
    rgb[:40, :60] = 255
    y, u, v = np.moveaxis(yuv(rgb, full_range=False), -1, 0)
    upright = [np.round(plane).astype(np.uint8) for plane in (y, mean_2x2(u), mean_2x2(v))]
    quarters = {0: 0, 90: 1, 180: 2, -90: -1}[turn]
    stored = [np.ascontiguousarray(np.rot90(plane, -quarters)) for plane in upright]  # as the sensor lay
    size = stored[0].shape[::-1]
    write_video(tmp_path / "flat.mkv", [stored, stored], size=size)
    with av.open(str(tmp_path / "flat.mkv")) as flat, av.open(str(tmp_path / "t.mkv"), "w") as turned:
        stream = turned.add_stream_from_template(flat.streams.video[0])
        stream.set_display_rotation(turn)
        for packet in flat.demux():
            if packet.dts is not None:
                packet.stream = stream
                turned.mux(packet)
    source = Replay(tmp_path / "t.mkv")
    raw = source.read(1)
    source.close()
    assert (raw.width, raw.height) == (WIDTH, HEIGHT)
    assert bytes(raw.data) == b"".join(plane.tobytes() for plane in upright)


@pytest.mark.parametrize("full_range", [False, True])
def test_bt709_becomes_bt601(full_range):
    rng = np.random.default_rng(5)
    rgb = rng.integers(40, 216, (8, 12, 3)).repeat(8, 0).repeat(8, 1)
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    luma709 = 0.2126 * r + 0.7152 * g + 0.0722 * b
    planes = np.stack([luma709, (b - luma709) / 1.8556, (r - luma709) / 1.5748], -1)
    scale = np.array([255, 255, 255] if full_range else [219, 224, 224])
    planes = planes * scale + ([0, 128, 128] if full_range else [16, 128, 128])
    picture = Picture(96, 64)
    picture.y[:], picture.u[:], picture.v[:] = (
        np.round(plane) for plane in (planes[..., 0], mean_2x2(planes[..., 1]), mean_2x2(planes[..., 2]))
    )
    Bt709ToBt601().convert(picture, full_range=full_range)
    truth = yuv(rgb, full_range=full_range)
    inner = (slice(None), slice(None))
    assert np.abs(picture.u - mean_2x2(truth[..., 1]))[inner].max() <= 2
    assert np.abs(picture.v - mean_2x2(truth[..., 2]))[inner].max() <= 2
    centre = np.ix_([8 * n + 4 for n in range(8)], [8 * n + 4 for n in range(12)])
    assert np.abs(picture.y - truth[..., 0])[centre].max() <= 2


def test_a_bt709_file_is_shown_as_bt601(tmp_path):
    red709 = [np.full((HEIGHT, WIDTH), 63, np.uint8)] + [
        np.full((HEIGHT // 2, WIDTH // 2), c, np.uint8) for c in (102, 240)
    ]
    write_video(tmp_path / "hd.mkv", [red709], colorspace=1)
    source = Replay(tmp_path / "hd.mkv")
    data = np.frombuffer(source.read(1).data, np.uint8).astype(int)
    source.close()
    y, u, v = yuv(np.array([255, 0, 0]), full_range=False)
    assert abs(data[0] - y) <= 2
    assert abs(data[WIDTH * HEIGHT] - u) <= 2
    assert abs(data[-1] - v) <= 2


def test_a_truncated_file_plays_what_it_has(tmp_path):
    write_video(tmp_path / "n.mkv", numbered(40))
    whole = (tmp_path / "n.mkv").read_bytes()
    (tmp_path / "half.mkv").write_bytes(whole[: len(whole) // 2])
    source = Replay(tmp_path / "half.mkv")
    assert luma(source.read(1)) == 20
    source.close()


def test_files_that_are_no_video_are_told_as_such(tmp_path):
    (tmp_path / "text.mp4").write_bytes(b"this is no video\n" * 100)
    with pytest.raises(CameraError, match="no video"):
        Replay(tmp_path / "text.mp4")
    with pytest.raises(CameraMissing):
        Replay(tmp_path / "nothing.mp4")
    with av.open(str(tmp_path / "sound.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(CameraError, match="no pictures"):
        Replay(tmp_path / "sound.mkv")
