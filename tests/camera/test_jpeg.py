"""JPEG from a cable is hostile: broken ones are refused, and nothing but CameraError comes out."""

import contextlib
import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lensd.camera.decode import Decoder
from lensd.errors import CameraError
from lensd.frames import Picture, PixelFormat, VideoFormat
from tests.camera.reference_frames import bars, raw_frame, yuv

FORMAT = VideoFormat(160, 120, 30)
GOOD = raw_frame(bars(160, 120), PixelFormat.MJPG)


@pytest.mark.parametrize("part", [0, 1, 2, 100, 0.3, 0.7, 0.95])
def test_a_truncated_jpeg_is_refused(part):
    data = bytes(GOOD.data)
    end = part if isinstance(part, int) else int(len(data) * part)
    with pytest.raises(CameraError):
        Decoder(FORMAT).decode(dataclasses.replace(GOOD, data=data[:end]), Picture(160, 120))


def test_a_jpeg_that_claims_65535_pixels_a_side_is_refused():
    data = bytearray(GOOD.data)
    start = data.find(b"\xff\xc0")
    data[start + 5 : start + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(CameraError, match="broken JPEG"):
        Decoder(FORMAT).decode(dataclasses.replace(GOOD, data=bytes(data)), Picture(160, 120))


def test_padding_behind_a_jpeg_does_no_harm():
    out = Picture(160, 120)
    Decoder(FORMAT).decode(dataclasses.replace(GOOD, data=bytes(GOOD.data) + bytes(4096)), out)
    assert abs(float(out.y[60, 5]) - yuv(bars(160, 120)[60, 5], full_range=False)[0]) < 3


def test_a_good_frame_after_a_broken_one_is_whole():
    decoder, out, alone = Decoder(FORMAT), Picture(160, 120), Picture(160, 120)
    Decoder(FORMAT).decode(GOOD, alone)
    with pytest.raises(CameraError):
        decoder.decode(dataclasses.replace(GOOD, data=bytes(GOOD.data)[:900]), out)
    decoder.decode(GOOD, out)
    assert (out.data == alone.data).all()


def test_a_jpeg_of_another_size_than_the_camera_said_is_fitted():
    other = raw_frame(np.full((60, 80, 3), 200, np.uint8), PixelFormat.MJPG)
    out = Picture(160, 120)
    Decoder(FORMAT).decode(dataclasses.replace(other, width=160, height=120), out)
    assert (out.y > 150).all()


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_only_camera_errors_come_out_of_any_bytes(data):
    content = bytearray(GOOD.data)
    for _ in range(data.draw(st.integers(1, 12))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(content)))
    raw = dataclasses.replace(GOOD, data=bytes(content[: end or None]))
    _decode_or_refuse(raw)


@settings(max_examples=200, deadline=None)
@given(head=st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"]), body=st.binary(max_size=3000))
def test_only_camera_errors_come_out_of_noise(head, body):
    _decode_or_refuse(dataclasses.replace(GOOD, data=head + body))


DECODER, OUT = Decoder(FORMAT), Picture(160, 120)


def _decode_or_refuse(raw):
    with contextlib.suppress(CameraError):
        DECODER.decode(raw, OUT)
