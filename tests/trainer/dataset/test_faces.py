import cv2
import numpy as np
import pytest
from PIL import Image

from lensd.errors import MediaError
from tests.trainer.dataset.pictures import portrait, read, silent
from trainer.art.shipped import thug_life_sticker
from trainer.dataset.draw import View, draw_works
from trainer.dataset.faces import find_faces
from trainer.dataset.photographs import find_photographs, yaw_deg
from trainer.dataset.work import run
from trainer.pairs import Crop, make_pairs, open_pairs

PUPILS = np.array([[203.3, 100.0], [246.7, 102.7]])
IRISES = [468, 473]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    tilt = cv2.getRotationMatrix2D((225, 120), 15, 0.8)
    other = cv2.warpAffine(portrait(), tilt, (512, 512), borderMode=cv2.BORDER_REPLICATE)
    Image.fromarray(portrait()).save(folder / "one.png")
    Image.fromarray(np.hstack([portrait(), other])).save(folder / "two.png")
    Image.fromarray(255 - portrait()).save(folder / "nobody.png")
    return folder, np.vstack([PUPILS, PUPILS @ tilt[:, :2].T + tilt[:, 2] + (512, 0)])


def unheard(_done, _of):
    pass


def draw(folder, out, view=None, landmarks="auto"):
    works = draw_works(folder, out, [thug_life_sticker()], view, landmarks=landmarks, phases=None, apart=False)
    return run(works, 1, silent)


def test_every_face_of_a_photograph_is_found_where_its_eyes_are(photographs):
    folder, pupils = photographs
    meshes = find_faces(read(folder / "two.png"), ("tracker",))
    assert len(meshes) == 2
    assert np.ptp(meshes[0][:, 1]) > np.ptp(meshes[1][:, 1])
    assert np.abs(np.vstack([mesh[IRISES, :2] for mesh in meshes]) - pupils).max() < 4
    assert find_faces(read(folder / "nobody.png"), ("tracker",)) == []


def test_an_overlay_is_drawn_on_all_faces_and_follows_their_roll(photographs, tmp_path):
    folder, pupils = photographs
    draw(folder, tmp_path)
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["one.png", "two.png"]
    a, b = np.split(read(tmp_path / "train" / "two.png"), 2, axis=1)
    matte = read(tmp_path / "matte" / "train" / "two.png")
    assert np.array_equal(a, read(folder / "two.png"))
    assert np.array_equal(a[matte == 0], b[matte == 0])
    assert all(matte[int(y), int(x)] == 255 for x, y in pupils)
    for left, right, degrees in ((0, 512, -3), (512, 1024, 12)):  # the portrait itself is tilted by 3.5 degrees
        rows, columns = np.nonzero(matte[:, left:right] > 128)
        angle = -np.rad2deg(np.polyfit(columns, rows, 1)[0])
        assert abs(angle - degrees) < 6


def test_squares_are_cut_round_each_face_as_a_lens_sees_them(photographs, tmp_path):
    draw(photographs[0], tmp_path, View(1.4, 0.05, 128))
    assert sorted(path.name for path in (tmp_path / "train").iterdir()) == ["one-0.png", "two-0.png", "two-1.png"]
    one, tilted = (np.split(read(tmp_path / "train" / f"two-{n}.png"), 2, axis=1)[0].astype(int) for n in (0, 1))
    assert one.shape == (128, 128, 3)
    assert np.abs(one - tilted)[24:104, 24:104].mean() < 20  # upright and of one size, both of them
    assert draw(photographs[0], tmp_path, View(1.4, 0.05, 128)).skipped == 2


def test_a_mesh_that_was_given_is_taken_as_it_is(faces_folder, tmp_path):
    done = draw(faces_folder, tmp_path, landmarks="mesh")
    assert done.written == 12
    matte = read(tmp_path / "matte" / "train" / "00.png")
    with np.load(faces_folder / "mesh478.npz") as archive:
        points = archive["points"][list(archive["files"]).index("00.png")]
    assert all(matte[int(y), int(x)] == 255 for x, y in points[IRISES, :2])
    with pytest.raises(MediaError, match="no such file"):
        draw(tmp_path / "train", tmp_path / "out", landmarks="mesh")


def test_photographs_alone_become_pairs_to_train_on(photographs, tmp_path):
    folder, _ = photographs
    rows, meshes, without = find_photographs(folder, "tracker", 1, unheard)
    assert ([row["person"] for row in rows], without) == (["one", "two", "two"], 1)
    assert make_pairs(folder, tmp_path, [thug_life_sticker()], Crop(1.4, 0.05, 64), found=(rows, meshes)) == 3
    opened = open_pairs(tmp_path)
    assert opened.files == ("one.png", "two.png", "two.png")
    assert np.abs(opened.yaw).max() < 25


def test_a_mesh_file_may_name_a_picture_twice(photographs, tmp_path):
    folder, _ = photographs
    (tmp_path / "images").mkdir()
    Image.fromarray(read(folder / "two.png")).save(tmp_path / "images" / "two.png")
    (tmp_path / "index.csv").write_text("file,person,source,yaw_deg\ntwo.png,ann,nasa,0\n")
    meshes = np.array([*find_faces(read(folder / "two.png"), ("tracker",)), np.full((478, 3), np.nan)], np.float32)
    np.savez(tmp_path / "mesh478.npz", files=np.array(["two.png"] * 3), points=meshes)
    assert make_pairs(tmp_path, tmp_path / "out", [thug_life_sticker()], Crop(1.4, 0.05, 64)) == 2
    assert open_pairs(tmp_path / "out").persons == ("ann", "ann")


def test_photographs_without_a_face_are_refused(tmp_path):
    Image.fromarray(255 - portrait()).save(tmp_path / "nobody.png")
    with pytest.raises(MediaError, match="no face is found in any of its 1 pictures"):
        find_photographs(tmp_path, "tracker", 1, unheard)


def test_a_turned_mesh_says_which_way(pairs):
    mesh = pairs.points[0].astype(np.float64)
    for degrees in (-20, 20):
        cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        turned = mesh @ np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        assert np.sign(yaw_deg(turned)) == np.sign(degrees)
