"""`lensd lenses` as a process, and the headers of pictures against Pillow's reading."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from lensd.errors import PackageError
from lensd.lens.picture_headers import check_webp, png_header
from tests.lens.packages import write_generator, write_overlay


def lensd(home, *arguments):
    environment = {**os.environ, "XDG_DATA_HOME": str(home)}
    command = [sys.executable, "-m", "lensd", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


def test_the_list_is_an_array_for_programs_and_a_table_for_people(tmp_path):
    write_generator(tmp_path / "lensd/lenses/mine.lens")
    told = json.loads(lensd(tmp_path, "lenses", "--json").stdout)
    assert [lens for lens in told if lens["name"] == "mine"] == [
        {
            "name": "mine",
            "title": "A test",
            "kind": "generator",
            "source": "user",
            "version": "1.0.0",
            "author": "Tests",
            "tags": ["test"],
            "favourite": False,
            "path": str(tmp_path / "lensd/lenses/mine.lens"),
            "preview": str(tmp_path / "lensd/lenses/mine.lens/preview.webp"),
        }
    ]
    assert {"none", "thug-life-overlay"} <= {lens["name"] for lens in told if lens["source"] == "built-in"}
    readable = lensd(tmp_path, "lenses").stdout
    assert "mine" in readable
    assert str(tmp_path / "lensd/lenses") in readable


def test_words_and_tags_find_lenses_and_favourites_outlive_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    write_overlay(tmp_path / "lensd/lenses/mine.lens")

    def found(*options):
        return [lens["name"] for lens in json.loads(lensd(tmp_path, "lenses", "--json", *options).stdout)]

    drawn = found("GLASSES", "drawn")
    assert {"moustache-overlay", "thug-life-overlay"} <= set(drawn)
    assert {"thug-life", "crown-overlay", "none"}.isdisjoint(drawn)
    assert {"thug-life", "thug-life-overlay"} <= set(found("--tag", "Sticker", "--tag", "glasses", "life"))
    assert "crown-overlay" not in found("--tag", "sticker", "--tag", "glasses")
    assert found("--own") == found("--tag", "test") == ["mine"]
    assert lensd(tmp_path, "favourite", "mine").returncode == 0
    assert found("--favourites") == ["mine"]
    assert "No such lens. There are the tags " in lensd(tmp_path, "lenses", "nothing-like-it").stdout


def test_a_broken_lens_is_told_and_the_rest_is_listed(tmp_path):
    (write_overlay(tmp_path / "lensd/lenses/broken.lens") / "lens.toml").write_text('name = "\\u001b[31m"\n')
    done = lensd(tmp_path, "lenses", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)[0]["name"] == "none"
    assert done.stderr == "skipped broken.lens: broken.lens/lens.toml: schema is missing\n"


@pytest.mark.parametrize(
    ("mode", "options"),
    [("RGB", {}), ("RGB", {"lossless": True}), ("RGBA", {}), ("RGB", {"exif": b"Exif\0\0" + bytes(20)})],
)
def test_every_form_of_webp_is_measured_as_pillow_measures_it(mode, options):
    for width, height in ((320, 200), (1024, 1), (1025, 8), (8, 1025)):
        stream = io.BytesIO()
        Image.new(mode, (width, height), (10, 20, 30) if mode == "RGB" else (10, 20, 30, 40)).save(
            stream, "WEBP", **options
        )
        if max(width, height) <= 1024:
            check_webp(stream.getvalue(), "x")
        else:
            with pytest.raises(PackageError, match=f"says {width}x{height}"):
                check_webp(stream.getvalue(), "x")


def test_every_form_of_png_is_told_apart():
    for mode, channels in (("L", 0), ("LA", 0), ("RGB", 3), ("RGBA", 4)):
        stream = io.BytesIO()
        Image.new(mode, (30, 20)).save(stream, "PNG")
        assert png_header(stream.getvalue(), "x") == (30, 20, 8, channels)
