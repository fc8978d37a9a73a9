import numpy as np
import pytest

from lensd.errors import MediaError
from tests.trainer.dataset.pictures import portrait
from trainer.dataset.operations import blank, edges, grayscale, resize


def test_resize_takes_the_middle_or_all_on_black():
    wide = portrait()[100:300]
    assert np.array_equal(resize(wide, 200), wide[:, 156:356])
    padded = resize(wide, 512, pad=True)
    assert np.array_equal(padded[156:356], wide)
    assert not padded[:156].any()
    assert not padded[356:].any()


def test_resize_averages_down_and_grows_to_the_size_asked_for():
    squares = np.kron([[0, 255], [255, 0]], np.ones((2, 2))).astype(np.uint8)[..., None].repeat(3, 2)
    assert resize(squares, 1).tolist() == [[[128] * 3]]
    assert resize(squares, 9).shape == (9, 9, 3)


def test_grayscale_is_luma_in_three_channels():
    grey = grayscale(portrait())
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.abs(grey[..., 0] - portrait() @ [0.299, 0.587, 0.114]).max() < 1


def test_blank_covers_thirty_percent_of_the_side_and_wants_a_square():
    covered = blank(portrait())
    changed = (covered == 255).all(2)
    assert changed[180:332, 180:332].all()
    assert np.array_equal(covered[:179], portrait()[:179])
    with pytest.raises(MediaError, match="square"):
        blank(portrait()[:100])


def test_edges_are_thin_black_lines_where_the_picture_has_outlines():
    drawn = edges(portrait())
    assert set(np.unique(drawn)) == {0, 255}
    assert 0.02 < (drawn == 0).mean() < 0.2
    assert (edges(np.full((64, 64, 3), 90, np.uint8)) == 255).all()
    square = np.zeros((64, 64, 3), np.uint8)
    square[16:48, 16:48] = 200
    rows, columns = np.nonzero(edges(square)[..., 0] == 0)
    assert len(rows) > 100
    assert (
        np.minimum(np.abs(np.array([rows, columns]) - 15.5), np.abs(np.array([rows, columns]) - 47.5)).min(0) < 2
    ).all()


def test_more_blur_leaves_fewer_lines():
    assert (edges(portrait(), 4.0) == 0).sum() < (edges(portrait(), 1.0) == 0).sum()
