"""A lens on whole videos: times, sound and turns are kept, and what is damaged is refused."""

from __future__ import annotations

import struct

import av
import numpy as np
import pytest

from lensd.application.apply import apply_lens
from lensd.errors import MediaError
from tests.application.conftest import red
from tests.application.media import frames, packets, write_video


def silent(_share: float) -> None:
    pass


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov"])
def test_every_frame_gets_the_lens_at_its_own_time(lens, tracker, tmp_path, suffix):
    source = write_video(tmp_path / f"in.{suffix}")
    shares = []
    done = apply_lens(lens, tracker, source, tmp_path / f"out.{suffix}", shares.append)
    before, after = frames(source), frames(tmp_path / f"out.{suffix}")
    assert (done.frames, done.faces, done.most, done.sound) == (20, 20, 1, "none")
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.002)
    assert all(0.005 < red(pixels).mean() < 0.05 for _, pixels in after)
    # The face moves to the right, and so does the lens.
    columns = [np.nonzero(red(pixels))[1].mean() for _, pixels in after]
    assert columns[-1] - columns[0] == pytest.approx(38, abs=5)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_what_the_lens_does_not_paint_looks_as_before(lens, tracker, tmp_path):
    source = write_video(tmp_path / "in.mp4", frames=6)
    apply_lens(lens, tracker, source, tmp_path / "out.mp4", silent)
    for (_, before), (_, after) in zip(frames(source), frames(tmp_path / "out.mp4"), strict=True):
        away = slice(160, None)
        assert np.abs(before[away].astype(int) - after[away]).mean() < 3
        assert np.abs(before[away].mean((0, 1)) - after[away].mean((0, 1))).max() < 1.5


def test_uneven_times_are_kept(lens, tracker, tmp_path):
    times = [0, 33, 71, 75, 200, 203, 1000, 1033, 1100, 1500]
    source = write_video(tmp_path / "in.mkv", frames=10, times=times)
    apply_lens(lens, tracker, source, tmp_path / "out.mkv", silent)
    assert [round(time * 1000) for time, _ in frames(tmp_path / "out.mkv")] == times


@pytest.mark.parametrize(
    ("suffix", "sound"), [("mp4", "aac"), ("mkv", "libopus"), ("mkv", "pcm_s16le"), ("mov", "aac")]
)
def test_sound_is_copied_packet_by_packet(lens, tracker, tmp_path, suffix, sound):
    source = write_video(tmp_path / f"in.{suffix}", frames=25, sound=sound)
    done = apply_lens(lens, tracker, source, tmp_path / f"out.{suffix}", silent)
    before, after = packets(source, "audio"), packets(tmp_path / f"out.{suffix}", "audio")
    assert done.sound == "copied"
    assert [content for _, content in after] == [content for _, content in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.002)


def test_sound_that_the_output_cannot_hold_is_left_out_and_said_so(lens, tracker, tmp_path, caplog):
    source = write_video(tmp_path / "in.mp4", frames=5, sound="aac")
    done = apply_lens(lens, tracker, source, tmp_path / "out.webm", silent)
    assert done.sound == "left out"
    assert "cannot hold sound of type aac" in caplog.text
    assert len(frames(tmp_path / "out.webm")) == 5


def turned(path, matrix):
    """Write another display matrix into an MP4's track header, as a phone held upright does."""
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    content[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(content)
    return path


ONE = 0x10000


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuvj420p"])
def test_a_turned_video_comes_out_upright(lens, tracker, tmp_path, pix_fmt):
    """The pictures lie on their side in the file, and the header says so."""
    upright = write_video(tmp_path / "upright.mp4", frames=5)
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 240, 320, pix_fmt
        for number, (_, pixels) in enumerate(frames(upright)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(np.rot90(pixels)), format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    source = turned(tmp_path / "in.mp4", (0, ONE, 0, -ONE, 0, 0, 320 * ONE, 0, 0x40000000))
    done = apply_lens(lens, tracker, source, tmp_path / "out.mp4", silent)
    after = frames(tmp_path / "out.mp4")
    assert done.faces == 5
    assert after[0][1].shape == (240, 320, 3)
    assert np.abs(after[0][1][160:].astype(int) - frames(upright)[0][1][160:]).mean() < 4


@pytest.mark.parametrize("size", [(321, 241), (319, 240)])
def test_an_odd_size_grows_by_one_and_loses_nothing(lens, tracker, tmp_path, size):
    source = write_video(tmp_path / "in.mkv", frames=4, size=size, pix_fmt="yuv444p")
    apply_lens(lens, tracker, source, tmp_path / "out.mp4", silent)
    assert frames(tmp_path / "out.mp4")[0][1].shape == (size[1] + size[1] % 2, size[0] + size[0] % 2, 3)


@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv420p10le", "yuvj420p"])
def test_other_pixels_come_out_in_the_same_colours(lens, tracker, tmp_path, pix_fmt):
    source = write_video(tmp_path / "in.mkv", frames=4, pix_fmt=pix_fmt)
    apply_lens(lens, tracker, source, tmp_path / "out.mkv", silent)
    before, after = frames(source)[0][1], frames(tmp_path / "out.mkv")[0][1]
    assert np.abs(before[160:].mean((0, 1)) - after[160:].mean((0, 1))).max() < 2.5


def test_bt709_comes_out_in_the_same_colours(lens, tracker, tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "4"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
        for _, pixels in frames(write_video(tmp_path / "plain.mp4", frames=3)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)))
        container.mux(stream.encode(None))
    apply_lens(lens, tracker, tmp_path / "in.mkv", tmp_path / "out.mkv", silent)
    with av.open(str(tmp_path / "in.mkv")) as before, av.open(str(tmp_path / "out.mkv")) as after:
        for frame, copy in zip(before.decode(video=0), after.decode(video=0), strict=True):
            assert (frame.colorspace, copy.colorspace) == (1, 5)
            pixels, same = (rgb(each.to_ndarray(), each.colorspace == 1)[160:] for each in (frame, copy))
            assert np.abs(pixels.mean((0, 1)) - same.mean((0, 1))).max() < 1


def rgb(planes, bt709: bool):
    """Limited-range I420 (H * 3 / 2, W) by the standard's own formula: (H, W, 3) float, 0..255."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    y = (planes[:height] - 16.0) * 255 / 219
    u, v = (planes[height:].reshape(2, height // 2, width // 2) - 128.0) * 255 / 224
    u, v = (plane.repeat(2, 0).repeat(2, 1) for plane in (u, v))
    red, blue = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    r, b = y + 2 * (1 - red) * v, y + 2 * (1 - blue) * u
    return np.dstack([r, (y - red * r - blue * b) / (1 - red - blue), b])


def test_pixels_that_are_not_square_stay_so(lens, tracker, tmp_path):
    from fractions import Fraction

    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for _, pixels in frames(write_video(tmp_path / "plain.mp4", frames=3)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    apply_lens(lens, tracker, tmp_path / "in.mkv", tmp_path / "out.mkv", silent)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_a_video_without_a_face_goes_through(lens, tracker, tmp_path):
    done = apply_lens(lens, tracker, write_video(tmp_path / "in.mp4", frames=5, face=False), tmp_path / "o.mp4", silent)
    assert (done.frames, done.faces) == (5, 0)


@pytest.mark.parametrize(
    ("suffix", "options"), [("mp4", {}), ("mp4", {"movflags": "+faststart"}), ("mkv", {}), ("mov", {})]
)
@pytest.mark.parametrize("share", [0.35, 0.8])
def test_a_video_that_is_cut_off_is_refused_and_the_old_output_stays(lens, tracker, tmp_path, suffix, options, share):
    source = write_video(tmp_path / f"in.{suffix}", frames=75, options=options)
    content = source.read_bytes()
    source.write_bytes(content[: int(len(content) * share)])
    (tmp_path / "out.mp4").write_bytes(b"precious")
    with pytest.raises(MediaError, match="cut off"):
        apply_lens(lens, tracker, source, tmp_path / "out.mp4", silent)
    assert (tmp_path / "out.mp4").read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "content", [b"hello", bytes(5000), b"\x00\x00\x00\x18ftypmp42" + bytes(100), b"RIFF1234AVI " + bytes(99)]
)
def test_what_is_no_video_is_refused(lens, tracker, tmp_path, content):
    (tmp_path / "in.mp4").write_bytes(content)
    with pytest.raises(MediaError):
        apply_lens(lens, tracker, tmp_path / "in.mp4", tmp_path / "out.mp4", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_sound_alone_is_refused(lens, tracker, tmp_path):
    with av.open(str(tmp_path / "in.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="has no pictures"):
        apply_lens(lens, tracker, tmp_path / "in.mp4", tmp_path / "out.mp4", silent)


def test_a_transport_streams_clock_begins_at_zero(lens, tracker, tmp_path):
    source = write_video(tmp_path / "in.ts", frames=10, times=[5000 + 40 * number for number in range(10)])
    apply_lens(lens, tracker, source, tmp_path / "out.mp4", silent)
    assert frames(source)[0][0] == pytest.approx(5, abs=0.2)
    assert [time for time, _ in frames(tmp_path / "out.mp4")] == pytest.approx([0.04 * n for n in range(10)], abs=0.002)
