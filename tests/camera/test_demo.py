"""The demo: what a newcomer sees first."""

import numpy as np
import pytest

from lensd.camera import portrait
from lensd.camera.demo import Demo
from lensd.errors import CameraMissing
from lensd.frames import Picture, PixelFormat, VideoFormat

SMALL = VideoFormat(320, 180, 30)


def drawn(number, seed=0, format=SMALL):
    picture = Picture(format.width, format.height)
    Demo(format, seed).draw(number, picture)
    return picture


def test_a_frame_follows_from_its_seed_and_number():
    assert (drawn(7).data == drawn(7).data).all()
    assert (drawn(7).data != drawn(8).data).mean() > 0.2
    assert (drawn(7).data != drawn(7, seed=1).data).mean() > 0.2


def test_frames_do_not_depend_on_those_before():
    demo, picture = Demo(SMALL), Picture(320, 180)
    for number in (100, 3, 7):
        demo.draw(number, picture)
    assert (picture.data == drawn(7).data).all()


@pytest.mark.parametrize("size", [(1280, 720), (640, 480), (320, 180), (480, 854), (1920, 1080)])
def test_the_picture_is_filled_to_its_borders_at_any_size(size):
    picture = drawn(0, format=VideoFormat(*size, 30))
    above = picture.y[: size[1] // 2]
    for edge in (above[0], above[:, 0], above[:, -1]):
        assert np.median(edge) > 25
    assert picture.y.std() > 30
    assert (picture.y >= 1).all()
    # The suit is orange, wherever she moves.
    orange = (picture.v > 160) & (picture.u < 110)
    assert orange.mean() > 0.04
    assert orange[-2:].any()


def test_the_person_moves_as_people_do():
    demo, picture = Demo(VideoFormat(1280, 720, 30)), Picture(1280, 720)
    places, heights = [], []
    for number in range(0, 900, 15):
        pose = demo._pose(number / 30)
        places.append(pose @ [228, 125, 1])  # the face's middle in the portrait
        heights.append(126 * np.hypot(*pose[:, 1]))  # hair line to chin
        lower_edge = pose @ np.array([[0, 512], [512, 512], [1, 1]])
        assert (lower_edge[1] > 720).all()  # where the portrait ends is never seen
    places = np.array(places)
    assert (np.ptp(places, axis=0) > [60, 20]).all()
    assert (places.min(0) > [400, 120]).all()
    assert (places.max(0) < [880, 330]).all()
    assert 150 < min(heights) < max(heights) < 250
    demo.draw(0, picture)


def test_frames_come_at_the_rate_and_stay_valid_for_two_more():
    demo = Demo(VideoFormat(320, 180, 60))
    first = demo.read(1)
    before = bytes(first.data)
    second, third = demo.read(1), demo.read(1)
    assert bytes(first.data) == before
    assert first.sequence < second.sequence < third.sequence
    assert first.captured_ns < second.captured_ns < third.captured_ns
    assert (first.pixel_format, first.full_range, first.width, first.height) == (PixelFormat.I420, False, 320, 180)
    assert len(before) == SMALL.picture_bytes
    demo.close()


def test_without_scikit_image_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(portrait, "find_spec", lambda _name: None)
    with pytest.raises(CameraMissing) as caught:
        Demo(SMALL)
    assert "snaplens[demo]" in caught.value.hint
