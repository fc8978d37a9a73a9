"""The decoder against formulas in floating point."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lensd.camera.decode import Decoder
from lensd.errors import CameraError
from lensd.frames import Picture, PixelFormat, VideoFormat
from tests.camera.reference_frames import bars, mean_2x2, raw_frame, yuv

RAW = [PixelFormat.YUYV, PixelFormat.NV12, PixelFormat.I420, PixelFormat.RGB]
JPEGS = ["4:2:0", "4:2:2", "4:4:4"]
colours = st.tuples(*[st.integers(0, 255)] * 3)


def decoded(raw, width, height):
    out = Picture(width, height)
    out.data[:] = 77  # whatever the slot held before must be gone
    planes = out.y, out.u, out.v
    Decoder(VideoFormat(width, height, 30)).decode(raw, out)
    assert all(plane.base is not None and np.shares_memory(plane, out.data) for plane in planes)
    return out


def error_to(out, truth):
    """Largest distance of each plane from the float truth (H, W, 3)."""
    planes = (out.y, out.u, out.v)
    wanted = (truth[..., 0], mean_2x2(truth[..., 1]), mean_2x2(truth[..., 2]))
    return max(float(np.abs(plane - want).max()) for plane, want in zip(planes, wanted, strict=True))


@settings(max_examples=40, deadline=None)
@given(colour=colours, pixel_format=st.sampled_from(RAW), full=st.booleans())
def test_a_flat_colour_comes_out_as_itself(colour, pixel_format, full):
    rgb = np.full((24, 32, 3), colour, np.uint8)
    out = decoded(raw_frame(rgb, pixel_format, full_range=full), 32, 24)
    assert error_to(out, yuv(rgb, full_range=False)) <= 1.3


@settings(max_examples=30, deadline=None)
@given(colour=colours, subsampling=st.sampled_from(JPEGS))
def test_a_flat_jpeg_comes_out_in_limited_range(colour, subsampling):
    rgb = np.full((32, 48, 3), colour, np.uint8)
    out = decoded(raw_frame(rgb, PixelFormat.MJPG, jpeg=subsampling), 48, 32)
    assert error_to(out, yuv(rgb, full_range=False)) <= 2.2  # JPEG's own quantisation included


@pytest.mark.parametrize("pixel_format", RAW)
@pytest.mark.parametrize("full", [False, True])
def test_colour_bars_stay_colour_bars(pixel_format, full):
    rgb = bars(320, 180)
    out = decoded(raw_frame(rgb, pixel_format, full_range=full), 320, 180)
    assert error_to(out, yuv(rgb, full_range=False)) <= 1.3


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), pixel_format=st.sampled_from(RAW), full=st.booleans())
def test_noise_comes_out_with_the_mean_of_each_block_as_its_chroma(seed, pixel_format, full):
    rgb = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    out = decoded(raw_frame(rgb, pixel_format, full_range=full), 24, 16)
    assert error_to(out, yuv(rgb, full_range=False)) <= 2.0


def test_a_limited_i420_frame_passes_byte_for_byte():
    data = np.random.default_rng(1).integers(0, 256, 64 * 48 * 3 // 2, np.uint8)
    raw = raw_frame(np.zeros((48, 64, 3), np.uint8), PixelFormat.I420)
    out = decoded(dataclasses.replace(raw, data=data.tobytes()), 64, 48)
    assert (out.data == data).all()


def test_a_grey_jpeg_has_no_colour():
    out = decoded(raw_frame(bars(64, 48), PixelFormat.MJPG, jpeg="gray"), 64, 48)
    assert (out.u == 128).all()
    assert (out.v == 128).all()
    assert np.ptp(out.y) > 100


@pytest.mark.parametrize("pixel_format", list(PixelFormat))
@pytest.mark.parametrize(("width", "height"), [(160, 120), (640, 480), (320, 90), (1920, 1080)])
def test_another_shape_is_fitted_between_black_bars(pixel_format, width, height):
    colour = (200, 40, 90)
    out = decoded(raw_frame(np.full((height, width, 3), colour, np.uint8), pixel_format), 320, 180)
    scale = min(320 / width, 180 / height)
    fitted_width, fitted_height = round(width * scale), round(height * scale)
    left, top = (320 - fitted_width) // 4 * 2, (180 - fitted_height) // 4 * 2
    inside = np.zeros((180, 320), bool)
    inside[top : top + fitted_height, left : left + fitted_width] = True
    y, u, v = yuv(np.array(colour), full_range=False)
    assert np.abs(out.y[inside] - y).max() <= 2
    assert (out.y[~inside] == 16).all()
    half = inside[::2, ::2]
    assert np.abs(out.u[half] - u).max() <= 2
    assert np.abs(out.v[half] - v).max() <= 2
    assert (out.u[~half] == 128).all()
    assert (out.v[~half] == 128).all()


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 150).map(lambda n: 2 * n),
    height=st.integers(1, 150).map(lambda n: 2 * n),
    into=st.tuples(st.integers(1, 100).map(lambda n: 2 * n), st.integers(1, 100).map(lambda n: 2 * n)),
    pixel_format=st.sampled_from(RAW),
)
def test_every_pixel_is_written_at_any_pair_of_sizes(width, height, into, pixel_format):
    raw = raw_frame(np.full((height, width, 3), 255, np.uint8), pixel_format)
    out = decoded(raw, *into)
    assert set(np.unique(out.y)) <= {16, 234, 235}
    assert np.abs(out.u.astype(int) - 128).max() <= 1
    middle = out.y[(out.height - 1) // 2, (out.width - 1) // 2]
    assert middle >= 234


def test_a_scaled_picture_is_not_shifted():
    rgb = np.zeros((360, 640, 3), np.uint8)
    rgb[:, 320:] = 255  # an edge in the middle stays in the middle
    for size in ((1280, 720), (320, 180), (960, 540), (424, 240)):
        out = decoded(raw_frame(rgb, PixelFormat.I420), *size)
        row = (out.y[4:-4].mean(0) - 16) / 219
        assert abs(row.sum() - size[0] / 2) < 0.05
        assert np.allclose(row + row[::-1], 1, atol=0.02)


def test_the_size_of_frames_may_change_in_the_middle():
    decoder, out = Decoder(VideoFormat(320, 180, 30)), Picture(320, 180)
    for width, height in ((320, 180), (160, 120), (320, 180), (640, 360)):
        rgb = np.full((height, width, 3), 128, np.uint8)
        decoder.decode(raw_frame(rgb, PixelFormat.YUYV), out)
        assert abs(int(out.y[90, 160]) - 126) <= 1
    assert (out.y > 100).all()


def test_a_frame_that_is_too_short_is_refused():
    for pixel_format in RAW:
        raw = raw_frame(bars(64, 48), pixel_format)
        short = dataclasses.replace(raw, data=bytes(raw.data)[:-1])
        with pytest.raises(CameraError, match="bytes"):
            decoded(short, 64, 48)


def test_a_picture_of_another_size_is_refused():
    with pytest.raises(ValueError, match="64x48"):
        Decoder(VideoFormat(320, 180, 30)).decode(raw_frame(bars(64, 48), PixelFormat.YUYV), Picture(64, 48))
