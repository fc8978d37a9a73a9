"""Mirrored, turned, cut and fitted frames against numpy's own turns."""

import tracemalloc

import numpy as np
import pytest
from skimage.data import astronaut

from lensd.camera.decode import Decoder
from lensd.camera.framing import framing
from lensd.camera.kept import Kept, kept_file, read_kept, write_kept
from lensd.config import Settings
from lensd.errors import ConfigError
from lensd.frames import Picture, PixelFormat, VideoFormat, View
from tests.camera.reference_frames import raw_frame

WIDE = np.ascontiguousarray(astronaut()[:256, :480])
RAW = [PixelFormat.YUYV, PixelFormat.NV12, PixelFormat.I420, PixelFormat.RGB, PixelFormat.MJPG]


def planes(raw, view, width, height):
    out = Picture(width, height)
    out.data[:] = 77
    Decoder(VideoFormat(width, height, 30), view).decode(raw, out)
    return [plane.astype(int) for plane in (out.y, out.u, out.v)]


def seen(plane, rotate, mirror):
    turned = np.rot90(plane, -rotate // 90)
    return turned[:, ::-1] if mirror else turned


@pytest.mark.parametrize("pixel_format", RAW)
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("mirror", [False, True])
def test_every_turn_is_the_upright_picture_turned(pixel_format, rotate, mirror):
    raw = raw_frame(WIDE, pixel_format)
    upright = planes(raw, View(), 480, 256)
    size = (256, 480) if rotate % 180 else (480, 256)
    for plane, whole in zip(planes(raw, View(mirror, rotate), *size), upright, strict=True):
        assert np.array_equal(plane, seen(whole, rotate, mirror))


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_edges_are_cut_off_as_the_picture_is_seen(rotate):
    raw = raw_frame(WIDE, PixelFormat.I420)
    size = (256, 480) if rotate % 180 else (480, 256)
    whole = planes(raw, View(True, rotate), *size)[0]
    left, top = size[0] // 4, size[1] // 2
    cut = planes(raw, View(True, rotate, (25, 50, 0, 0), "crop"), size[0] - left, size[1] - top)[0]
    assert np.array_equal(cut, whole[top:, left:])


def test_a_picture_of_another_shape_has_bars_or_loses_its_edges():
    raw = raw_frame(np.full((240, 320, 3), 200, np.uint8), PixelFormat.YUYV)
    bars, filled = planes(raw, View(), 640, 360)[0], planes(raw, View(fit="crop"), 640, 360)[0]
    assert bars[180, 20] == 16
    assert bars[180, 320] > 100
    assert filled.min() > 100
    upright = planes(raw, View(rotate=90), 640, 360)[0]  # 270 x 360 in the middle
    assert (upright[180, 180], upright[180, 460]) == (16, 16)
    assert upright[2, 320] > 100


def test_what_is_left_lies_within_the_frame_for_any_cut_and_size():
    rng = np.random.default_rng(1)
    for _ in range(500):
        width, height = (int(2 * rng.integers(20, 1000)) for _ in range(2))
        left, top = rng.uniform(0, 60, 2)
        cut = (left, top, rng.uniform(0, 90 - left), rng.uniform(0, 90 - top))
        view = View(bool(rng.integers(2)), int(90 * rng.integers(4)), cut, ("letterbox", "crop")[rng.integers(2)])
        part, box, _, _ = framing(width, height, 1280, 720, view)
        assert 0 <= part.left < part.left + part.width <= width, view
        assert 0 <= part.top < part.top + part.height <= height, view
        assert not any(edge % 2 for edge in (*part, *box))
        assert box.left + box.width <= 1280
        assert box.top + box.height <= 720


@pytest.mark.parametrize("view", [View(True), View(False, 90), View(True, 180, (10, 0, 10, 0), "crop")])
def test_nothing_of_a_pictures_size_is_allocated_for_a_frame(view):
    decoder, out = Decoder(VideoFormat(640, 360, 30), view), Picture(640, 360)
    raw = raw_frame(np.full((480, 640, 3), 90, np.uint8), PixelFormat.YUYV)
    decoder.decode(raw, out)
    tracemalloc.start()
    for _ in range(3):
        decoder.decode(raw, out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rotate": 45}, "0, 90, 180 or 270"),
        ({"crop": "10 20"}, "four per cents"),
        ({"crop": "50 0 50 0"}, "leave 10"),
        ({"crop": "nan 0 0 0"}, "four per cents"),
        ({"fit": "squash"}, "letterbox, crop"),
    ],
)
def test_a_view_that_cannot_be_is_refused(values, why):
    with pytest.raises(ConfigError, match=why):
        Settings.from_dict(values)


def test_what_is_kept_for_a_camera_is_found_by_its_stable_name_and_goes_before_the_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    write_kept("usb-c920-1", "C920", Kept({"rotate": 180}, {"brightness": 12}))
    write_kept("usb-c920-2", "C920", Kept({"mirror": True}))
    first = read_kept("usb-c920-1", "C920")
    assert first.over(View(mirror=True)) == View(mirror=True, rotate=180)
    assert first.controls == {"brightness": 12}
    assert read_kept("usb-c920-3", "C920") == Kept()
    write_kept("usb-c920-1", "C920", Kept())
    assert read_kept("usb-c920-1", "C920") == Kept()
    kept_file().write_text('{"usb-c920-2": {"view": {"rotate": 7}, "controls": {"gain": "x", "brightness": 3}}}')
    assert read_kept("usb-c920-2", "C920") == Kept({}, {"brightness": 3})
    kept_file().write_text("[[[")
    assert read_kept("usb-c920-2", "C920") == Kept()
