"""A lens proved in a runtime, in this process and in one of its own."""

import pytest

from lensd.errors import EngineError, GoldenMismatch, LensdError, LensError
from lensd.lens.package import open_package
from lensd.tuning import prove as proving
from lensd.tuning.prove import Proof, prove, prove_apart
from tests.lens.packages import box_network, write_generator, write_overlay


@pytest.fixture
def lens(tmp_path):
    return write_generator(tmp_path / "tiny.lens")


def test_a_lens_that_comes_out_right_is_proved_with_its_time(lens):
    proof = prove(open_package(lens), "onnxruntime")
    assert proof.runtime == "onnxruntime"
    assert proof.psnr_db >= 40
    assert 0 < proof.best_ms < 1000


def test_auto_says_what_really_ran(lens):
    assert prove(open_package(lens), "auto").runtime in {"onnxruntime", "onnxruntime-cuda", "tensorrt", "tensorrt-rtx"}


def test_a_lens_that_draws_something_else_is_refused(tmp_path):
    lens = write_generator(tmp_path / "tiny.lens", network=box_network(colour=(20, 200, 30)))
    with pytest.raises(GoldenMismatch):
        prove(open_package(lens), "onnxruntime")


def test_an_overlay_has_nothing_to_prove(tmp_path):
    with pytest.raises(LensError, match="has no network"):
        prove(open_package(write_overlay(tmp_path / "dots.lens")), "onnxruntime")


def test_the_proof_crosses_the_process(lens):
    proof = prove_apart(lens, "onnxruntime", 60)
    assert isinstance(proof, Proof)
    assert proof.psnr_db >= 40


def test_an_error_crosses_the_process_with_its_hint(tmp_path):
    lens = write_generator(tmp_path / "tiny.lens", network=box_network(matte=0.0))
    with pytest.raises(LensdError, match="draws nothing at all") as caught:
        prove_apart(lens, "onnxruntime", 60)
    assert caught.value.hint


def test_a_runtime_that_takes_too_long_is_a_failure(lens):
    with pytest.raises(EngineError, match=r"no picture within 0\.01 s"):
        prove_apart(lens, "onnxruntime", 0.01)


@pytest.mark.parametrize(
    ("crash", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "crashed: killed by signal 11"),
        ("raise MemoryError('no more')", "crashed: MemoryError: no more"),
    ],
)
def test_a_runtime_that_crashes_is_a_failure_and_no_more(lens, tmp_path, monkeypatch, crash, why):
    fake = tmp_path / "lensd_crash"
    fake.write_text(f'#!/bin/sh\nexec {proving.sys.executable} -c "{crash}"\n')
    fake.chmod(0o755)
    monkeypatch.setattr(proving.sys, "executable", str(fake))
    with pytest.raises(EngineError, match=why):
        prove_apart(lens, "onnxruntime", 60)


def test_the_program_itself_refuses_nonsense(capsys):
    with pytest.raises(SystemExit, match="2"):
        proving.main(["abacus", "x.lens"])
    assert "usage: " in capsys.readouterr().err
