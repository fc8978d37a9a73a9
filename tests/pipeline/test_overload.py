"""A machine that cannot keep the rate: the network gives way first, the picture's rate last."""

import time

import numpy as np
import pytest

from lensd.engine.select import open_engine
from lensd.lens.generator import GeneratorLens
from lensd.lens.manifest import Crop
from lensd.pipeline.loader import Loaded
from lensd.pipeline.overload import Overload
from tests.lens.packages import box_network
from tests.pipeline.path_under_test import PathUnderTest, Tracker

PERIOD_MS = 33.3


def heavy_box(layers):
    """A white box of 64 pixels, by a real network that first does `layers` 3x3 convolutions of 64 channels."""
    from onnx import helper, numpy_helper

    model = box_network(colour=(255, 255, 255))
    graph, rng = model.graph, np.random.default_rng(0)
    values = {
        "w": rng.normal(0, 1e-4, (64, 64, 3, 3)),
        "widen": np.zeros((64, 4, 1, 1)),
        "narrow": np.full((4, 64, 1, 1), 1e-9),
    }
    extra = [helper.make_node("Conv", ["mixed", "widen"], ["c0"])]
    extra += [helper.make_node("Conv", [f"c{i}", "w"], [f"c{i + 1}"], pads=[1] * 4) for i in range(layers)]
    extra += [
        helper.make_node("Conv", [f"c{layers}", "narrow"], ["c"]),
        helper.make_node("Add", ["c", "box"], ["painted"]),
    ]
    nodes = [*list(graph.node)[:3], *extra, *list(graph.node)[4:]]
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items())
    return model.SerializeToString()


def milliseconds(engine):
    x, out = np.zeros(engine.input.shape, np.uint8), np.zeros(engine.output.shape, np.uint8)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        engine.infer(x, out)
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times)


class Counting:
    """A real engine whose runs are counted."""

    def __init__(self, engine):
        self.engine, self.runs = engine, 0
        self.input, self.output, self.runtime = engine.input, engine.output, engine.runtime

    def infer(self, x, out):
        self.runs += 1
        self.engine.infer(x, out)

    def close(self):
        self.engine.close()


class WalkingTracker(Tracker):
    """The face goes two pixels to the right and back with each frame."""

    number = 0

    def update(self, picture, captured_ns):
        (face,) = super().update(picture, captured_ns)
        self.number += 1
        face.landmarks_px[:, 0] += 2 * (self.number % 8)
        return (face,)


class SlowPath(PathUnderTest):
    """The pipeline with a generator whose network really takes longer than the camera's period allows."""

    def _load(self, name):
        one = open_engine(heavy_box(4), runtime="onnxruntime")
        layers = max(4, round(4 * 13 / milliseconds(one)))  # 13 ms here and now, of a period of 10
        one.close()
        self.engine = Counting(open_engine(heavy_box(layers), runtime="onnxruntime"))
        self.tracker = WalkingTracker()
        return Loaded(GeneratorLens("heavy", Crop(1.6, 0.05, 64), self.engine), self.tracker, "onnxruntime")


def test_a_network_that_takes_too_long_runs_on_every_second_frame_and_its_layer_moves_with_the_face():
    with SlowPath(lens="heavy") as path:
        path.until(lambda: path.render.overload.every_second, "every second frame")
        runs, pictures = path.engine.runs, len(path.pictures)
        path.until_pictures(30)
        shown = path.pictures[pictures:]
        assert path.engine.runs - runs <= 0.65 * len(shown) + 2
        places = [int(np.flatnonzero(luma.max(0) > 225).mean()) for _, luma in shown]
        steps = np.abs(np.diff(places))
        assert (steps[steps < 8] >= 1).all()  # on no picture does the lens stand still while the face walks
        path.period_s = 0.12  # the load is gone
        path.until(lambda: not path.render.overload.every_second, "every frame again", 20)
        runs, pictures = path.engine.runs, len(path.pictures)
        path.until_pictures(4)
        assert path.engine.runs - runs >= len(path.pictures) - pictures - 1


class Machine:
    """Feeds `Overload` with costs; says on how many frames the network ran."""

    def __init__(self):
        self.overload, self.number = Overload(30), 0

    def frames(self, count, rest_ms, lens_ms, step=1):
        ran = 0
        for _ in range(count):
            self.number += step
            moved = self.overload.begin(self.number, round(self.number * PERIOD_MS * 1e6))
            ran += not moved
            self.overload.done((rest_ms + (0 if moved else lens_ms)) / 1e3, None if moved else lens_ms / 1e3)
        return ran / count


@pytest.mark.parametrize(
    ("rest_ms", "lens_ms", "share"),
    [(10, 18, 1.0), (10, 28, 0.5), (34, 2, 1.0)],  # keeps up; overloaded; overloaded, but not by the lens
)
def test_the_lens_gives_way_where_that_helps(rest_ms, lens_ms, share):
    machine = Machine()
    machine.frames(60, rest_ms, lens_ms)
    assert machine.frames(60, rest_ms, lens_ms) == share


def test_one_long_frame_changes_nothing():
    machine = Machine()
    machine.frames(60, 8, 10)
    machine.frames(1, 400, 10)
    assert machine.frames(30, 8, 10) == 1


def test_frames_that_were_replaced_do_not_hide_the_cameras_rate():
    machine = Machine()
    machine.frames(40, 10, 40, step=2)
    assert machine.overload.every_second


def test_it_does_not_go_to_and_fro():
    machine, changes, was = Machine(), 0, False
    for minute in range(60):
        machine.frames(30, 8, 27 if minute % 6 < 2 else 14)  # two seconds of load in every six
        changes += machine.overload.every_second != was
        was = machine.overload.every_second
    assert changes <= 10  # not 20: the calm that is asked for grows
    machine.frames(30 * 70, 8, 10)
    assert not machine.overload.every_second


def test_another_lens_begins_with_every_frame():
    machine = Machine()
    machine.frames(60, 10, 40)
    machine.overload.reset()
    assert machine.frames(1, 10, 5) == 1
