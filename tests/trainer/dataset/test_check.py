import cv2
import numpy as np
import pytest
from PIL import Image

from tests.trainer.dataset.pictures import folder_of, portrait, read, silent, tile
from trainer.dataset.check import check_pairs
from trainer.dataset.layout import list_pairs
from trainer.dataset.measure import displacement, perceptual_hash
from trainer.dataset.operations import edges, grayscale
from trainer.dataset.sheet import write_sheet


def pair(folder, name, a, b, phase="train"):
    (folder / phase).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.hstack([a, b])).save(folder / phase / f"{name}.png")


def found(folder, faces=False, phases=None, persons=None):
    pairs, alone = list_pairs(folder, phases, persons)
    report = check_pairs(pairs, alone, look_for_faces=faces, workers=1, tell=silent)
    return report, {(finding.kind, finding.pair) for finding in report.findings}


def test_a_folder_with_nothing_wrong_has_nothing_to_drop(tmp_path):
    for number in range(8):
        pair(tmp_path, f"p{number}", tile(number, 128), grayscale(tile(number, 128)))
    report, kinds = found(tmp_path)
    assert kinds == set()
    assert (report.drop, report.size, report.pairs, report.unsure) == ([], (128, 128), {"train": 8}, 0)


@pytest.mark.parametrize(
    "made", [lambda a: a, grayscale, edges, lambda a: 255 - a], ids=["same", "grey", "edges", "neg"]
)
@pytest.mark.parametrize(("x", "y"), [(0, 0), (2, 0), (0, -5), (7, 4)])
def test_a_shift_of_b_is_measured_whatever_b_is(made, x, y):
    a = tile(0, 190)
    moved = np.roll(made(a), (y, x), (0, 1))
    measured = displacement(a, moved)
    assert measured is not None
    assert np.hypot(measured[0] - x, measured[1] - y) < 0.6


def test_of_pictures_with_nothing_in_common_nothing_is_said():
    assert displacement(tile(0, 128), tile(7, 128)) is None
    assert displacement(tile(0, 128), np.zeros((128, 128, 3), np.uint8)) is None


def test_more_than_three_pixels_are_misaligned_and_fewer_are_not(tmp_path):
    for far in (2, 5):
        pair(tmp_path, f"far{far}", tile(far, 128), np.roll(tile(far, 128), far, 1))
    report, kinds = found(tmp_path)
    assert kinds == {("misaligned", "train/far5")}
    assert "5.0 px from A (+5.0 across, +0.0 down)" in report.findings[0].why


def test_a_picture_that_is_there_twice_is_found_also_when_it_was_saved_anew(tmp_path):
    for number in range(6):
        pair(tmp_path, f"p{number}", tile(number, 128), tile(number, 128))
    pair(tmp_path, "same", tile(1, 128), tile(1, 128))
    pair(tmp_path, "other-b", tile(2, 128), tile(3, 128))
    coded = cv2.imdecode(cv2.imencode(".jpg", tile(4, 128), [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_COLOR)
    pair(tmp_path, "saved", coded, coded, phase="val")
    report, kinds = found(tmp_path)
    assert kinds == {("duplicate", "train/same"), ("duplicate", "train/p2"), ("near-duplicate", "val/saved")}
    why = {finding.pair: finding.why for finding in report.findings}
    assert "has another B" in why["train/p2"]
    assert "another part of the split" in why["val/saved"]


def test_the_perceptual_hash_survives_scaling_and_tells_pictures_apart():
    codes = [perceptual_hash(tile(number, 128)) for number in range(12)]
    small = [perceptual_hash(tile(number, 90)) for number in range(12)]
    assert max((one ^ other).bit_count() for one, other in zip(codes, small, strict=True)) <= 4
    assert min((codes[i] ^ codes[j]).bit_count() for i in range(12) for j in range(i)) > 8


def test_sizes_broken_and_lone_pictures_are_told(tmp_path):
    for side in ("A", "B"):
        folder_of(tmp_path / side, 5)
    Image.fromarray(tile(1, 48)).save(tmp_path / "B" / "p1.png")
    for side in ("A", "B"):
        Image.fromarray(tile(2, 96)).save(tmp_path / side / "p2.png")
    (tmp_path / "A" / "p3.png").write_bytes(b"")
    (tmp_path / "B" / "p4.png").unlink()
    report, kinds = found(tmp_path)
    assert kinds == {("sizes-differ", "p1"), ("other-size", "p2"), ("broken", "p3"), ("alone", "A/p4")}
    assert sorted(report.drop) == ["A/p4", "p1", "p3"]


def test_an_empty_matte_and_a_picture_without_a_face_are_told(tmp_path):
    for name, a, covered in (
        ("face", portrait(), 200),
        ("none", 255 - portrait(), 200),
        ("empty", portrait()[:, ::-1], 0),
    ):
        pair(tmp_path, name, a, a)
        matte = np.zeros(a.shape[:2], np.uint8)
        matte[80:120, 180:280] = covered
        (tmp_path / "matte" / "train").mkdir(parents=True, exist_ok=True)
        Image.fromarray(matte).save(tmp_path / "matte" / "train" / f"{name}.png")
    _, kinds = found(tmp_path, faces=True)
    assert ("matte-empty", "train/empty") in kinds
    assert ("no-face", "train/none") in kinds
    assert not {kind for kind, label in kinds if label == "train/face"}


def test_a_person_in_two_parts_is_a_leak_and_leaves_training(tmp_path):
    for number in range(6):
        pair(tmp_path, f"p{number}", tile(number), tile(number), phase="train" if number < 4 else "test")
    (tmp_path / "index.csv").write_text("file,person\n" + "".join(f"p{n}.jpg,who{n % 3}\n" for n in range(6)))
    report, kinds = found(tmp_path)
    assert kinds == {("leak", "train/p1"), ("leak", "train/p2")}
    assert report.persons_known
    assert "shows who1, who is in test too" in report.findings[0].why


def test_a_list_serves_where_the_folder_has_no_parts(tmp_path):
    for number in range(4):
        Image.fromarray(np.hstack([tile(number)] * 2)).save(tmp_path / f"p{number}.png")
    phases = {"p0": "train", "p1": "train", "p2": "val", "p3": "test"}
    _, kinds = found(tmp_path, phases=phases, persons={"p0": "ann", "p1": "bob", "p2": "ann", "p3": "eve"})
    assert kinds == {("leak", "train/p0")}


def test_the_sheet_shows_what_is_wrong_first_and_in_red(tmp_path):
    for number in range(5):
        shift = 6 if number == 3 else 0
        pair(tmp_path / "ab", f"p{number}", tile(number, 128), np.roll(tile(number, 128), shift, 1))
    report, _ = found(tmp_path / "ab")
    assert write_sheet(tmp_path / "sheet.png", list_pairs(tmp_path / "ab")[0], report, most=4) == 4
    sheet = read(tmp_path / "sheet.png")
    assert np.array_equal(sheet[8:136, 8:136], tile(3, 128))
    assert (sheet[6, 8:100] == (200, 30, 30)).all()
    assert not (sheet[6, 280:380] == (200, 30, 30)).all()
