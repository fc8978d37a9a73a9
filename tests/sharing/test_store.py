"""Installing and removing: whole or not at all, and nothing replaced or hidden unasked."""

from __future__ import annotations

import os
import resource
import subprocess
import sys

import pytest

from lensd.errors import LensError
from lensd.lens.catalogue import find_lens, read_catalogue
from lensd.lens.package import open_package
from lensd.sharing.store import install, remove, target_of
from lensd.sharing.versions import is_newer
from tests.sharing.conftest import everything, zip_of


def test_a_zip_is_installed_as_a_folder_that_is_found_by_its_name(lenses, generator):
    done = install(zip_of(generator))
    assert done.written
    assert done.replaced is None
    assert [net.psnr_db for net in done.report.networks] == [99.0]  # its network was run
    assert find_lens("tiny").path == lenses / "tiny.lens" == done.path
    assert everything(lenses / "tiny.lens") == everything(generator)
    assert [path.name for path in lenses.iterdir()] == ["tiny.lens"]
    again = install(generator)
    assert (again.written, again.path) == (False, done.path)


def test_another_version_takes_the_place_only_when_asked(lenses, make):
    install(make("1.9.0"))
    newer, older = make("1.10.0"), make("1.2.0")
    with pytest.raises(LensError, match=r"version 1\.9\.0 is installed") as refused:
        install(newer)
    assert refused.value.hint == "lensd lens install ... --upgrade"
    assert install(newer, replacing="older").replaced == "1.9.0"
    with pytest.raises(LensError, match="is no upgrade"):
        install(older, replacing="older")
    assert open_package(lenses / "dots.lens").manifest.version == "1.10.0"
    assert install(older, replacing="any").replaced == "1.10.0"
    assert everything(lenses / "dots.lens") == everything(older)


def test_a_zip_that_was_put_there_by_hand_gives_way_to_the_folder(lenses, make):
    lenses.mkdir(parents=True)
    zip_of(make("1.0.0")).rename(lenses / "other-name.lens.zip")
    assert find_lens("dots").source == "user"
    assert install(make("2.0.0"), replacing="older").replaced == "1.0.0"
    assert [path.name for path in lenses.iterdir()] == ["dots.lens"]


@pytest.mark.parametrize("name", ["thug-life", "moustache-overlay", "next", "previous"])
def test_no_lens_takes_a_name_that_means_something_else(lenses, make, name):
    with pytest.raises(LensError, match=r"taken by a lens that came with lensd|means something else"):
        install(make(name=name), replacing="any")
    assert not lenses.exists()


def test_a_full_disk_leaves_the_old_lens_and_nothing_else(lenses, make):
    install(make("1.0.0"))
    before = everything(lenses)
    newer = make("1.1.0")
    (newer / "CARD.md").write_text("long " * 2000)
    newer = make_sealed(newer)
    done = subprocess.run(
        [sys.executable, "-m", "lensd", "lens", "install", str(newer), "--upgrade"],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert done.returncode == LensError.exit_status
    assert "File too large; what was there before is as it was" in done.stderr
    assert everything(lenses) == before
    assert [path.name for path in lenses.iterdir()] == ["dots.lens"]


def make_sealed(folder):
    from lensd.sharing.pack import seal

    seal(folder)
    return folder


def test_what_a_killed_installation_left_is_no_lens_and_is_cleared_away(lenses, make):
    left = lenses / ".installing-abc" / "dots.lens"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    assert [lens.name for lens in read_catalogue().lenses if lens.source == "user"] == []
    install(make())
    assert [path.name for path in lenses.iterdir()] == ["dots.lens"]


def test_a_lens_of_ones_own_is_removed_also_when_broken_and_a_shipped_one_is_not(lenses, make):
    install(make())
    (lenses / "dots.lens" / "lens.toml").write_text("rubbish")
    assert remove("dots") == [target_of("dots")]
    assert list(lenses.iterdir()) == []
    with pytest.raises(LensError, match="there is no such lens"):
        remove("dots")
    with pytest.raises(LensError, match="came with lensd"):
        remove("thug-life")


def test_a_makers_linked_folder_outlives_its_removal(lenses, make):
    made = make()
    lenses.mkdir(parents=True)
    (lenses / "dots.lens").symlink_to(made)
    assert find_lens("dots").source == "user"
    remove("dots")
    assert not os.path.lexists(lenses / "dots.lens")
    assert open_package(made).name == "dots"


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        ("1.10", "1.9.9", True),
        ("1.0", "1.0.0", False),
        ("1.0.0", "1.0.0-beta2", True),
        ("1.0.0-beta10", "1.0.0-beta2", True),
        ("v2", "1.9", True),
        ("tuesday", "1.0", False),
        ("2.0", "monday", False),
    ],
)
def test_versions_are_compared_as_numbers_where_they_are(one, other, newer):
    assert is_newer(one, other) is newer
    assert not (newer and is_newer(other, one))
