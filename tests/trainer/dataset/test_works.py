import numpy as np
import pytest
from PIL import Image

from lensd.errors import MediaError
from tests.trainer.dataset.pictures import folder_of, read, silent, tile
from trainer.dataset.one_by_one import How, one_by_one
from trainer.dataset.sides import combine, take_apart
from trainer.dataset.work import run


def test_pairs_lie_side_by_side_in_train_and_can_be_taken_apart_again(tmp_path):
    a, b = folder_of(tmp_path / "a"), tmp_path / "b"
    run(one_by_one(a, b, How("grayscale")), 1, silent)
    assert run(combine(a, b, tmp_path / "ab"), 1, silent).written == 4
    assert sorted(path.name for path in (tmp_path / "ab" / "train").iterdir()) == [f"p{n}.png" for n in range(4)]
    pair = read(tmp_path / "ab" / "train" / "p2.png")
    assert np.array_equal(pair[:, :64], tile(2))
    assert np.array_equal(pair[:, 64:], read(b / "p2.png"))
    run(take_apart(tmp_path / "ab", tmp_path / "apart"), 1, silent)
    assert np.array_equal(read(tmp_path / "apart" / "B" / "train" / "p2.png"), read(b / "p2.png"))
    assert np.array_equal(read(tmp_path / "apart" / "A" / "train" / "p2.png"), tile(2))


def test_a_run_that_was_cut_goes_on_with_what_is_missing(tmp_path):
    a = folder_of(tmp_path / "a")
    works = one_by_one(a, tmp_path / "out", How("resize", 32))
    run(works[:2], 1, silent)
    (tmp_path / "out" / "p0.png").write_bytes(b"kept as it is")
    done = run(works, 1, silent)
    assert (done.written, done.skipped) == (2, 2)
    assert (tmp_path / "out" / "p0.png").read_bytes() == b"kept as it is"
    assert read(tmp_path / "out" / "p3.png").shape == (32, 32, 3)


def test_processes_write_what_one_process_writes(tmp_path):
    a = folder_of(tmp_path / "a", 6)
    for workers in (1, 2):
        run(one_by_one(a, tmp_path / str(workers), How("edges")), workers, silent)
    for number in range(6):
        one, two = (tmp_path / str(workers) / f"p{number}.png" for workers in (1, 2))
        assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_picture_is_named_before_anything_is_written(workers, tmp_path):
    a = folder_of(tmp_path / "a")
    (a / "p3.png").write_bytes((a / "p3.png").read_bytes()[:300])
    with pytest.raises(MediaError, match=r"p3\.png: is damaged or cut off"):
        run(one_by_one(a, tmp_path / "out", How("grayscale")), workers, silent)
    assert not (tmp_path / "out").exists()


def test_a_picture_without_its_other_or_of_another_size_is_named_before_anything_is_written(tmp_path):
    a, b = folder_of(tmp_path / "a"), folder_of(tmp_path / "b")
    Image.fromarray(tile(1, 48)).save(b / "p1.png")
    with pytest.raises(MediaError, match=r"p1\.png: is 48x48, and .*p1\.png is 64x64"):
        run(combine(a, b, tmp_path / "out"), 1, silent)
    assert not (tmp_path / "out").exists()
    assert run(combine(a, b, tmp_path / "sized", size=32), 1, silent).written == 4
    (b / "p2.png").unlink()
    with pytest.raises(MediaError, match=r"a: p2: there is no picture of that name in"):
        combine(a, b, tmp_path / "out")


def test_an_overlay_is_laid_over_a_and_its_matte_is_kept(tmp_path):
    a, b = folder_of(tmp_path / "a", 1), tmp_path / "b"
    b.mkdir()
    layer = np.zeros((64, 64, 4), np.uint8)
    layer[20:30, 20:30] = (255, 0, 0, 255)
    Image.fromarray(layer).save(b / "p0.png")
    run(combine(a, b, tmp_path / "out", overlay=True), 1, silent)
    pair = read(tmp_path / "out" / "train" / "p0.png")
    assert (pair[20:30, 84:94] == (255, 0, 0)).all()
    assert np.array_equal(pair[:20, 64:], tile(0)[:20])
    assert np.array_equal(read(tmp_path / "out" / "matte" / "train" / "p0.png"), layer[..., 3])
    Image.fromarray(tile(0)).save(b / "p0.png")
    with pytest.raises(MediaError, match="has no transparency"):
        run(combine(a, b, tmp_path / "again", overlay=True), 1, silent)


def test_a_list_says_which_part_each_pair_goes_to(tmp_path):
    a, b = folder_of(tmp_path / "a"), folder_of(tmp_path / "b")
    run(combine(a, b, tmp_path / "out", phases={"p0": "train", "p1": "val", "p2": "test"}, apart=True), 1, silent)
    written = sorted(str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.png"))
    assert written == [f"{s}/{p}.png" for s in "AB" for p in ("test/p2", "train/p0", "val/p1")]


def test_the_folder_that_is_read_is_not_written(tmp_path):
    a = folder_of(tmp_path / "a")
    with pytest.raises(MediaError, match="is the folder that is read"):
        one_by_one(a, tmp_path / "a", How("grayscale"))


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path):
    a = folder_of(tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(MediaError, match="not a directory"):
        run(one_by_one(a, tmp_path / "file" / "out", How("grayscale")), 1, silent)


def test_progress_is_told_for_both_stages(tmp_path):
    told = []
    run(one_by_one(folder_of(tmp_path / "a", 2), tmp_path / "o", How("blank")), 1, lambda *args: told.append(args))
    assert told == [("checked", 1, 2), ("checked", 2, 2), ("written", 1, 2), ("written", 2, 2)]
