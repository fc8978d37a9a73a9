"""`lensd doctor` and `lensd export` as a person types them."""

import importlib.util
import json
import os
import subprocess
import sys
from itertools import pairwise

import pytest

from lensd.doctor.checks import CHECKS
from tests.lens.packages import box_network, write_generator

HAS_RTX = importlib.util.find_spec("tensorrt_rtx") is not None


@pytest.fixture
def lensd(tmp_path):
    """Run `lensd WORDS` as a new user with one lens of its own, called tiny."""
    write_generator(tmp_path / "data/lensd/lenses/tiny.lens")
    folders = {f"XDG_{name}": str(tmp_path / name.lower()) for name in ("RUNTIME_DIR", "CACHE_HOME", "STATE_HOME")}
    environment = {**os.environ, **folders, "XDG_DATA_HOME": str(tmp_path / "data")}

    def run(*words):
        command = [sys.executable, "-m", "lensd", *words]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    return run


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What `lensd doctor --json` says to a user with a good lens, one that comes out wrong, and an empty folder."""
    home = tmp_path_factory.mktemp("home")
    lenses = home / "lensd/lenses"
    write_generator(lenses / "tiny.lens")
    write_generator(lenses / "wrong.lens", network=box_network(colour=(20, 200, 30)))
    (lenses / "empty.lens").mkdir()
    environment = {**os.environ, "XDG_DATA_HOME": str(home), "XDG_RUNTIME_DIR": str(home)}
    command = [sys.executable, "-m", "lensd", "doctor", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    return json.loads(done.stdout)


def test_every_check_reports_and_the_worst_decides(report):
    silent = {"browsers", "firefox", "module can", "flatpaks", "snaps", "runtimes", "lenses"}  # where there is nothing
    names = [check["name"] for check in report["checks"]]
    assert {check.name for check in CHECKS} - silent <= set(names)
    assert {check["status"] for check in report["checks"]} <= {"ok", "warn", "fail"}
    assert report["status"] == "fail"
    for check in report["checks"]:
        assert check["detail"]
        assert check["status"] != "fail" or check["hint"], check


def test_every_lens_is_proved_in_every_runtime_that_is_there(report):
    found = {check["name"]: check for check in report["checks"]}
    assert found["lens tiny in onnxruntime"]["status"] == "ok"
    assert found["lens wrong in onnxruntime"]["status"] == "fail"
    assert "another picture than the golden one" in found["lens wrong in onnxruntime"]["detail"]
    assert found["lens empty.lens"]["status"] == "fail"


def test_people_get_a_line_a_check_with_the_command_below_it(lensd):
    done = lensd("doctor")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok    python: 3.")
    [proved] = [line for line in lines if "lens tiny in onnxruntime: golden pair" in line]
    assert proved.endswith("ms a frame")
    assert done.returncode == (1 if any(line.startswith("fail") for line in lines) else 0)
    for line, below in pairwise(lines):
        if line.startswith("fail"):
            assert below.startswith("      "), line


def test_export_for_a_processor_proves_the_lens_and_writes_its_network(lensd, tmp_path):
    done = lensd("export", "tiny", "--output", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("tiny in onnxruntime: golden pair ")
    network = tmp_path / "data/lensd/lenses/tiny.lens/generator.onnx"
    assert (tmp_path / "out/tiny.onnx").read_bytes() == network.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none", "--runtime", "tensorrt"), "error: lens none: draws nothing"),
        (("thug-life-overlay", "--runtime", "onnxruntime"), "is of kind overlay and has no network"),
        (("tiny", "--compute-capability", "89"), "error: --compute-capability: onnxruntime runs the package's own"),
        (("tiny", "--runtime", "onnxruntime", "--precision", "int8"), "error: lens tiny: has no network in int8"),
        (("tiny", "--runtime", "abacus"), "'abacus' is not one of"),
    ],
)
def test_what_cannot_be_exported_is_told_in_a_sentence(lensd, words, said):
    done = lensd("export", *words)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(HAS_RTX, reason="tensorrt_rtx is installed")
def test_export_without_the_runtime_names_the_command_that_installs_it(lensd):
    done = lensd("export", "tiny", "--runtime", "tensorrt-rtx", "--compute-capability", "8.9")
    assert done.returncode == 69
    assert done.stderr.endswith("hint:  pip install 'snaplens[tensorrt-rtx]'\n")


@pytest.mark.skipif(not HAS_RTX, reason="tensorrt_rtx is not installed (pip install 'snaplens[tensorrt-rtx]')")
@pytest.mark.parametrize("given", ["8.9", "89"])
def test_export_builds_a_plan_for_another_gpu(lensd, tmp_path, given):
    done = lensd("export", "tiny", "--runtime", "tensorrt-rtx", "--compute-capability", given, "--output", "plans")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "plans/tiny-tensorrt-rtx-sm89.plan").stat().st_size > 10_000
    assert "INFO: " in (tmp_path / "plans/tiny-tensorrt-rtx-sm89.log").read_text()
    assert "the network: tiny in onnxruntime: golden pair " in done.stdout
    assert "the plan is not checked here: " in done.stdout
    assert "timing cache: none (TensorRT for RTX times nothing)" in done.stdout
    facts = json.loads((tmp_path / "plans/tiny-tensorrt-rtx-sm89.plan.json").read_text())
    assert (facts["compute_capability"], facts["proof"]) == ("8.9", None)
    assert facts["seconds"] > 0


def test_export_leaves_a_checkpoint_to_the_trainer(lensd, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"nothing")
    done = lensd("export", "checkpoint.safetensors", "--help")
    if importlib.util.find_spec("torch") is None:
        assert done.returncode == 78
        assert "needs the trainer" in done.stderr
    else:
        assert "CHECKPOINT" in done.stdout.splitlines()[0]
