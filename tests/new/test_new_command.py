"""The whole way, on six pictures of the one portrait that may be shown, with a handful of steps at 64 px."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lensd.engine.select import open_engine
from lensd.errors import LensdError
from lensd.lens.catalogue import find_lens
from lensd.lens.open import open_lens, teacher_of
from lensd.lens.package import open_package
from tests.new.conftest import dressed, photographs, write_rgb
from trainer import checkpoint
from trainer.new.command import new

# What the first steps of a warm-up teach is finer than the 8 bits of a package's weights, which then paint otherwise:
# by 26 of 255 after 4 steps, by 3 after 16.
TINY = ("--size", "64", "--steps", "16", "--threads", "1")
# A checkpoint after every step, as after two minutes of a real one.
PROGRAM = "import trainer.distil.train as t; t._SAVE_EVERY_S = 0.0; from lensd.cli import main; main()"


def run(*arguments, fine=True):
    """`lensd new ...`, in this process; what it printed, or the error it raised."""
    result = CliRunner().invoke(new, [str(argument) for argument in arguments])
    if fine:
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output
    assert result.exit_code != 0
    return result.exception if isinstance(result.exception, LensdError) else result.output


def started(*arguments, limit=None):
    """The same as a process, maybe with no file larger than `limit` bytes."""
    bounded = "" if limit is None else f"import resource as r; r.setrlimit(r.RLIMIT_FSIZE, ({limit}, {limit})); "
    return subprocess.Popen(
        [sys.executable, "-c", bounded + PROGRAM, "new", *(str(argument) for argument in arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def everything(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The user's files; what is made there is there for all tests of this module."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(home))
        yield home / "lensd"


@pytest.fixture(scope="module")
def red(home, sticker_png, faces_folder):
    """The arguments of a lens that was made, and what was printed."""
    arguments = ("red", "--sticker", sticker_png, "--anchor", "eyes", "--faces", faces_folder, *TINY)
    return arguments, run(*arguments)


def test_a_sticker_becomes_a_lens_that_loads_and_passes_its_golden_pair(home, red):
    assert "wear it: lensd switch red" in red[1]
    assert find_lens("red").path == home / "lenses" / "red.lens"
    lens = open_lens("red", partial(open_engine, runtime="onnxruntime"))  # checks the golden pair
    lens.close()
    package = open_package(home / "lenses" / "red.lens")
    assert package.manifest.teacher == "red-overlay"
    assert teacher_of(package)[0].anchor == "eyes"
    card = package.contents["CARD.md"].decode()
    assert "IoU of the matte: mean" in card
    assert "{" not in card
    assert package.manifest.licence == "not stated: for its maker's own use"


def test_the_page_is_one_file_for_its_user_alone_with_figures_pictures_and_the_command(home, red):
    page = home / "new" / "red" / "evaluate" / "index.html"
    assert str(page) in red[1]
    assert page.stat().st_mode & 0o077 == 0
    text = page.read_text()
    assert "lensd switch red" in text
    assert "IoU, mean" in text
    assert "data:image/jpeg;base64," in text
    assert not re.search(r'(?:src|href)="(?!data:)', text)
    shown = [float(value) for value in re.findall(r"overlap ([0-9.]+)", text)]
    assert shown == sorted(shown)
    assert (home / "new" / "red" / "look" / "first-look.png").is_file()


def test_the_same_command_does_nothing_twice_and_puts_back_what_was_taken_away(home, red):
    before = everything(home / "new" / "red")
    assert run(*red[0]).count("was done") == 6
    assert everything(home / "new" / "red") == before
    shutil.rmtree(home / "lenses" / "red.lens")
    again = run(*red[0])
    assert again.count("was done") == 5
    assert (home / "lenses" / "red.lens").is_dir()
    (home / "new" / "red" / "export" / "red.lens" / "generator.onnx").unlink()
    assert run(*red[0]).count("was done") == 3  # what is no more is made again, and so is what follows from it


def test_other_words_need_no_new_training_and_more_steps_no_new_pairs(home, red, capsys):
    words = run(*red[0], "--title", "Rosy", "--licence", "CC0")
    assert words.count("was done") == 3
    manifest = open_package(home / "lenses" / "red.lens").manifest
    assert (manifest.title, manifest.licence) == ("Rosy", "CC0")
    longer = ["20" if argument == "16" else argument for argument in red[0]]
    assert run(*longer, "--title", "Rosy").count("was done") == 2


def test_pairs_without_mattes_become_a_lens(home, pairs_folder):
    told = run("duo", "--pairs", pairs_folder, *TINY)
    assert "6 faces of 6 people" in told
    package = open_package(home / "lenses" / "duo.lens")
    assert package.manifest.teacher is None
    assert str(pairs_folder) not in package.contents["CARD.md"].decode()
    figures = json.loads((home / "new" / "duo" / "evaluate" / "figures.json").read_text())
    assert figures["iou_mean"] is not None
    assert figures["psnr_inside"] > 5


def test_from_good_on_pairs_get_a_teacher_and_stickers_none(home, red, pairs_folder):
    told = run("duo", "--pairs", pairs_folder, *TINY, "--effort", "good")
    assert re.findall(r"^  (\w+) +(was done|done)", told, re.MULTILINE)[:3] == [
        ("pairs", "was done"),
        ("teacher", "done"),
        ("distil", "done"),
    ]
    state = checkpoint.load(home / "new" / "duo" / "distil" / checkpoint_name())[1]
    assert state["teacher"]
    assert run("duo", "--pairs", pairs_folder, *TINY, "--effort", "good").count("was done") == 6
    assert "teacher" not in red[1]


def test_a_run_killed_inside_a_stage_goes_on_to_the_same_weights(home, red, tmp_path):
    arguments = [*red[0][1:]]
    arguments[arguments.index("--steps") + 1] = "24"
    process = started("cut", *arguments, "--run", tmp_path / "cut")
    saved = tmp_path / "cut" / "distil" / checkpoint_name()
    while process.poll() is None and not saved.exists():
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    reached = checkpoint.load(saved)[1]["step"]
    assert 0 < reached < 24
    (saved.parent / ".checkpoint.abcd.safetensors").write_bytes(b"half a file")
    pairs = everything(tmp_path / "cut" / "pairs")
    told = run("cut", *arguments, "--run", tmp_path / "cut")
    assert told.count("was done") == 2
    assert everything(tmp_path / "cut" / "pairs") == pairs
    assert not list(saved.parent.glob(".*"))
    run("uncut", *arguments, "--run", tmp_path / "uncut")
    cut, uncut = (checkpoint.load(tmp_path / name / "distil" / saved.name)[0] for name in ("cut", "uncut"))
    assert all(np.array_equal(cut[name], uncut[name]) for name in uncut)


def checkpoint_name():
    from trainer.distil.run import CHECKPOINT

    return CHECKPOINT


def test_a_signal_saves_what_is_learned_and_says_how_to_go_on(home, red, tmp_path):
    arguments = [*red[0][1:]]
    arguments[arguments.index("--steps") + 1] = "5000"
    process = started("long", *arguments, "--run", tmp_path / "long")
    saved = tmp_path / "long" / "distil" / checkpoint_name()
    while process.poll() is None and not saved.exists():
        time.sleep(0.02)
    process.terminate()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the state is saved" in output
    assert "the same command goes on" in output
    assert checkpoint.load(saved)[1]["step"] >= 1
    assert not (home / "lenses" / "long.lens").exists()


def test_a_full_disk_leaves_what_was_done_before_whole(home, red, tmp_path):
    arguments = ("full", *red[0][1:], "--run", tmp_path / "full")
    outputs = []
    for limit in (1_000_000, 5_000_000):  # first the windows do not fit, then the checkpoint
        process = started(*arguments, limit=limit)
        outputs.append(process.communicate(timeout=120)[0])
        assert process.returncode not in (0, None)
    for output in outputs:
        assert "Traceback" not in output
        assert "give the same command again" in output
    assert [path.name for path in (tmp_path / "full").glob("*/stamp.json")] == ["stamp.json"] * 2  # look and pairs
    assert run(*arguments, "--again", "distil").count("was done") == 2
    assert (home / "lenses" / "full.lens").is_dir()


def test_another_sticker_is_not_mixed_into_a_run_but_may_begin_anew(home, red, sticker_png, tmp_path):
    picture = np.zeros((60, 80, 4), np.uint8)
    picture[10:50, 10:70] = (0, 200, 0, 255)
    write_rgb(tmp_path / "green.png", picture)
    other = [tmp_path / "green.png" if argument == sticker_png else argument for argument in red[0]]
    before = everything(home)
    error = run(*other, fine=False)
    assert "was begun as red, from the sticker glasses.png on the eyes" in error.why
    assert "--restart" in error.hint
    moved = run(*red[0], "--width", "0.5", fine=False)
    assert "was begun" in moved.why
    assert everything(home) == before


def test_a_run_that_was_begun_anew_or_cut_after_an_export_may_still_install(home, red):
    told = run(*red[0], "--restart")
    assert "was done" not in told
    run(*red[0], "--title", "Once more")
    shutil.rmtree(home / "new" / "red" / "export")  # as if cut there
    shutil.rmtree(home / "new" / "red" / "install")
    assert run(*red[0]).count("was done") == 3


def test_two_at_a_time_do_not_work_in_one_folder(home, red):
    from trainer.new.stages import locked

    with locked(home / "new" / "red"):
        for arguments in (red[0], (*red[0], "--restart")):
            assert "another lensd new is at work" in run(*arguments, fine=False).why


def test_what_cannot_become_a_lens_is_refused_before_anything_is_written(
    home, red, sticker_png, faces_folder, tmp_path
):
    wall = np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8)
    write_rgb(tmp_path / "walls" / "a.png", wall)
    write_rgb(tmp_path / "one" / "a.png", photographs()[0])
    write_rgb(tmp_path / "opaque.png", wall)
    (tmp_path / "empty").mkdir()
    good = ["x", "--sticker", sticker_png, "--anchor", "eyes", "--faces", faces_folder, *TINY]

    def with_(place, value):
        return [*good[:place], value, *good[place + 1 :]]

    cases = {
        "a face is found on no picture": with_(6, tmp_path / "walls"),
        "a face is found on one picture only": with_(6, tmp_path / "one"),
        "has no pictures": with_(6, tmp_path / "empty"),
        "there is no such folder": with_(6, tmp_path / "nowhere"),
        "no photographs were named": ["x", "--sticker", sticker_png, "--anchor", "eyes", *TINY],
        "has no transparency": with_(2, tmp_path / "opaque.png"),
        "not one of 'eyes'": with_(4, "ear"),
        "--sticker needs --anchor": ["x", "--sticker", sticker_png],
        "either --sticker or --pairs": ["x"],
        "exclude each other": [*good, "--pairs", tmp_path],
        "--anchor is for --sticker": ["x", "--pairs", tmp_path, "--anchor", "eyes"],
        "a face is found in side A of no pair": ["x", "--pairs", tmp_path / "walls"],
        "came with lensd": with_(0, "thug-life"),
        "means something else": with_(0, "next"),
        "is too long": with_(0, "x" * 39),
        "name must be": with_(0, "My Lens"),
        "title must be": [*good, "--title", "t" * 70],
        "is taken by": [*with_(0, "red"), "--run", tmp_path / "run"],
        "there is no run": [*good, "--again", "distil"],
        "no stage of this run": [*red[0], "--again", "lunch"],
        "is no run of lensd new": [*good, "--run", faces_folder],
        "not a directory": [*good, "--run", sticker_png / "run"],
    }
    before = everything(home), everything(tmp_path), everything(faces_folder)
    for text, arguments in cases.items():
        error = run(*arguments, fine=False)
        assert text in (str(error) if isinstance(error, str) else f"{error.what} {error.why}"), text
    assert (everything(home), everything(tmp_path), everything(faces_folder)) == before


def test_a_lens_of_that_name_is_replaced_when_told_so(home, red, tmp_path):
    before = (home / "lenses" / "red.lens" / "lens.toml").read_bytes()
    run(*red[0], "--title", "Other", "--run", tmp_path / "run", "--replace")
    assert (home / "lenses" / "red.lens" / "lens.toml").read_bytes() != before
    assert open_package(home / "lenses" / "red.lens").manifest.title == "Other"
    assert [path.name for path in (home / "lenses").iterdir() if path.name.startswith(".")] == []


def test_pictures_that_cannot_be_used_are_counted_and_told(home, tmp_path):
    for number, picture in enumerate(photographs()[:3]):
        write_rgb(tmp_path / "in" / f"{number}.png", np.hstack([picture, dressed(picture)]))
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    told = run("few", "--pairs", tmp_path / "in", *TINY)
    assert "3 faces of 3 people, 1 picture left out" in told
    assert "broken (is no picture that lensd reads)" in told
    assert "It has seen 3 people only" in told
