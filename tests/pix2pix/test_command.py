import importlib.metadata
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lensd.errors import ConfigError, MediaError
from tests.pix2pix.conftest import TINY
from trainer.pix2pix import keep
from trainer.pix2pix_commands import pix2pix

# As pix2pix-tensorflow's are typed: with underscores.
SMALL = [
    *(
        "--generator=resnet_6blocks",
        "--patch=16",
        "--ngf=4",
        "--ndf=4",
        "--scale_size=36",
        "--crop_size=32",
        "--seed=3",
    ),
    *("--device=cpu", "--threads=1", "--which_direction=BtoA", "--no_flip", "--save_freq=2", "--display_freq=2"),
]


def call(*arguments: object) -> Result:
    result = CliRunner().invoke(pix2pix, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_commands_lead_from_pairs_to_a_page(pair_folder, tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    done = call("train", "--input_dir", pair_folder, "--output_dir", run, "--max_steps", 3, *SMALL)
    assert done.exit_code == 0, done.output
    assert "5 pairs, 3 steps" in done.output
    _, state = keep.load(run)
    assert (state.step, state.options.which_direction, state.options.flip) == (3, "BtoA", False)
    more = call("train", "--input-dir", pair_folder, "--output-dir", run, "--resume", "--max-steps", 5, "--device=cpu")
    assert more.exit_code == 0, more.output
    assert keep.load(run)[1].step == 5
    fork = ("--checkpoint", run, "--output-dir", tmp_path / "fork", "--max-steps", 6, "--lr=1e-5", "--device=cpu")
    assert call("train", "--input-dir", pair_folder, *fork).exit_code == 0
    assert keep.load(tmp_path / "fork")[1].step == 6
    assert keep.load(run)[1].step == 5
    painted = call("test", "--checkpoint", run, "--input-dir", pair_folder, "--output-dir", out, "--device=cpu")
    assert painted.exit_code == 0, painted.output
    assert (out / "index.html").exists()


def test_the_fields_own_names_can_be_pasted(pair_folder, tmp_path):
    run = tmp_path / "run"
    theirs = ["--dataroot", pair_folder, "--netG", "resnet_6blocks", "--netD", "n_layers", "--n_layers_D", "1"]
    theirs += ["--direction", "BtoA", "--load_size", "36", "--crop_size", "32", "--ngf", "4", "--ndf", "4"]
    theirs += ["--lambda_L1", "50", "--n_epochs", "1", "--n_epochs_decay", "1", "--lr_policy", "linear", "--no_dropout"]
    theirs += [
        "--gan_mode",
        "lsgan",
        "--pool_size",
        "2",
        "--init_type",
        "xavier",
        "--init_gain",
        ".1",
        "--print_freq",
        "2",
    ]
    theirs += ["--norm", "instance", "--serial_batches", "--max_dataset_size", "2", "--num_threads", "2", "--no_flip"]
    theirs += ["--save_latest_freq", "0", "--save_epoch_freq", "1", "--update_html_freq", "4", "--preprocess", "crop"]
    assert call("train", "--output-dir", run, "--device=cpu", *theirs).exit_code == 0
    _, state = keep.load(run)
    options = state.options
    assert (state.step, options.max_epochs, options.n_epochs_decay, options.schedule) == (4, 2, 1, "linear")
    assert (options.generator, options.patch, options.which_direction) == ("resnet_6blocks", 16, "BtoA")
    assert (options.scale_size, options.l1_weight, options.dropout, options.flip) == (36, 50, False, False)
    assert (options.progress_freq, options.save_freq, options.display_freq) == (2, 0, 4)
    painted = ["--dataroot", pair_folder, "--results_dir", tmp_path / "out", "--num_test", "2", "--eval"]
    assert call("test", "--checkpoint", run, *painted, "--output_filetype", "jpeg", "--device=cpu").exit_code == 0
    assert len(list((tmp_path / "out/images").glob("*-outputs.jpg"))) == 2


def test_lensd_train_is_the_same_command_and_its_folder_may_come_first(pair_folder, tmp_path):
    (train,) = importlib.metadata.entry_points(group="lensd.commands", name="train")
    assert train.load() is pix2pix.commands["train"]
    assert call("train", pair_folder, "--output-dir", tmp_path / "run", "--max-steps=1", *SMALL).exit_code == 0
    for folders in ((), (pair_folder, "--input-dir", pair_folder)):
        twice = call("train", *folders, "--output-dir", tmp_path / "other")
        assert twice.exit_code == 2
        assert "give the folder of pairs, once" in twice.output


def test_what_cannot_be_used_is_told_before_anything_is_written(pair_folder, tmp_path):
    (tmp_path / "empty").mkdir()
    run = tmp_path / "run"
    with pytest.raises(MediaError, match="holds no picture"):
        call("train", "--input-dir", tmp_path / "empty", "--output-dir", run, *SMALL)
    with pytest.raises(ConfigError, match="no multiple of 256"):
        call("train", "--input-dir", pair_folder, "--output-dir", run, *SMALL, "--generator=unet_256")
    unknown = call("train", "--input-dir", pair_folder, "--output-dir", run, "--lambda_l1=10")
    assert unknown.exit_code == 2
    assert "No such option" in unknown.output
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        call("train", "--input-dir", pair_folder, "--output-dir", pair_folder, "--resume", "--device=cpu")
    assert not run.exists()


def test_a_run_is_not_overwritten_and_not_turned_into_another(pair_folder, tmp_path):
    run = tmp_path / "run"
    call("train", "--input-dir", pair_folder, "--output-dir", run, "--max-steps=1", *SMALL)
    with pytest.raises(ConfigError, match="holds a run already"):
        call("train", "--input-dir", pair_folder, "--output-dir", run, *SMALL)
    with pytest.raises(ConfigError, match="another network"):
        call("train", "--input-dir", pair_folder, "--output-dir", run, "--resume", "--ngf=8", "--device=cpu")
    assert keep.load(run)[1].step == 1


def test_every_option_has_a_sentence_and_its_default_in_the_help():
    text = " ".join(call("train", "--help").output.split())
    for name in TINY.__dataclass_fields__:
        assert f"--{name.replace('_', '-')}" in text
    assert "Weight of L1. [default: 100.0]" in text
    assert "[AtoB|BtoA]" in text
    assert "Mirror half of the pairs. [default: on]" in text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_ends(number, pair_folder, tmp_path):
    code = "from trainer.pix2pix_commands import pix2pix; pix2pix()"
    run = tmp_path / "run"
    arguments = ["train", "--input-dir", pair_folder, "--output-dir", run, *SMALL, "--save-freq=100000", "--keep=1"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ends = time.monotonic() + 60
        while not (run / "index.html").exists() and time.monotonic() < ends:  # the first steps are done
            time.sleep(0.05)
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert "stopped, and saved" in told
    assert keep.load(run)[1].step >= 2
