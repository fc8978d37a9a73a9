"""From what a user types to a source of frames."""

import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from lensd.camera import find
from lensd.camera.decode import Decoder
from lensd.camera.find import CameraInfo, best_camera
from lensd.camera.modes import Offer
from lensd.camera.open_source import open_source
from lensd.errors import CameraError, CameraMissing
from lensd.frames import Picture, VideoFormat

HD = VideoFormat(1280, 720, 30)


def write_picture(path, size, colour=(200, 60, 60), **options):
    Image.new("RGB", size, colour).save(path, **options)
    return str(path)


def shown(source, size=(1280, 720)):
    picture = Picture(*size)
    Decoder(VideoFormat(*size, 30)).decode(source.read(1), picture)
    return picture


def test_a_picture_is_a_camera_at_the_nominal_rate(tmp_path):
    source = open_source(write_picture(tmp_path / "a.png", (640, 360)), VideoFormat(1280, 720, 60))
    assert source.name == "a.png"
    assert source.format == VideoFormat(640, 360, 60)
    frames = [source.read(1) for _ in range(3)]
    assert frames[0].sequence < frames[1].sequence < frames[2].sequence
    assert abs(int(shown(source).y[360, 640]) - 103.5) <= 2
    source.close()


def test_a_large_picture_is_shrunk_once_to_what_is_shown(tmp_path):
    source = open_source(write_picture(tmp_path / "a.jpg", (4000, 3000)), HD)
    assert (source.format.width, source.format.height) == (960, 720)
    source.close()


def test_a_picture_taken_upright_is_shown_upright(tmp_path):
    picture = Image.new("RGB", (400, 200), "black")
    picture.paste("white", (0, 0, 100, 200))  # the left quarter, which turned is the top
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    picture.save(tmp_path / "phone.jpg", exif=exif, quality=95)
    source = open_source(str(tmp_path / "phone.jpg"), HD)
    assert (source.format.width, source.format.height) == (200, 400)
    raw = source.read(1)
    luma = np.frombuffer(raw.data, np.uint8)[: 200 * 400].reshape(400, 200)
    assert luma[:90].min() > 200
    assert luma[110:].max() < 40
    source.close()


def test_what_is_transparent_is_black(tmp_path):
    Image.new("RGBA", (64, 64), (255, 255, 255, 0)).save(tmp_path / "t.png")
    source = open_source(str(tmp_path / "t.png"), HD)
    assert np.frombuffer(source.read(1).data, np.uint8)[: 64 * 64].max() <= 17
    source.close()


def test_a_picture_that_would_unpack_to_gigabytes_is_refused(tmp_path):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(100_000))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(content)
    with pytest.raises(CameraError):
        open_source(str(tmp_path / "bomb.png"), HD)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.mp4", "a.webp", "a"])
def test_a_file_with_other_content_is_a_camera_error(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8)
    with pytest.raises(CameraError):
        open_source(str(tmp_path / name), HD)


@pytest.mark.parametrize("name", ["/nowhere/a.mp4", "/dev/video97", "97", "video97", "No such camera", "", "./a.png"])
def test_what_is_not_there_is_missing_and_says_so(name):
    with pytest.raises(CameraMissing, match="there is") as caught:
        open_source(name, HD)
    assert "lensd devices" in caught.value.hint or name.endswith((".mp4", ".png"))


def test_the_demo_is_had_by_name():
    source = open_source("demo", VideoFormat(320, 180, 30))
    assert source.name == "demo"
    assert source.read(1).width == 320
    source.close()


def camera(number, driver, *offers, card="Cam"):
    return CameraInfo(f"/dev/video{number}", (), card, driver, offers, ())


def test_auto_takes_a_real_webcam_before_a_loopback_device_and_the_lowest_number():
    offer = Offer("YUYV", 640, 480, 640, 480, (30.0,))
    loopback, first, second = (
        camera(0, "v4l2 loopback", offer),
        camera(2, "uvcvideo", offer),
        camera(4, "uvcvideo", offer),
    )
    unusable = camera(1, "uvcvideo")
    assert best_camera([loopback, unusable, first, second]) is first
    assert best_camera([loopback, unusable]) is loopback
    assert best_camera([unusable]) is None


@pytest.mark.parametrize("name", ["/dev/null", "/tmp", "/dev/full"])
def test_what_is_no_camera_is_told_as_such(name):
    with pytest.raises(CameraError, match="no camera"):
        open_source(name, HD)


def test_a_name_means_the_one_usable_camera_that_begins_so(monkeypatch):
    offer = Offer("YUYV", 640, 480, 640, 480, (30.0,))
    infrared, front = (
        camera(0, "uvcvideo", card="Integrated Camera"),
        camera(2, "uvcvideo", offer, card="Integrated Camera"),
    )
    twin, other = (
        camera(4, "uvcvideo", offer, card="Integrated Camera"),
        camera(6, "uvcvideo", offer, card="Internal HD"),
    )
    monkeypatch.setattr(find, "list_cameras", lambda: [infrared, front, twin, other])
    assert find.find_webcam("integrated camera") == front.path
    assert find.find_webcam("INTEG") == front.path
    assert find.find_webcam("Internal") == other.path
    with pytest.raises(CameraError, match="could be") as caught:
        find.find_webcam("int")
    assert not isinstance(caught.value, CameraMissing)


def test_devices_lists_what_there_is_and_the_demo():
    done = subprocess.run([sys.executable, "-m", "lensd", "devices"], capture_output=True, text=True, check=True)
    assert "demo:" in done.stdout
    told = json.loads(
        subprocess.run([sys.executable, "-m", "lensd", "devices", "--json"], capture_output=True, check=True).stdout
    )
    assert isinstance(told["cameras"], list)
