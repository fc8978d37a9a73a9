"""The gallery's way from photographs to a package: pairs with exact mattes, a run that goes on, a card with figures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lensd.errors import ConfigError
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from trainer.distil.families import FAMILIES
from trainer.distil.predecessor import generator_of
from trainer.gallery.__main__ import main
from trainer.gallery.hardship import HARDSHIPS
from trainer.gallery.lenses import GALLERY, taught
from trainer.gallery.painted import gallery_pairs
from trainer.gallery.ship import ship, teach
from trainer.pairs import Crop, open_pairs
from trainer.truth import painted_crop

UNMOVED = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@pytest.fixture(scope="module")
def tiger():
    lens = taught("tiger")
    return replace(lens, crop=Crop(1.4, 0.03, 64), lesson=replace(lens.lesson, start_from=None))


@pytest.fixture(scope="module")
def tiger_pairs(tiger, faces_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("gallery") / "pairs"
    told = []
    assert gallery_pairs(tiger, faces_folder, out, every=2, tell=lambda *line: told.append(line)) == 6
    assert told[-1] == (6, 6)
    return out


def test_pairs_of_a_painter_hold_what_it_paints_and_who_is_held_out(tiger, tiger_pairs):
    made = open_pairs(tiger_pairs)
    assert made.crop == tiger.crop
    assert 0 < made.held_out.sum() < 6
    painted = painted_crop(made, 1, UNMOVED, made.photos.shape[1])
    colour, matte = tiger.painter(made.photos[1], made.points[1], 2)
    assert np.array_equal(painted[..., :3], colour)
    assert np.array_equal(painted[..., 3], matte)


def test_a_lens_is_taught_stopped_taught_on_and_shipped_with_its_figures(tiger, tiger_pairs, tmp_path):
    lines = []
    few = {"steps": 4}
    stopped = teach(tiger, tiger_pairs, tmp_path / "run", lines.append, lambda: len(lines) > 0, **few)
    assert stopped is None
    checkpoint = teach(tiger, tiger_pairs, tmp_path / "run", lines.append, lambda: False, **few)
    assert lines[-1].step == 4
    assert teach(tiger, tiger_pairs, tmp_path / "run", lines.append, lambda: False, **few) == checkpoint
    package = open_package(ship(tiger, tiger_pairs, checkpoint, tmp_path / "lenses"))
    assert (package.name, package.manifest.kind, package.manifest.version) == ("tiger", "generator", "1.0.0")
    card = package.contents["CARD.md"].decode()
    assert f"| all | {open_pairs(tiger_pairs).held_out.sum()} |" in card
    assert all(f"| {name} | " in card for name in HARDSHIPS)
    assert "{" not in card
    assert sum(len(content) for content in package.contents.values()) < 2_000_000


def test_a_hardship_changes_the_photograph_alike_each_time_and_not_the_one_it_was_given(tiger_pairs):
    made = open_pairs(tiger_pairs)
    photo, points = made.photos[0].copy(), made.points[0]
    for harder in HARDSHIPS.values():
        hard = harder(photo, points, 5)
        assert np.array_equal(hard, harder(photo, points, 5))
        assert hard.shape == photo.shape
        assert np.abs(hard.astype(int) - photo).mean() > 1
        assert np.array_equal(photo, made.photos[0])


def test_every_lens_begins_as_one_that_ships_and_is_of_its_family():
    for lens in GALLERY:
        if lens.lesson.start_from is not None:
            family = FAMILIES["0.25"]
            crop = torch.zeros(1, 3, 64, 64)
            generator_of(find_package(lens.lesson.start_from), family.widths, family.blocks, [crop])


def test_every_lens_has_a_crop_in_which_its_network_can_work():
    names = [lens.name for lens in GALLERY]
    assert len(set(names)) == len(names)
    for lens in GALLERY:
        assert lens.crop.size_px % 32 == 0
        assert lens.lesson.small_steps < lens.lesson.steps
    with pytest.raises(ConfigError, match="not in the gallery"):
        taught("nothing")


def test_the_command_draws_a_stickers_pairs_and_a_sheet_to_look_at(faces_folder, tmp_path):
    asked = [
        "crown",
        "--faces",
        str(faces_folder),
        "--out",
        str(tmp_path / "pairs"),
        "--sheet",
        str(tmp_path / "s.png"),
    ]
    done = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert done.exit_code == 0
    assert len(open_pairs(tmp_path / "pairs").photos) == 12
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="no pairs yet"):
        CliRunner().invoke(main, ["dog", "--out", str(tmp_path / "none")], catch_exceptions=False)
