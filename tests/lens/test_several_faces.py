"""A generator on several faces: one run where the engine takes them together, and layers that follow their faces."""

import numpy as np
import onnxruntime
import pytest

from lensd.engine.batch_dimension import with_any_batch
from lensd.engine.select import open_engine
from lensd.frames import Face, Picture
from lensd.lens.align import template_points
from lensd.lens.generator import GeneratorLens
from lensd.lens.manifest import Crop
from tests.lens.packages import SIZE, box_network

NETWORK = box_network().SerializeToString()
CROP = Crop(1.6, 0.05, SIZE)


class BatchOnProcessor:
    """ONNX Runtime, with several pictures in one run besides, as TensorRT has it."""

    faces = 4

    def __init__(self):
        self._one = open_engine(NETWORK, runtime="onnxruntime")
        self.input, self.output, self.runtime = self._one.input, self._one.output, "onnxruntime"
        self._many = onnxruntime.InferenceSession(with_any_batch(NETWORK))
        self.runs = []

    def infer(self, x, out):
        self.runs.append(1)
        self._one.infer(x, out)

    def infer_many(self, x, out):
        self.runs.append(len(x))
        out[...] = self._many.run(None, {"x": x})[0]

    def close(self):
        self._one.close()


@pytest.fixture
def picture():
    picture = Picture(320, 240)
    picture.data[:] = np.random.default_rng(0).integers(16, 235, picture.data.shape, dtype=np.uint8)
    return picture


def face(number, x=160.0, size=60.0):
    return Face(number, (template_points() * size + [x, 120, 0]).astype(np.float32), 0.9)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_faces_drawn_together_are_those_drawn_one_by_one(picture, count):
    engine = BatchOnProcessor()
    lens = GeneratorLens("box", CROP, engine)
    assert lens.most_at_once == 4
    faces = [face(number, 60.0 + 50 * number) for number in range(count)]
    together = lens.draw_all(picture, faces)
    assert engine.runs == [count]
    other = GeneratorLens("box", CROP, open_engine(NETWORK, runtime="onnxruntime"))
    assert other.most_at_once == 1
    for one, layer in zip((other.draw(picture, each) for each in faces), together, strict=True):
        assert np.abs(one.rgba.astype(int) - layer.rgba).max() <= 1
        np.testing.assert_array_equal(one.to_picture, layer.to_picture)
    for lens_ in (lens, other):
        lens_.close()


def test_a_face_that_is_no_square_is_left_out_of_the_run(picture):
    engine = BatchOnProcessor()
    lens = GeneratorLens("box", CROP, engine)
    layers = lens.draw_all(picture, [face(1), face(2, size=0.5), face(3)])
    assert [layer is not None for layer in layers] == [True, False, True]
    assert engine.runs == [2]
    lens.close()


def test_a_layer_follows_its_face_without_a_run_and_a_new_face_has_none(picture):
    engine = BatchOnProcessor()
    lens = GeneratorLens("box", CROP, engine)
    drawn = {number: lens.draw(picture, face(number, 60.0 + 60 * number)) for number in range(4)}
    kept = {number: layer.rgba.copy() for number, layer in drawn.items()}
    del engine.runs[:]
    for number in (2, 0, 3, 1):
        moved = lens.follow(face(number, 70.0 + 60 * number, 66.0))
        np.testing.assert_array_equal(moved.rgba, kept[number])
        expected = GeneratorLens._square_of(lens, face(number, 70.0 + 60 * number, 66.0))
        np.testing.assert_array_equal(moved.to_picture, expected)
    assert engine.runs == []
    assert lens.follow(face(9)) is None
    lens.draw(picture, face(9))  # takes the buffer that was used longest ago: face 2's
    assert lens.follow(face(2)) is None
    assert lens.follow(face(1)) is not None
    assert lens.follow(face(1, size=0.5)) is None
    lens.close()
