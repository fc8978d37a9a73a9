import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lensd.errors import LensdError, MediaError
from tests.application.media import write_video
from tests.trainer.dataset.pictures import folder_of, portrait, read, tile
from trainer.commands import pairs


def lensd_pairs(*arguments, status=0):
    result = CliRunner().invoke(pairs, [str(argument) for argument in arguments])
    if isinstance(result.exception, LensdError):
        raise result.exception
    assert result.exit_code == status, (result.output, result.exception)
    return result.stdout


def test_the_commands_lead_from_photographs_to_pairs_that_are_fine(tmp_path):
    photos, resized, drawn, out = (tmp_path / name for name in ("photos", "resized", "drawn", "out"))
    folder_of(photos, 6)
    lensd_pairs("resize", photos, "--out", resized, "--size", 96, "--pad", "--workers", 1)
    lensd_pairs("edges", resized, "--out", drawn, "--sigma", 1, "--workers", 1)
    (drawn / "index.csv").write_text("file,person\n" + "".join(f"p{n}.png,who{n // 2}\n" for n in range(6)))
    told = lensd_pairs("split", drawn, "--out", tmp_path / "list.json", "--by", "person", "--val", 0, "--test", 0.33)
    assert told.startswith("train 4, val 0, test 2 of 3 groups")
    lensd_pairs("combine", drawn, resized, "--out", out, "--split", tmp_path / "list.json", "--workers", 1)
    assert len(list((out / "test").iterdir())) == 2
    report = json.loads(lensd_pairs("check", out, "--json", "--sheet", tmp_path / "sheet.png", "--workers", 1))
    assert report["pairs"] == {"train": 4, "test": 2}
    assert report["persons_known"]
    assert not [finding for finding in report["findings"] if finding["kind"] == "leak"]
    assert read(tmp_path / "sheet.png").ndim == 3


def test_check_says_what_to_drop_and_ends_with_status_one(tmp_path):
    folder_of(tmp_path / "A", 4, 128)
    folder_of(tmp_path / "B", 4, 128)
    Image.fromarray(np.roll(tile(2, 128), 9, 0)).save(tmp_path / "B" / "p2.png")
    told = lensd_pairs("check", tmp_path, "--workers", 1, status=1)
    assert re.search(r"misaligned  p2: B lies (8\.9|9\.\d) px from A \(.0\.\d across, \+(8\.9|9\.\d) down\)", told)
    assert told.rstrip().endswith("drop 1: p2")


def test_the_form_without_a_verb_is_still_understood(tmp_path):
    Image.fromarray(portrait()).save(tmp_path / "one.png")
    out = tmp_path / "out"
    told = lensd_pairs("--lens", "thug-life-overlay", "--faces", tmp_path, "--out", out, "--size", 64, "--workers", 1)
    assert "1 faces in" in told
    assert json.loads(lensd_pairs("check", out, "--json"))["findings"] == []


def test_a_video_s_frames_become_pictures_and_a_second_run_leaves_them(tmp_path):
    video = write_video(tmp_path / "film.mp4", frames=9, size=(160, 120))
    assert "3 written" in lensd_pairs("frames", video, "--out", tmp_path / "out", "--every", 3)
    assert "0 written" in lensd_pairs("frames", video, "--out", tmp_path / "out", "--every", 3)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["film-000000.png", "film-000003.png", "film-000006.png"]
    first = read(tmp_path / "out" / "film-000000.png")
    assert first.shape == (120, 160, 3)
    assert np.abs(first.astype(int) - portrait()[20:140, 60:220]).mean() < 12
    with pytest.raises(MediaError, match="no video"):
        lensd_pairs("frames", tmp_path / "out" / ".." / "nothing.mp4", "--out", tmp_path / "out")


def test_bad_input_is_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    folder_of(tmp_path / "a", 2)
    with pytest.raises(MediaError, match="has no pictures"):
        lensd_pairs("grayscale", tmp_path / "empty", "--out", tmp_path / "out")
    with pytest.raises(MediaError, match="says nothing of p1"):
        (tmp_path / "index.csv").write_text("file,person\np0.png,ann\n")
        lensd_pairs(
            "split", tmp_path / "a", "--out", tmp_path / "l.csv", "--by", "person", "--index", tmp_path / "index.csv"
        )
    with pytest.raises(LensdError, match="is no overlay"):
        lensd_pairs("draw", tmp_path / "a", "--lens", "thug-life", "--out", tmp_path / "out")
    with pytest.raises(MediaError, match="no face is found in any of its 2"):
        for number in range(2):
            Image.fromarray(255 - tile(number)).save(tmp_path / "a" / f"p{number}.png")
        lensd_pairs("draw", tmp_path / "a", "--lens", "thug-life-overlay", "--out", tmp_path / "out", "--workers", 1)
    assert not (tmp_path / "out").exists()
