"""The gallery's painters: always the same, inside the face, with the wearer's mouth and eyes."""

import cv2
import numpy as np
import pytest

from lensd.lens.align import apply, crop_to_picture, invert
from trainer.art.mesh import LIPS, MOUTH, filled, surface
from trainer.gallery.lenses import GALLERY
from trainer.portrait import portrait
from trainer.window import window

SIZE = 200
PAINTERS = {lens.name: lens for lens in GALLERY if lens.painter}
PAINTED_ON_THE_MESH = sorted(set(PAINTERS) & {"skull", "tiger", "comic"})


@pytest.fixture(scope="module")
def face():
    photo, points = window(*portrait())
    small = cv2.resize(photo, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return small, ((points + np.array([0.5, 0.5, 0])) * (SIZE / len(photo)) - np.array([0.5, 0.5, 0])).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def gaping(face):
    """The mesh with its lower lip and chin a sixth of the face lower."""
    points = face[1].copy()
    unit = np.linalg.norm(points[152] - points[10])
    middle = points[[13, 14], 1].mean()
    upper = np.isin(
        np.arange(478), [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 61, 185, 40, 39, 37, 0, 267, 269]
    )
    lower = (points[:, 1] > middle - 0.01 * unit) & (np.abs(points[:, 0] - points[13, 0]) < 0.16 * unit) & ~upper
    points[lower, 1] += unit / 6
    return points


@pytest.mark.parametrize("name", sorted(PAINTERS))
def test_a_painter_paints_the_same_face_the_same_way_and_nothing_beyond_its_crop(name, face):
    lens = PAINTERS[name]
    picture, matte = lens.painter(*face, 3)
    again = lens.painter(*(part.copy() for part in face), 3)
    assert np.array_equal(picture, again[0])
    assert np.array_equal(matte, again[1])
    assert (picture.dtype, picture.shape) == (np.uint8, (SIZE, SIZE, 3))
    assert (matte.dtype, matte.shape) == (np.uint8, (SIZE, SIZE))
    assert matte.max() > 240
    y, x = np.nonzero(matte > 8)
    to_crop = invert(crop_to_picture(face[1], lens.crop.size_px, lens.crop.side, lens.crop.up))
    placed = apply(to_crop, np.column_stack([x, y]).astype(np.float32))
    assert placed.min() > 0
    assert placed.max() < lens.crop.size_px - 1
    # The seam: what is painted fades out where it ends at the photograph.
    assert matte[surface(face[1], SIZE).inside].mean() > 150


@pytest.mark.parametrize("name", PAINTED_ON_THE_MESH)
def test_paint_follows_the_mouth_and_leaves_the_eyes_alive(name, face, gaping):
    photo, points = face
    assert PAINTERS[name].painter(photo, points)[1][tuple(np.rint(points[[468, 473], 1::-1]).astype(int).T)].max() < 60
    picture, matte = PAINTERS[name].painter(photo, gaping)
    opened = filled(gaping, MOUTH, SIZE) > 0.99
    opened = cv2.erode(opened.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    lips = (filled(gaping, LIPS, SIZE) > 0.99) & (filled(gaping, MOUTH, SIZE) < 0.01)
    assert opened.sum() > 100
    assert np.median(matte[lips]) > 200
    alive = matte[opened].mean() < 40
    dark = matte[opened].min() > 180 and picture[opened].mean() < 60
    assert alive or dark


def test_a_turned_head_shows_the_near_cheek_wide_and_the_far_one_narrow(face):
    points = face[1].copy()
    middle = points.mean(0)
    turn = np.radians(30)
    points[:, 0], points[:, 2] = (
        middle[0] + np.cos(turn) * (points[:, 0] - middle[0]) + np.sin(turn) * (points[:, 2] - middle[2]),
        middle[2] - np.sin(turn) * (points[:, 0] - middle[0]) + np.cos(turn) * (points[:, 2] - middle[2]),
    )
    seen = surface(points, SIZE)
    sides = [int(((seen.place[..., 0] < 0) & seen.inside).sum()), int(((seen.place[..., 0] > 0) & seen.inside).sum())]
    assert min(sides) < 0.75 * max(sides)
    assert np.abs(seen.normal[seen.inside][:, 0].mean()) > 0.05
