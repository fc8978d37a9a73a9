"""What people type: `lensd distil`."""

import pytest
from click.testing import CliRunner, Result

from lensd.errors import ConfigError, MediaError
from trainer import checkpoint
from trainer.distil.run import CHECKPOINT
from trainer.distil_command import distil


def call(*arguments: object) -> Result:
    return CliRunner().invoke(distil, [str(argument) for argument in arguments], prog_name="lensd distil")


def test_a_run_says_what_its_student_costs_and_is_gone_on_with(pairs_folder, tmp_path):
    run = tmp_path / "run"
    first = call("--pairs", pairs_folder, "--run", run, "--family=0.1", "--steps=1", "--batch=2", "--weight=warp=1")
    assert first.exit_code == 0, first.exception
    assert "0.007 real GMAC at 64 px, 304,856 parameters, 0.42 MB in a package" in first.output
    assert "warp 0." in first.output
    again = call("--pairs", pairs_folder, "--run", run, "--resume", "--steps=2")
    assert again.exit_code == 0, again.exception
    assert "done" in again.output
    state = checkpoint.load(run / CHECKPOINT)[1]
    assert state["step"] == 2
    assert state["settings"]["weights"]["warp"] == 1


def test_the_help_lists_losses_and_families():
    text = " ".join(call("--help").output.split())
    assert "l1=2 L1 to the target" in text
    assert "0.25 0.243 real GMAC" in text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--family=0.7"], "none of 0.1"),
        (["--weight=vgg=1"], "none of the losses"),
        (["--weight=l1"], "there is no weight in it"),
        (["--weight=l1=much"], "no number"),
        (["--without=everything"], "none of the losses"),
        (["--size=100"], "no multiple of 32"),
        (["--small-steps=9", "--steps=8"], "none of 8 steps"),
        (["--resume"], "no checkpoint to go on with"),
        (["--teacher=nowhere"], "nowhere"),
        (["--start-from=nowhere"], "nowhere"),
        (["--start-from=nowhere.lens"], "no lens to start from"),
        (["--start-from=thug-life", "--family=0.1"], "another family"),
        (["--batch=1"], "batch of 2"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(pairs_folder, tmp_path, arguments, why):
    run = tmp_path / "run"
    result = call("--pairs", pairs_folder, "--run", run, *arguments)
    assert isinstance(result.exception, ConfigError)
    assert why in str(result.exception)
    assert not run.exists()


def test_a_run_is_not_overwritten_nor_changed_in_secret(pairs_folder, tmp_path):
    run = tmp_path / "run"
    assert call("--pairs", pairs_folder, "--run", run, "--steps=1", "--batch=2", "--family=0.1").exit_code == 0
    begun = (run / CHECKPOINT).read_bytes()
    for arguments, why in ((["--steps=2"], "already"), (["--resume", "--rate=0.1"], "has its own rate")):
        result = call("--pairs", pairs_folder, "--run", run, *arguments)
        assert isinstance(result.exception, ConfigError)
        assert why in str(result.exception)
    assert (run / CHECKPOINT).read_bytes() == begun


def test_a_folder_without_pairs_is_refused(tmp_path):
    result = call("--pairs", tmp_path, "--run", tmp_path / "run")
    assert "not a folder of pairs" in str(result.exception)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(pairs_folder, tmp_path):
    (tmp_path / "file").touch()
    result = call("--pairs", pairs_folder, "--run", tmp_path / "file" / "run", "--steps=1", "--batch=2", "--family=0.1")
    assert isinstance(result.exception, MediaError)
    assert "there is no checkpoint yet" in str(result.exception)
