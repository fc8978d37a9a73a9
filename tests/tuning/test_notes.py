"""Measurements, kept per machine: whole files, and nothing believed that is not what was asked for."""

import time

import pytest

from lensd.lens.package import open_package
from lensd.tuning.machine import key_of
from lensd.tuning.notes import Measured, Notes, Way
from tests.lens.packages import box_network, write_generator

KEY = {"networks": {"float32": "ab"}, "machine": {"cores": 2}, "versions": {"onnxruntime": "1.32.0"}}
GOOD = Measured("onnxruntime", "int8", ms=3.5, load_ms=90, psnr_db=50.1, at_s=1e9)


def test_what_was_measured_is_known_the_next_time_and_only_under_its_key(tmp_path):
    Notes(tmp_path / "new").store(KEY, [GOOD])
    assert Notes(tmp_path / "new").load(KEY) == {Way("onnxruntime", "int8"): GOOD}
    for part, other in (("networks", {}), ("machine", {"cores": 4}), ("versions", {"onnxruntime": "1.33.0"})):
        assert Notes(tmp_path / "new").load(KEY | {part: other}) == {}


def test_a_failure_is_tried_again_after_a_day(tmp_path):
    notes = Notes(tmp_path)
    fresh = Measured("openvino", "float32", why="no memory", at_s=time.time())
    notes.store(KEY, [fresh, Measured("tensorrt", "float32", why="no memory", at_s=time.time() - 90_000)])
    assert list(notes.load(KEY)) == [fresh.way]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:40],
        lambda text: text.replace('"ms": 3.5', '"ms": "fast"'),
        lambda text: text.replace('"ms": 3.5', '"ms": null'),
        lambda text: text.replace('"ms": 3.5', '"ms": -1'),
        lambda text: text.replace('"ab"', '"cd"'),
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace("load_ms", "laod_ms"),
        lambda _text: "[]",
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_measured_again(tmp_path, spoil, caplog):
    Notes(tmp_path).store(KEY, [GOOD])
    (path,) = tmp_path.iterdir()
    assert (path.stat().st_mode & 0o777) == 0o600
    path.write_text(spoil(path.read_text()))
    assert Notes(tmp_path).load(KEY) == {}
    assert "measured again" in caplog.text


def test_a_folder_that_cannot_be_written_is_said_and_no_more(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    Notes(tmp_path / "file").store(KEY, [GOOD])
    assert "could not be kept" in caplog.text


def test_another_network_is_another_key(tmp_path):
    one, other = (
        open_package(write_generator(tmp_path / str(number) / "tiny.lens", network=box_network(colour=(number, 0, 0))))
        for number in range(2)
    )
    assert key_of(one) == key_of(one)
    assert key_of(one)["networks"] != key_of(other)["networks"]
    assert {"snaplens", "onnxruntime"} <= key_of(one)["versions"].keys()
