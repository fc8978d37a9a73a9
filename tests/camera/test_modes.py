"""Which of a webcam's offers is taken."""

import pytest

from lensd.camera.modes import Mode, Offer, choose
from lensd.frames import VideoFormat

HD = VideoFormat(1280, 720, 30)


def offer(code, width, height, *rates):
    return Offer(code, width, height, width, height, rates)


# A usual USB 2 webcam: YUYV is slow where it is large.
USB2 = [
    offer("YUYV", 640, 480, 5, 15, 30),
    offer("YUYV", 1280, 720, 5, 10),
    offer("MJPG", 640, 480, 30),
    offer("MJPG", 1280, 720, 15, 30),
    offer("MJPG", 1920, 1080, 30),
]


@pytest.mark.parametrize(
    ("offers", "wanted", "mode"),
    [
        (USB2, HD, Mode("MJPG", 1280, 720)),
        (USB2, VideoFormat(640, 480, 30), Mode("YUYV", 640, 480)),
        (USB2, VideoFormat(1920, 1080, 30), Mode("MJPG", 1920, 1080)),
        (USB2, VideoFormat(1280, 720, 10), Mode("YUYV", 1280, 720)),
        # Smooth before sharp: 10 a second is no video.
        (USB2[:2], HD, Mode("YUYV", 640, 480)),
        # 25 of 30 is smooth enough to stay sharp.
        ([offer("MJPG", 1280, 720, 25), offer("MJPG", 640, 480, 30)], HD, Mode("MJPG", 1280, 720)),
        # Enough bandwidth: the one that is cheap to decode.
        ([offer("MJPG", 1280, 720, 30), offer("YUYV", 1280, 720, 30)], HD, Mode("YUYV", 1280, 720)),
        # No 720p: more pixels rather than fewer, the same shape rather than bars.
        ([offer("YUYV", 640, 360, 30), offer("YUYV", 1920, 1080, 30)], HD, Mode("YUYV", 1920, 1080)),
        ([offer("YUYV", 960, 540, 30), offer("YUYV", 640, 480, 30)], HD, Mode("YUYV", 960, 540)),
        ([offer("NV12", 640, 480, 30)], HD, Mode("NV12", 640, 480)),
        ([offer("RGB3", 1280, 720, 30), offer("YU12", 1280, 720, 30)], HD, Mode("YU12", 1280, 720)),
        # A range of sizes, and a driver that tells no rates.
        ([Offer("YUYV", 2, 1, 8192, 8192, ())], HD, Mode("YUYV", 1280, 720)),
        ([Offer("YUYV", 2, 1, 800, 600, (1.0, 60.0))], HD, Mode("YUYV", 800, 600)),
        # Nominally 29.97 is 30.
        ([offer("YUYV", 1280, 720, 29.97), offer("MJPG", 1280, 720, 30)], HD, Mode("YUYV", 1280, 720)),
        ([], HD, None),
    ],
)
def test_the_mode_that_loses_least_is_taken(offers, wanted, mode):
    assert choose(offers, wanted) == mode
    assert choose(reversed(offers), wanted) == mode


def test_an_offer_reads_as_people_write_it():
    assert str(offer("YUYV", 640, 480, 15, 30)) == "640x480 at 15, 30"
    assert str(Offer("YUYV", 2, 2, 800, 600, ())) == "2x2 to 800x600"


@pytest.mark.parametrize(
    ("offers", "refused"),
    [
        # Two webcams on one bus: first JPEGs, then fewer pixels, then nothing.
        (
            [offer("YUYV", 1280, 720, 30), offer("MJPG", 1280, 720, 30), offer("MJPG", 640, 480, 30)],
            [Mode("YUYV", 1280, 720), Mode("MJPG", 1280, 720), Mode("MJPG", 640, 480), None],
        ),
        (USB2, [Mode("MJPG", 1280, 720), Mode("MJPG", 640, 480), None]),
        (
            [offer("YUYV", 640, 480, 30), offer("YUYV", 320, 240, 30)],
            [Mode("YUYV", 640, 480), Mode("YUYV", 320, 240), None],
        ),
    ],
)
def test_where_the_bus_is_too_narrow_each_try_asks_for_less(offers, refused):
    tried, below = [], float("inf")
    while True:
        tried.append(mode := choose(offers, HD, below))
        if mode is None:
            break
        below = mode.load
    assert tried == refused
