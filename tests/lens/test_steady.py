"""What trembles stands still, what changes is taken over at once, and neither is ever overshot."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from onnx import TensorProto, helper, numpy_helper

from lensd.engine.select import open_engine
from lensd.frames import SEEN_ONCE, Face, Layer, Picture
from lensd.lens.align import template_points
from lensd.lens.generator import GeneratorLens
from lensd.lens.manifest import Crop
from lensd.lens.steady import Steadier

SIDE = 64


def square(value, matte=255):
    return np.dstack([np.full((SIDE, SIDE, 3), value, np.uint8), np.full((SIDE, SIDE), matte, np.uint8)])


def edge(at):
    """A matte that ends at column `at`, a fraction of a pixel counts."""
    picture = square(120)
    picture[..., 3] = np.clip((at - np.arange(SIDE)) * 255, 0, 255)
    return picture


@given(arrays(np.uint8, (24, 24, 4)), arrays(np.uint8, (24, 24, 4)))
def test_every_pixel_ends_between_where_it_was_and_where_it_should_be(before, new):
    settled = before.copy()
    Steadier(before.shape).settle(settled, new)
    assert (settled >= np.minimum(before, new)).all()
    assert (settled <= np.maximum(before, new)).all()


@given(arrays(np.uint8, (24, 24, 4)))
def test_what_stays_the_same_stays_the_same(picture):
    settled = picture.copy()
    Steadier(picture.shape).settle(settled, picture)
    np.testing.assert_array_equal(settled, picture)


@pytest.mark.parametrize(("rows", "columns"), [((20, 37), (28, 45)), ((1, 9), (50, 64)), ((30, 31), (3, 4))])
def test_what_is_painted_settles_alike_beside_nothing_and_beside_something_that_stays(rows, columns):
    rng, inside = np.random.default_rng(3), np.s_[slice(*rows), slice(*columns)]
    alone, framed = ([np.zeros((SIDE, SIDE, 4), np.uint8) for _ in range(2)] for _ in range(2))
    for one, other in zip(alone, framed, strict=True):
        one[inside] = other[inside] = rng.integers(0, 256, one[inside].shape)
        other[:: SIDE - 1, :: SIDE - 1] = 9  # all of it has to be looked at then
    Steadier((SIDE, SIDE, 4)).settle(*alone)
    Steadier((SIDE, SIDE, 4)).settle(*framed)
    assert alone[0].any()
    framed[0][:: SIDE - 1, :: SIDE - 1] = alone[0][:: SIDE - 1, :: SIDE - 1]
    np.testing.assert_array_equal(*(settled for settled, _ in (alone, framed)))


def test_an_edge_that_trembles_by_half_a_pixel_stands_still():
    steadier, settled = Steadier((SIDE, SIDE, 4)), edge(30.0)
    for at in (30.4, 29.7, 30.1, 29.6, 30.3) * 4:
        steadier.settle(settled, edge(at))
    np.testing.assert_array_equal(settled, edge(30.0))


def test_an_edge_that_moves_away_is_followed_within_a_pixel():
    steadier, settled = Steadier((SIDE, SIDE, 4)), edge(20.0)
    for picture in range(1, 60):  # a third of a pixel a picture
        at = 20 + picture / 3
        steadier.settle(settled, edge(at))
        assert abs(settled[..., 3].sum(1, dtype=np.int64) / 255 - at).max() < 2.0


@pytest.mark.parametrize("new", [square(220), square(120, matte=0)])
def test_what_changes_broadly_is_there_at_once(new):
    settled = square(120)
    Steadier((SIDE, SIDE, 4)).settle(settled, new)
    np.testing.assert_array_equal(settled, new)


def face(track):
    return Face(track, (template_points() * 100 + [160, 120, 0]).astype(np.float32), 1.0)


def picture(luma):
    made = Picture(320, 240)
    made.y[:], made.u[:], made.v[:] = luma, 128, 128
    return made


def painted(lens, luma, track) -> Layer:
    layer = lens.draw(picture(luma), face(track))
    return layer.rgba.copy()


def echo_network():
    """A network that paints what it sees, everywhere."""
    matte = numpy_helper.from_array(np.full((1, SIDE, SIDE, 1), 255, np.uint8), "matte")
    sides = [
        helper.make_tensor_value_info(name, TensorProto.UINT8, [1, SIDE, SIDE, channels])
        for name, channels in (("crop", 3), ("rgba", 4))
    ]
    graph = helper.make_graph(
        [helper.make_node("Concat", ["crop", "matte"], ["rgba"], axis=3)], "echo", sides[:1], sides[1:], [matte]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


@pytest.fixture
def lens():
    made = GeneratorLens("echo", Crop(1.4, 0.0, SIDE), open_engine(echo_network(), runtime="onnxruntime"))
    yield made
    made.close()


def test_a_lens_keeps_what_it_painted_on_a_face_where_little_differs(lens):
    first = painted(lens, 100, track=1)
    np.testing.assert_array_equal(painted(lens, 102, track=1), first)
    assert (painted(lens, 180, track=1)[..., 0] > first[..., 0]).all()


def test_another_face_owes_it_nothing(lens):
    first = painted(lens, 100, track=1)
    assert (painted(lens, 102, track=2)[..., 0] > first[..., 0]).all()


def test_nor_does_a_picture_by_itself(lens):
    first = painted(lens, 100, track=SEEN_ONCE)
    assert (painted(lens, 102, track=SEEN_ONCE)[..., 0] > first[..., 0]).all()
