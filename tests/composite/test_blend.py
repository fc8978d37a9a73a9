"""The composite against its promises, with Hypothesis choosing patches and places."""

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lensd.composite.blend import MATTE_FLOOR, Compositor, blend
from lensd.composite.region import Region, region_under
from lensd.frames import Layer, Picture

WIDTH, HEIGHT = 96, 64
BT601 = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255


def some_picture(seed, width=WIDTH, height=HEIGHT):
    """A picture of smooth noise with planes in range."""
    picture, noise = Picture(width, height), np.random.default_rng(seed)
    picture.y[:] = noise.integers(16, 236, picture.y.shape)
    picture.u[:] = noise.integers(16, 241, picture.u.shape)
    picture.v[:] = noise.integers(16, 241, picture.v.shape)
    return picture


def some_patch(seed, size=24, softness=3.0):
    """A patch of smooth colours and a smooth blob of a matte that reaches 0 and 255."""
    noise = np.random.default_rng(seed).uniform(0, 255, (size, size, 4))
    rgba = cv2.GaussianBlur(noise, (0, 0), softness)
    rgba = np.clip((rgba - 127.5) * 2 * softness + 127.5, 0, 255)
    return rgba.astype(np.uint8)


def turned(scale, angle, x, y, size=24):
    """The affine that puts a patch's middle on (x, y)."""
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = np.array([(size - 1) / 2] * 2)
    return np.column_stack([linear, [x, y] - linear @ middle]).astype(np.float32)


def reference(picture, layer, fine):
    """Blend in float64 by the definition, with `fine` x `fine` samples a pixel: return y, u and v."""
    rgba = layer.rgba.astype(np.float64)
    matte = np.where(rgba[..., 3] <= MATTE_FLOOR, 0, rgba[..., 3]) / 255
    yuv = rgba[..., :3] @ BT601.T + [16, 128, 128]
    patch = np.pad(np.dstack([yuv * matte[..., None], matte]), ((1, 1), (1, 1), (0, 0)))
    whole = np.vstack([layer.to_picture.astype(np.float64), [0, 0, 1]])
    places = [(np.arange(side * fine) + 0.5) / fine - 0.5 for side in (picture.width, picture.height)]
    grid = np.stack([*np.meshgrid(*places), np.ones((picture.height * fine, picture.width * fine))], -1)
    x, y = np.moveaxis(grid @ np.linalg.inv(whole)[:2].T, -1, 0) + 1
    inside = (x >= 0) & (y >= 0) & (x <= patch.shape[1] - 1) & (y <= patch.shape[0] - 1)
    x, y = np.where(inside, x, 0), np.where(inside, y, 0)
    left, top = np.minimum(x.astype(int), patch.shape[1] - 2), np.minimum(y.astype(int), patch.shape[0] - 2)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    warped = (1 - fy) * ((1 - fx) * patch[top, left] + fx * patch[top, left + 1])
    warped += fy * ((1 - fx) * patch[top + 1, left] + fx * patch[top + 1, left + 1])
    warped = mean_of_blocks(warped, fine)
    half = mean_of_blocks(warped, 2)
    rest, half_rest = 1 - warped[..., 3], 1 - half[..., 3]
    chroma = [plane * half_rest + half[..., at] for plane, at in ((picture.u, 1), (picture.v, 2))]
    return picture.y * rest + warped[..., 0], *chroma


def mean_of_blocks(pixels, block):
    height, width = pixels.shape[:2]
    return pixels.reshape(height // block, block, width // block, block, -1).mean((1, 3))


places = st.builds(
    turned,
    scale=st.floats(1.01, 3),
    angle=st.floats(-3.2, 3.2),
    x=st.floats(-30, WIDTH + 30),
    y=st.floats(-30, HEIGHT + 30),
)


@pytest.mark.parametrize(("shrink", "fine"), [(1.0, 1), (0.5, 2)])
@given(seed=st.integers(0, 2**31), to_picture=places)
def test_it_matches_the_definition_in_float64(shrink, fine, seed, to_picture):
    to_picture[:, :2] *= shrink
    assume(np.sqrt(np.linalg.det(to_picture[:, :2])) < 0.97 or fine == 1)
    picture, layer = some_picture(seed), Layer(some_patch(seed), to_picture)
    y, u, v = reference(picture, layer, fine)
    blend(picture, layer)
    # OpenCV warps to 1/32 of a pixel; on these soft patches that and the rounding stay under four steps, nearly always
    # under one.
    for got, expected in ((picture.y, y), (picture.u, u), (picture.v, v)):
        error = np.abs(got - expected)
        assert error.max() < 4
        assert np.percentile(error, 99) < 1.5


@given(seed=st.integers(0, 2**31), to_picture=places, scale=st.floats(0.02, 1), opacity=st.floats(0, 1))
def test_outside_the_matte_every_byte_stays(seed, to_picture, scale, opacity):
    to_picture[:, :2] *= scale
    picture, before = some_picture(seed), some_picture(seed)
    rgba = some_patch(seed)
    region = blend(picture, Layer(rgba, to_picture), opacity)
    matte = reach_of(rgba, to_picture)
    assert_kept_outside(picture, before, matte)
    changed = np.argwhere(picture.y != before.y)
    if len(changed):
        assert region.y <= changed[:, 0].min() <= changed[:, 0].max() < region.y + region.height
        assert region.x <= changed[:, 1].min() <= changed[:, 1].max() < region.x + region.width


@given(
    seed=st.integers(0, 2**31),
    faces=st.lists(st.tuples(places, st.floats(0.02, 1), st.floats(0, 1)), min_size=2, max_size=4),
)
def test_outside_the_mattes_of_all_faces_every_byte_stays(seed, faces):
    compositor, picture, before = Compositor(), some_picture(seed), some_picture(seed)
    matte = np.zeros((HEIGHT, WIDTH), bool)
    for number, (to_picture, scale, opacity) in enumerate(faces):
        to_picture[:, :2] *= scale
        rgba = some_patch(seed + number)
        compositor.blend(picture, Layer(rgba, to_picture), opacity)
        matte |= reach_of(rgba, to_picture)
    assert_kept_outside(picture, before, matte)


@given(seed=st.integers(0, 2**31), to_picture=places)
def test_at_opacity_0_no_byte_is_touched_and_at_1_it_is_as_without(seed, to_picture):
    picture, layer = some_picture(seed), Layer(some_patch(seed), to_picture)
    assert blend(picture, layer, 0.0) is None
    assert np.array_equal(picture.data, some_picture(seed).data)
    full, plain = some_picture(seed), some_picture(seed)
    assert blend(full, layer, 1.0) == blend(plain, layer)
    assert np.array_equal(full.data, plain.data)


@given(seed=st.integers(0, 2**31), to_picture=places)
def test_a_fade_goes_one_way(seed, to_picture):
    layer, before, pictures = Layer(some_patch(seed), to_picture), some_picture(seed), []
    for opacity in (0.25, 0.5, 0.75, 1.0):
        pictures.append(some_picture(seed))
        blend(pictures[-1], layer, opacity)
    away = [np.abs(picture.y.astype(int) - before.y) for picture in pictures]
    for less, more in itertools.pairwise(away):
        assert (less <= more + 2).all()  # two roundings


def reach_of(rgba, to_picture):
    """Return (H, W) bool: what averaging over blocks and linear interpolation can reach at all."""
    block = min(int(np.ceil(0.5 / np.sqrt(np.linalg.det(to_picture[:, :2])))), 24)
    reach = 2 * max(block, 1) + 1
    canvas = np.pad((rgba[..., 3] > MATTE_FLOOR).astype(np.uint8), 60)
    canvas = cv2.dilate(canvas, np.ones((2 * reach + 1,) * 2, np.uint8))
    whole = np.vstack([to_picture.astype(np.float64), [0, 0, 1]]) @ [[1, 0, -60], [0, 1, -60], [0, 0, 1]]
    grid = np.stack([*np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), np.ones((HEIGHT, WIDTH))], -1)
    x, y = np.rint(np.moveaxis(grid @ np.linalg.inv(whole)[:2].T, -1, 0)).astype(int)
    within = (x >= 0) & (y >= 0) & (x < canvas.shape[1]) & (y < canvas.shape[0])
    return within & (canvas[np.where(within, y, 0), np.where(within, x, 0)] > 0)


def assert_kept_outside(picture, before, matte):
    assert np.array_equal(picture.y[~matte], before.y[~matte])
    blocks = matte.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).any((1, 3))
    assert np.array_equal(picture.u[~blocks], before.u[~blocks])
    assert np.array_equal(picture.v[~blocks], before.v[~blocks])


@given(
    x=st.integers(-40, WIDTH + 40),
    y=st.integers(-40, HEIGHT + 40),
    width=st.integers(1, 33),
    height=st.integers(1, 33),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
)
def test_an_opaque_rectangle_at_any_odd_place_has_its_colours_inside_only(x, y, width, height, colour):
    picture, before = some_picture(1), some_picture(1)
    rgba = np.full((height, width, 4), (*colour, 255), np.uint8)
    blend(picture, Layer(rgba, np.array([[1, 0, x], [0, 1, y]], np.float32)))
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[max(y, 0) : max(y + height, 0), max(x, 0) : max(x + width, 0)] = True
    luma, cb, cr = BT601 @ colour + [16, 128, 128]
    assert np.abs(picture.y[inside] - luma).max(initial=0) <= 1
    assert np.array_equal(picture.y[~inside], before.y[~inside])
    share = inside.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3))
    for got, was, value in ((picture.u, before.u, cb), (picture.v, before.v, cr)):
        assert np.array_equal(got[share == 0], was[share == 0])
        assert np.abs(got - (was * (1 - share) + value * share)).max() <= 1.5


@given(seed=st.integers(0, 2**31), strength=st.integers(0, MATTE_FLOOR))
def test_dust_in_the_matte_draws_nothing(seed, strength):
    rgba = some_patch(seed)
    rgba[..., 3] = strength
    picture = some_picture(seed)
    assert blend(picture, Layer(rgba, turned(2, 0.3, 40, 30))) is None
    assert np.array_equal(picture.data, some_picture(seed).data)


@pytest.mark.parametrize(
    "to_picture",
    [
        np.full((2, 3), np.nan),
        np.array([[np.inf, 0, 0], [0, 1, 0]]),
        np.zeros((2, 3)),
        np.array([[1, 1, 5], [1, 1, 5]]),
        np.array([[1, 0, 1e30], [0, 1, -1e30]]),
        np.array([[1, 0, WIDTH + 1], [0, 1, 0]]),
    ],
)
def test_an_affine_that_leads_nowhere_draws_nothing(to_picture):
    picture = some_picture(3)
    assert blend(picture, Layer(some_patch(3), to_picture.astype(np.float32))) is None
    assert np.array_equal(picture.data, some_picture(3).data)


@given(scale=st.floats(0.01, 0.5), x=st.floats(20, 70), y=st.floats(20, 40))
def test_fine_stripes_drawn_small_become_grey_rather_than_flicker(scale, x, y):
    size = 96
    rgba = np.full((size, size, 4), 255, np.uint8)
    rgba[:, ::2, :3] = 0
    extent = scale * size / 2
    assume(extent > 4)
    picture = Picture(WIDTH, HEIGHT)
    blend(picture, Layer(rgba, turned(scale, 0.0, x, y, size)))
    middle = picture.y[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2].astype(int)
    # The mean is 125. Blocks of three hold two of one stripe, which is 37 off; without averaging it were 110.
    assert np.abs(middle - (16 + 235) / 2).max() <= 40


def test_half_opacity_lies_half_way():
    picture = Picture(WIDTH, HEIGHT)
    rgba = np.full((16, 16, 4), 255, np.uint8)
    blend(picture, Layer(rgba, np.array([[1, 0, 20], [0, 1, 20]], np.float32)), 0.5)
    assert abs(int(picture.y[28, 28]) - (16 + 235) / 2) <= 1


def test_one_compositor_draws_many_frames_as_fresh_ones_would():
    compositor = Compositor()
    for seed in range(30):
        size = 16 + seed
        layer = Layer(some_patch(seed, size), turned(0.2 + seed / 12, seed, 10 + 2 * seed, 5 + 2 * seed, size))
        kept, fresh = some_picture(seed), some_picture(seed)
        assert compositor.blend(kept, layer) == blend(fresh, layer)
        assert np.array_equal(kept.data, fresh.data)


def test_the_layer_is_not_modified():
    rgba = some_patch(5)
    kept = rgba.copy()
    blend(some_picture(5), Layer(rgba, turned(1.5, 0.2, 40, 30)), 0.7)
    assert np.array_equal(rgba, kept)


@given(
    box=st.tuples(*[st.integers(0, 50)] * 2, *[st.integers(1, 50)] * 2),
    numbers=st.lists(st.floats(-1e9, 1e9, width=32), min_size=6, max_size=6),
)
@settings(max_examples=300)
def test_a_region_is_even_and_inside_the_picture(box, numbers):
    region = region_under(Region(*box), np.array(numbers, np.float32).reshape(2, 3), WIDTH, HEIGHT)
    if region is None:
        return
    assert not any(side % 2 for side in region)
    assert region.width > 0
    assert region.height > 0
    assert 0 <= region.x <= region.x + region.width <= WIDTH
    assert 0 <= region.y <= region.y + region.height <= HEIGHT
