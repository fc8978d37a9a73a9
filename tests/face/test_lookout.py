"""When and where a search is worth it."""

import numpy as np
import pytest

from lensd.face.finder import FaceSearch
from lensd.face.lookout import TURNS_DEG, Lookout
from lensd.frames import Picture
from lensd.lens.align import face_to_picture
from tests.face.synthetic_faces import crowd, template_at

WHOLE = (180, 320)


@pytest.fixture
def lookout():
    """A lookout that has just seen the empty room."""
    lookout = Lookout()
    look = lookout.look(crowd(), (), 0.0)
    assert look.plane.shape == WHOLE
    assert look.corner == (0, 0)
    lookout.done(0.03, 0.02)
    return lookout


def noisy(picture, seed, sigma=6.0):
    noise = np.random.default_rng(seed).normal(0, sigma, picture.y.shape)
    picture.y[:] = np.clip(picture.y + noise, 16, 235)
    return picture


def test_nothing_is_searched_while_a_search_is_under_way():
    lookout = Lookout()
    assert lookout.look(crowd(), (), 0.0) is not None
    assert lookout.look(crowd((600, 300, 1.2, 0)), (), 5.0) is None
    lookout.done(5.0, 0.04)
    assert lookout.look(crowd((600, 300, 1.2, 0)), (), 5.0) is None  # the pause
    assert lookout.look(crowd((600, 300, 1.2, 0)), (), 5.2) is not None


def test_an_empty_room_is_searched_once_a_second(lookout):
    times = []
    for frame in range(1, 120):
        if lookout.look(noisy(crowd(), frame), (), frame / 30) is not None:
            times.append(frame / 30)
            lookout.done(frame / 30 + 0.03, 0.03)
    assert times == pytest.approx([1, 2, 3], abs=0.04)


def test_light_that_goes_down_is_not_news(lookout):
    dark = crowd()
    dark.y[:] = (dark.y - 16) * 0.8 + 16
    assert lookout.look(dark, (), 0.5) is None


@pytest.mark.parametrize(("x", "y"), [(160, 200), (1100, 560), (640, 360)])
def test_who_comes_is_looked_for_at_once_and_only_there(lookout, x, y):
    picture = noisy(crowd((x, y, 1.2, 0)), 1)
    look = lookout.look(picture, (), 0.2)
    assert look.plane.size < 0.5 * np.prod(WHOLE)
    found = next(FaceSearch().looked(look))
    assert len(found) == 1
    assert np.abs(face_to_picture(found[0])[:, 2] - [x / 2, y / 2 + 6]).max() < 16


def test_in_a_large_picture_a_newcomer_of_60_pixels_is_found():
    lookout, room, picture = Lookout(), Picture(1920, 1080), Picture(1920, 1080)
    for plane in (room.y, picture.y):
        plane[:] = np.linspace(90, 170, 1920).astype(np.uint8)
    head = crowd((640, 360, 1.1, 0)).y[110:250, 270:370]  # her face is 60 high
    picture.y[400:540, 1500:1600] = head
    assert lookout.look(room, (), 0.0).block == 5
    lookout.done(0.05, 0.05)
    look = lookout.look(picture, (), 0.3)
    assert look.block == 2
    (found,) = next(FaceSearch().looked(look))
    assert np.abs(face_to_picture(found)[:, 2] - [1550, 475]).max() < 12


def test_who_comes_and_stands_still_is_looked_at_again(lookout):
    picture, looks = crowd((600, 300, 1.2, 0)), []
    for frame in range(3, 29):
        if (look := lookout.look(picture, (), frame / 30)) is not None:
            looks.append((look.turn_deg, look.corner, look.plane.shape))
            lookout.done(frame / 30 + 0.02, 0.02)
    assert len(looks) == 8
    assert {turn_deg for turn_deg, *_ in looks} == {0, *TURNS_DEG}
    assert len({(corner, shape) for _, corner, shape in looks}) == 1


def test_a_face_that_is_known_may_move_with_its_body():
    lookout, place = Lookout(), template_at(320, 150, 70)
    assert lookout.look(crowd((640, 280, 1.2, 0)), [place], 0.0) is not None
    lookout.done(0.03, 0.03)
    moved = crowd((670, 290, 1.2, 0))
    moved.y[260:, 250:380] = 200
    assert lookout.look(moved, [template_at(335, 155, 70)], 0.5) is None
    assert lookout.look(moved, (), 0.5).plane.shape == WHOLE  # lost: it may be anywhere


def test_what_keeps_moving_and_is_no_face_is_looked_at_ever_less_often(lookout):
    gaps, last, rng = [], 0.03, np.random.default_rng(1)
    for frame in range(3, 300):
        now_s, picture = frame / 30, crowd()
        picture.y[40:120, 400:500] = rng.integers(40, 220)  # a television
        if lookout.look(picture, (), now_s) is not None:
            gaps.append(now_s - last)
            last = now_s + 0.04
            lookout.done(last, 0.04)
    assert gaps[1] < 0.15
    assert 0.3 < np.median(gaps[-5:]) < 0.5
    for frame in range(180):  # it is switched off
        if lookout.look(crowd(), (), 10 + frame / 30) is not None:
            lookout.done(10 + frame / 30, 0.04)
    assert lookout.look(crowd((600, 300, 1.2, 0)), (), 16.2) is not None
    lookout.done(16.24, 0.04)
    assert lookout.look(crowd((300, 300, 1.2, 0)), (), 16.36) is not None


def test_another_camera_is_searched_whole(lookout):
    lookout.begin_anew()
    assert lookout.look(Picture(640, 360), (), 0.2).plane.shape == WHOLE
