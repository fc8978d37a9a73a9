"""The crop against a picture whose every pixel is known."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lensd.frames import Picture
from lensd.lens.crop import crop_rgb

WIDTH, HEIGHT = 320, 240


def gradients():
    """A picture of which red grows with x and green with y, as RGB in float and as planes."""
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    rgb = np.dstack([40 + x * 0.5, 40 + y * 0.6, np.full(x.shape, 90.0)])
    i420 = cv2.cvtColor(np.rint(rgb).astype(np.uint8), cv2.COLOR_RGB2YUV_I420)
    return Picture(WIDTH, HEIGHT, np.ascontiguousarray(i420).reshape(-1))


PICTURE = gradients()


@given(
    scale=st.floats(0.2, 6),
    angle=st.floats(-3.2, 3.2),
    x=st.floats(-50, WIDTH + 50),
    y=st.floats(-50, HEIGHT + 50),
    size=st.sampled_from([64, 128, 256]),
)
def test_every_pixel_shows_the_place_it_was_cut_from(scale, angle, x, y, size):
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    to_picture = np.column_stack([linear, [x, y] - linear @ ([(size - 1) / 2] * 2)]).astype(np.float32)
    out = np.empty((size, size, 3), np.uint8)
    crop_rgb(PICTURE, to_picture, out)
    px, py = np.meshgrid(np.arange(size), np.arange(size))
    places = np.stack([px, py], -1) @ to_picture[:, :2].T + to_picture[:, 2]
    # Averages stop half a block short of the edge; everything else is exact to chroma's grid and rounding.
    margin = scale + 2
    inside = ((places >= margin) & (places <= [WIDTH - 1 - margin, HEIGHT - 1 - margin])).all(-1)
    red, green = 40 + places[..., 0] * 0.5, 40 + places[..., 1] * 0.6
    slack = 4 + scale  # chroma is constant over 2x2 pixels of the crop
    assert np.abs(out[..., 0] - red)[inside].max(initial=0) <= slack
    assert np.abs(out[..., 1] - green)[inside].max(initial=0) <= slack
    assert np.abs(out[..., 2] - 90.0)[inside].max(initial=0) <= 5


def test_outside_the_picture_its_edge_goes_on():
    out = np.empty((64, 64, 3), np.uint8)
    crop_rgb(PICTURE, np.array([[1, 0, -200], [0, 1, 100]], np.float32), out)
    assert np.abs(out[..., 0].astype(int) - 40).max() <= 4
    crop_rgb(PICTURE, np.array([[5, 0, 9000], [0, 5, 9000]], np.float32), out)
    assert np.ptp(out[..., 0]) == 0


def test_fine_stripes_of_a_large_face_become_grey_and_not_moire():
    picture = Picture(WIDTH, HEIGHT)
    picture.y[:, ::2] = 235
    out = np.empty((64, 64, 3), np.uint8)
    crop_rgb(picture, np.array([[2.2, 0, 60], [0, 2.2, 40]], np.float32), out)
    assert np.ptp(out) <= 2
    assert abs(int(out[0, 0, 0]) - 127) <= 3


def test_the_picture_is_not_modified():
    kept = PICTURE.data.copy()
    crop_rgb(PICTURE, np.array([[3, 0, 0], [0, 3, 0]], np.float32), np.empty((64, 64, 3), np.uint8))
    assert np.array_equal(PICTURE.data, kept)
