"""From an idea to a file that is passed on: begin, change, pack, install."""

from __future__ import annotations

import shutil

import click.testing
import numpy as np
import onnx
import pytest

from lensd.cli.lens import lens
from lensd.errors import LensError
from lensd.lens.manifest import parse_manifest
from lensd.lens.package import open_package
from lensd.sharing.pack import pack, seal
from lensd.sharing.scaffold import scaffold
from tests.lens.packages import SIZE, box_network, png

WORDS = {"title": 'My "Specs"', "author": "Ann", "licence": "CC0-1.0"}


def run(*arguments):
    done = click.testing.CliRunner().invoke(lens, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_what_init_writes_can_be_changed_packed_and_installed(lenses, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "lensd lens pack my-specs.lens" in run("init", "my-specs", "--author", "Ann")
    sticker = np.zeros((40, 90, 4), np.uint8)
    sticker[5:-5, 5:-5] = (250, 0, 250, 255)
    (tmp_path / "my-specs.lens" / "sticker.png").write_bytes(png(sticker))
    assert "wrote my-specs-1.0.0.lens.zip" in run("pack", "my-specs.lens")
    assert "Installed lens my-specs 1.0.0: My Specs, by Ann" in run("install", "my-specs-1.0.0.lens.zip")
    assert open_package(lenses / "my-specs.lens").contents["sticker.png"] == png(sticker)
    assert "author      Ann" in run("info", "my-specs")
    assert run("verify", "my-specs") == "ok      my-specs 1.0.0: 2 files as they were sealed\n"
    run("remove", "my-specs")
    assert list(lenses.iterdir()) == []


def test_the_same_folder_gives_the_same_zip_and_none_is_overwritten_unasked(tmp_path):
    folder = tmp_path / "specs.lens"
    scaffold(folder, **WORDS)
    first = pack(folder, tmp_path / "a.zip")
    copied = shutil.copytree(folder, tmp_path / "copy" / "specs.lens", copy_function=shutil.copyfile)
    assert pack(copied, tmp_path / "b.zip").sha256 == first.sha256
    with pytest.raises(LensError, match="is there already"):
        pack(folder, tmp_path / "a.zip")
    assert pack(folder, tmp_path / "a.zip", replace=True).sha256 == first.sha256


def test_sealing_changes_the_hashes_and_nothing_else_of_what_the_maker_wrote(tmp_path):
    folder = tmp_path / "specs.lens"
    scaffold(folder, **WORDS)
    head = (folder / "lens.toml").read_text().split("\n[files]")[0]
    top, sticker = head.split("[[sticker]]")
    head = f'# mine\n{top}[files] # old\n"gone.png" = "00"\n[[sticker]]{sticker}'
    (folder / "lens.toml").write_text(head)
    (folder / "CARD.md").write_text("another")
    seal(folder)
    kept, _, files = (folder / "lens.toml").read_text().partition("\n[files]")
    assert kept == f"# mine\n{top}[[sticker]]{sticker}"
    assert "gone.png" not in files
    assert open_package(folder).manifest.title == WORDS["title"]


def test_a_network_from_elsewhere_gets_its_golden_pair(tmp_path):
    onnx.save(box_network(), tmp_path / "net.onnx")
    (tmp_path / "face.png").write_bytes(png(np.full((SIZE, SIZE, 3), 90, np.uint8)))
    given = {"network": tmp_path / "net.onnx", "picture": tmp_path / "face.png"}
    scaffold(tmp_path / "boxed.lens", **WORDS, **given)
    report = pack(tmp_path / "boxed.lens", tmp_path / "boxed.zip").report
    assert (report.kind, report.size_px, report.networks[0].psnr_db) == ("generator", SIZE, 99.0)
    (tmp_path / "face.png").write_bytes(png(np.zeros((8, 8, 3), np.uint8)))
    with pytest.raises(LensError, match="has 8x8 pixels; the network sees 64x64"):
        scaffold(tmp_path / "other.lens", **WORDS, **given)
    assert not (tmp_path / "other.lens").exists()


@pytest.mark.parametrize("name", ["thug-life.lens", "next.lens", "My Specs.lens", "none.lens"])
def test_a_name_that_no_lens_may_have_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(LensError):
        scaffold(tmp_path / name, **WORDS)
    assert list(tmp_path.iterdir()) == []


def test_the_template_says_what_the_parser_takes(tmp_path):
    scaffold(tmp_path / "specs.lens", **WORDS)
    manifest = parse_manifest((tmp_path / "specs.lens" / "lens.toml").read_bytes(), "lens.toml")
    assert (manifest.author, manifest.licence, manifest.stickers[0].anchor) == ("Ann", "CC0-1.0", "eyes")
