"""A real lens in the real runtimes of this machine: opened at once, measured beside, run in the fastest."""

import time

import numpy as np
import pytest

from lensd.engine.cuda import gpu
from lensd.engine.select import Candidate, candidates
from lensd.errors import GoldenMismatch, RuntimeMissing
from lensd.lens.package import open_package
from lensd.tuning import tuner as tuning
from lensd.tuning.notes import Measured, Notes, Way
from lensd.tuning.tuner import Tuner
from tests.lens.packages import box_network, write_generator

SAFE, INT8 = Way("onnxruntime", "float32"), Way("onnxruntime", "int8")


def slow(seed=0):
    """The box again, by a network that takes some milliseconds longer: twenty convolutions that add next to nothing."""
    from onnx import helper, numpy_helper

    model = box_network()
    graph = model.graph
    weights = np.random.default_rng(seed).normal(0, 1e-4, (48, 48, 5, 5)).astype(np.float32)
    widen, narrow = np.zeros((48, 4, 1, 1), np.float32), np.full((4, 48, 1, 1), 1e-9, np.float32)
    extra = [helper.make_node("Conv", ["mixed", "widen"], ["c0"])]
    extra += [helper.make_node("Conv", [f"c{i}", "w"], [f"c{i + 1}"], pads=[2] * 4) for i in range(20)]
    extra += [
        helper.make_node("Conv", ["c20", "narrow"], ["c"]),
        helper.make_node("Add", ["c", "box"], ["painted"]),
    ]
    nodes = [*list(graph.node)[:3], *extra, *list(graph.node)[4:]]
    del graph.node[:]
    graph.node.extend(nodes)
    for name, value in (("w", weights), ("widen", widen), ("narrow", narrow)):
        graph.initializer.append(numpy_helper.from_array(value, name))
    return model


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Tuners that have only ONNX Runtime to choose from, in two precisions, and wait for nothing."""
    only = [each for each in candidates() if each.runtime == "onnxruntime" or not each.available]
    monkeypatch.setattr(tuning, "candidates", lambda: tuple(only))
    monkeypatch.setattr(tuning, "_SETTLED_S", 0.0)
    made = []

    def make_(runtime="auto"):
        made.append(Tuner(runtime, Notes(tmp_path / "notes")))
        return made[-1]

    yield make_
    for each in made:
        each.close()


def has_gpu():
    try:
        return bool(gpu())
    except RuntimeMissing:
        return False


def package(tmp_path, network=None, int8=None):
    return open_package(write_generator(tmp_path / "tiny.lens", network=network, int8=int8))


def turned(tuner, seconds=240):
    """Turn until something faster is known; return the lens's name, or None where nothing is left to measure."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if name := tuner.turn():
            return name
        if tuner.status()["measuring"] is None and not tuner._tuned.unmeasured:
            return None
        time.sleep(0.02)
    raise AssertionError(tuner.status())


def test_a_lens_opens_at_once_and_then_in_the_faster_way_that_was_measured_beside_it(tmp_path, make):
    lens = package(tmp_path, slow(), box_network().SerializeToString())
    tuner = make()
    opened, way = tuner.open(lens)
    opened.close()
    assert way == SAFE
    assert turned(tuner) == "tiny"
    opened, way = tuner.open(lens)
    opened.close()
    assert way == INT8
    assert tuner.turn() is None  # it is on air now
    told = tuner.status()
    assert [row["way"] for row in told["measured"]] == ["onnxruntime int8", "onnxruntime float32"]
    assert all(row["golden_db"] >= 35 for row in told["measured"])
    assert {"tensorrt", "onnxruntime-cuda"} <= {row["way"] for row in told["refused"]}
    opened, way = make().open(lens)  # the next process knows it
    opened.close()
    assert way == INT8


def test_for_a_file_all_is_measured_before_the_lens_is_opened_and_once_only(tmp_path, make):
    lens = package(tmp_path, slow(), box_network().SerializeToString())
    told = []
    assert make().measure(lens, told.append) == INT8
    assert told == [SAFE, INT8]
    opened, way = make().open(lens, patient=True)
    opened.close()
    assert way == INT8
    told.clear()
    assert make().measure(lens, told.append) == INT8
    assert told == []


def test_for_a_file_a_plan_that_takes_minutes_is_left_to_the_daemon(tmp_path, make, monkeypatch):
    monkeypatch.setattr(tuning, "candidates", lambda: (Candidate("tensorrt", True), Candidate("onnxruntime", True)))
    told = []
    assert make().measure(package(tmp_path), told.append) == SAFE
    assert told == [SAFE]


def test_a_way_that_paints_another_picture_is_refused_with_the_figure(tmp_path, make):
    lens = package(tmp_path, slow(), box_network(colour=(190, 90, 60)).SerializeToString())
    tuner = make()
    tuner.open(lens)[0].close()
    assert turned(tuner) is None
    (refused,) = [row for row in tuner.status()["refused"] if row["way"] == "onnxruntime int8"]
    assert "dB" in refused["why"]


def test_what_is_remembered_and_does_not_run_any_more_gives_way_and_says_why(tmp_path, make):
    lens = package(tmp_path, None, box_network(colour=(190, 90, 60)).SerializeToString())
    tuner = make()
    Notes(tmp_path / "notes").store(tuning.key_of(lens), [Measured(*INT8, ms=0.1), Measured(*SAFE, ms=9.0)])
    opened, way = tuner.open(lens)
    opened.close()
    assert way == SAFE
    assert "dB" in next(row["why"] for row in tuner.status()["refused"] if row["way"] == "onnxruntime int8")
    assert tuner.turn() is None  # it is not asked for again


def test_what_fails_while_it_draws_is_out_of_use_from_then_on(tmp_path, make):
    lens = package(tmp_path, None, box_network().SerializeToString())
    tuner = make()
    Notes(tmp_path / "notes").store(tuning.key_of(lens), [Measured(*INT8, ms=0.1), Measured(*SAFE, ms=9.0)])
    opened, way = tuner.open(lens)
    opened.close()
    assert way == INT8
    tuner.failed("cudaEventSynchronize: the device was lost")
    opened, way = tuner.open(lens)
    opened.close()
    assert way == SAFE
    assert tuner.status()["refused"][-1] == {
        "way": "onnxruntime int8",
        "why": "cudaEventSynchronize: the device was lost",
    }
    assert tuner.turn() is None


def test_a_plan_that_is_gone_is_built_again_beside_the_processor_and_not_for_ever(tmp_path, make, monkeypatch):
    only = (*tuning.candidates(), Candidate("tensorrt-rtx", available=True))
    monkeypatch.setattr(tuning, "candidates", lambda: only)
    lens, plan = package(tmp_path), Way("tensorrt-rtx", "float32")
    tuner = make()
    Notes(tmp_path / "notes").store(tuning.key_of(lens), [Measured(*plan, ms=0.1), Measured(*SAFE, ms=9.0)])
    opened, way = tuner.open(lens)
    opened.close()
    assert way == SAFE
    assert tuner._tuned.unmeasured == [plan]
    if not has_gpu():
        assert turned(tuner) is None
        (refused,) = [row for row in tuner.status()["refused"] if row["way"] == str(plan)]
        assert "driver" in refused["why"]


def test_where_there_is_nothing_to_choose_from_nothing_is_measured(tmp_path, make):
    tuner = make()
    tuner.open(package(tmp_path))[0].close()
    assert tuner.turn() is None
    assert tuner.status()["measuring"] is None
    tuner.forget()
    assert tuner.status() == {}


def test_a_lens_whose_own_picture_is_wrong_is_refused_in_every_way(tmp_path, make):
    with pytest.raises(GoldenMismatch):
        make().open(package(tmp_path, box_network(colour=(190, 90, 60))))


def test_a_runtime_that_was_asked_for_by_name_is_not_replaced_by_another(tmp_path, make):
    with pytest.raises(RuntimeMissing) as caught:
        make("tensorrt-rtx").open(package(tmp_path))
    assert caught.value.hint
