"""Costs, and two lenses side by side, through the command."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lensd.evaluation.cost import measure_cost
from lensd.lens.package import open_package
from tests.evaluation.faces import write_faces
from tests.lens.packages import SIZE, box_network, write_generator, write_overlay


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    write_faces(root / "faces", 2)
    write_overlay(root / "dots.lens")
    write_generator(root / "tiny.lens", teacher="dots")
    write_generator(root / "both.lens", teacher="dots", int8=box_network().SerializeToString())
    return root


def lensd(*arguments):
    command = [sys.executable, "-m", "lensd", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_multiplications_and_parameters_are_counted_and_every_runtime_is_told_of(folder):
    cost = measure_cost(open_package(folder / "both.lens"))
    assert cost.gmac == pytest.approx(3 * 4 * SIZE * SIZE / 1e9)
    assert cost.parameters == 12 + 4 * SIZE * SIZE + 2
    here = {(row.runtime, row.precision): row for row in cost.runtimes}
    assert {("onnxruntime", "float32"), ("onnxruntime", "int8")} <= here.keys()
    assert here["onnxruntime", "float32"].parity_db == 99
    assert all(row.median_ms > 0 for row in cost.runtimes)
    told = {row.runtime for row in cost.runtimes} | {name for name, _ in cost.refused}
    assert {"tensorrt", "tensorrt-rtx", "openvino", "onnxruntime"} <= {name.split(",")[0] for name in told}


def test_an_overlay_costs_no_multiplications(folder):
    assert measure_cost(open_package(folder / "dots.lens")) is None


def test_one_lens_keeps_todays_keys_and_two_are_a_list(folder):
    one = lensd("evaluate", folder / "tiny.lens", "--faces", folder / "faces", "--json")
    assert one.returncode == 0, one.stderr
    told = json.loads(one.stdout)
    assert {"lens", "points", "faces", "iou_mean", "iou_p5", "fired", "change_outside", "inside_l1"} <= told.keys()
    assert {"psnr_inside", "ssim_outside", "edge_sharpness", "leak", "groups", "skipped", "cost"} <= told.keys()
    two = lensd(
        "evaluate", folder / "tiny.lens", folder / "dots.lens", "--faces", folder / "faces", "--json", "--no-cost"
    )
    assert [lens["lens"] for lens in json.loads(two.stdout)["lenses"]] == ["tiny", "dots"]
    assert json.loads(two.stdout)["lenses"][1]["iou_mean"] == 1.0
    assert told["precision"] == "float32"


def test_both_networks_of_one_lens_stand_side_by_side_on_the_page(folder):
    done = lensd(
        *("evaluate", folder / "both.lens", "--faces", folder / "faces", "--report", folder / "page"),
        *("--precision", "float32", "--precision", "int8"),
    )
    assert done.returncode == 0, done.stderr
    assert "both, int8" in done.stdout
    assert "real GMAC" in done.stdout
    page = (folder / "page/index.html").read_text()
    assert "<th>both, int8</th>" in page
    assert "onnxruntime, int8" in page


def test_three_lenses_and_a_precision_that_a_lens_lacks_are_refused(folder):
    three = lensd("evaluate", *[folder / "dots.lens"] * 3, "--faces", folder / "faces")
    assert three.returncode == 2
    assert "at most two" in three.stderr
    lacking = lensd("evaluate", folder / "tiny.lens", "--faces", folder / "faces", "--precision", "int8")
    assert "has no network in int8" in lacking.stderr
    assert "Traceback" not in lacking.stderr
