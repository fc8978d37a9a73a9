"""What is refused before any work begins."""

from __future__ import annotations

import os

import pytest

from lensd.application.apply import apply_lens
from lensd.application.paths import check_paths
from lensd.errors import MediaError


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "in.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    return path


def test_the_kind_is_told_by_the_content(picture, tmp_path):
    assert check_paths(picture, tmp_path / "out.jpg") == "picture"
    unnamed = picture.rename(tmp_path / "unnamed")
    assert check_paths(unnamed, tmp_path / "out.webp") == "picture"
    unnamed.write_bytes(b"\x1aE\xdf\xa3" + bytes(50))
    assert check_paths(unnamed, tmp_path / "out.mkv") == "video"


def test_the_input_is_never_the_output(picture, tmp_path):
    with pytest.raises(MediaError, match="is the input itself"):
        check_paths(picture, picture)
    (tmp_path / "link.png").symlink_to(picture)
    os.link(picture, tmp_path / "hard.png")
    for name in ("link.png", "hard.png"):
        with pytest.raises(MediaError, match="is the input itself"):
            check_paths(picture, tmp_path / name)


@pytest.mark.parametrize("name", ["out.mp4", "out", "out.gif", "out.txt"])
def test_an_output_of_another_kind_is_refused_with_a_name_that_would_do(picture, tmp_path, name):
    with pytest.raises(MediaError, match=r"must end in \.png, \.jpg, \.jpeg, \.webp") as caught:
        check_paths(picture, tmp_path / name)
    assert caught.value.hint == "name it out.png"


def test_a_folder_as_output_is_refused(picture, tmp_path):
    (tmp_path / "out.png").mkdir()
    with pytest.raises(MediaError, match="no plain file"):
        check_paths(picture, tmp_path / "out.png")


def test_a_missing_an_empty_and_a_strange_input_are_refused(tmp_path):
    with pytest.raises(MediaError, match="No such file"):
        check_paths(tmp_path / "in.png", tmp_path / "out.png")
    (tmp_path / "empty.png").touch()
    with pytest.raises(MediaError, match="is empty"):
        check_paths(tmp_path / "empty.png", tmp_path / "out.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(MediaError, match="no plain file"):
        check_paths(tmp_path / "pipe.png", tmp_path / "out.png")


def test_an_output_that_cannot_be_written_is_refused_before_the_lens_draws(picture, tmp_path):
    class Never:
        """Neither lens nor tracker may be asked anything."""

    with pytest.raises(MediaError, match="No such file or directory") as caught:
        apply_lens(Never(), Never(), picture, tmp_path / "missing" / "out.png", lambda _share: None)
    assert "folder that you may write to" in caught.value.hint
