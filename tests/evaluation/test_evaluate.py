"""The figures, on lenses whose figures are known beforehand."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import LensError, MediaError
from lensd.evaluation.evaluate import evaluate
from lensd.evaluation.faces import read_faces
from lensd.evaluation.measure import FACE_OVAL
from lensd.evaluation.report import write_report
from lensd.face.patient import open_patient_tracker
from lensd.frames import Face
from lensd.lens.align import template_points
from lensd.lens.open import lens_of, open_lens, teacher_of
from lensd.lens.overlay import OverlayLens, Sticker
from lensd.lens.package import open_package
from tests.evaluation.faces import write_faces
from tests.lens.packages import write_generator, write_overlay


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces") / "set")


def sticker(width=0.8, centre=(0.0, -0.19), colour=(200, 30, 30)):
    image = np.zeros((32, 64, 4), np.uint8)
    image[4:-4, 4:-4] = (*colour, 255)
    return Sticker(image, "eyes", centre, width)


def test_the_teacher_itself_is_perfect(faces):
    result = evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(faces))
    whole = result.whole
    assert (whole.faces, whole.iou_mean, whole.iou_p5, whole.fired) == (3, 1.0, 1.0, 1.0)
    assert whole.change_outside < 0.02
    assert whole.inside_l1 == 0


def test_a_lens_that_draws_nothing_has_not_fired_and_changes_nothing(faces):
    class Blank(OverlayLens):
        def draw(self, picture, face):
            return None

    whole = evaluate(Blank("blank", [sticker()]), [sticker()], read_faces(faces)).whole
    assert (whole.iou_mean, whole.fired, whole.change_outside) == (0.0, 0.0, 0.0)
    assert whole.inside_l1 > 0.1


@pytest.mark.parametrize("shift", [0.1, 0.2])
def test_the_iou_of_a_shifted_sticker_is_what_geometry_says(faces, shift):
    """Two boxes of width w, one moved by d, share (w - d) / (w + d)."""
    lens = OverlayLens("dots", [sticker(centre=(shift, -0.19))])
    result = evaluate(lens, [sticker()], read_faces(faces, limit=2))
    width = 0.8 * 56 / 64
    # The layer is cut to the drawn sticker: what it misses of the truth lies outside it, and counts all the same.
    assert result.whole.iou_mean == pytest.approx((width - shift) / (width + shift), abs=0.02)


def test_paint_far_from_the_sticker_is_measured_in_camera_pixels(faces):
    near = evaluate(OverlayLens("dots", [sticker(0.8)]), [sticker(0.8)], read_faces(faces, limit=1)).whole
    both = [sticker(0.8), sticker(0.8, centre=(0.0, 1.0), colour=(0, 255, 0))]
    far = evaluate(OverlayLens("dots", both), [sticker(0.8)], read_faces(faces, limit=1)).whole
    area = (0.8 * 56 / 64 * 118) * (0.8 * 24 / 64 * 118) / (400 * 400)
    assert far.change_outside - near.change_outside == pytest.approx(area * 128, rel=0.5)


def test_without_a_teacher_fired_is_a_matte_over_the_faces_oval(faces, tmp_path):
    covering = open_package(write_overlay(tmp_path / "big.lens", centre=(0.0, 0.0), width=6.0))
    lens = lens_of(covering, OnnxRuntimeEngine)
    whole = evaluate(lens, None, read_faces(faces)).whole
    assert (whole.fired, whole.iou_mean, whole.change_outside) == (1.0, None, None)
    small = OverlayLens("dots", [sticker(0.1, centre=(0.0, 2.0))])
    assert evaluate(small, None, read_faces(faces)).whole.fired == 0.0


def test_a_generator_sees_the_crop_that_it_would_see_live(faces, tmp_path):
    write_overlay(tmp_path / "dots.lens")
    package = open_package(write_generator(tmp_path / "tiny.lens", teacher="dots"))
    lens = lens_of(package, OnnxRuntimeEngine)
    result = evaluate(lens, teacher_of(package), read_faces(faces))
    # The box is 0.8 face units wide and high in the middle of the square; the drawn one lies inside it.
    drawn, box = 0.7 * 0.3, 0.8 * 0.8
    assert result.whole.iou_mean == pytest.approx(drawn / box, abs=0.06)
    assert result.whole.fired == 0.0
    lens.close()


def test_groups_follow_the_index(faces, tmp_path):
    result = evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(faces))
    assert {name: group.faces for name, group in result.groups.items()} == {
        "yaw <= 20": 2, "yaw > 20": 1, "roll > 10": 1, "face < 170 px": 3,
    }  # fmt: skip
    plain = write_faces(tmp_path / "plain", index=False)
    assert list(evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(plain)).groups) == ["face < 170 px"]


def test_faces_that_cannot_be_measured_are_counted_and_told(tmp_path):
    folder = write_faces(tmp_path / "set", 5)
    arrays = dict(np.load(folder / "mesh478.npz"))
    arrays["points"][0, 7] = np.nan
    arrays["points"][4] += 5000
    np.savez(folder / "mesh478.npz", **arrays)
    (folder / "images/face_1.png").unlink()
    (folder / "images/face_2.png").write_bytes((folder / "images/face_2.png").read_bytes()[:3000])
    result = evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(folder))
    assert result.whole.faces == 1
    assert dict(result.skipped) == {
        "face_0.png": "its mesh is not whole",
        "face_1.png": "there is no such picture in images/",
        "face_2.png": "is damaged or cut off",
        "face_4.png": "the sticker lies outside the picture",
    }


def test_a_face_partly_outside_the_picture_is_measured_where_it_is_seen(tmp_path):
    folder = write_faces(tmp_path / "set", 1)
    arrays = dict(np.load(folder / "mesh478.npz"))
    arrays["points"][..., 0] -= 223
    np.savez(folder / "mesh478.npz", **arrays)
    whole = evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(folder)).whole
    assert (whole.faces, whole.iou_mean) == (1, 1.0)


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"files": np.array(["a"]), "points": np.zeros((2, 478, 3), np.float32)}, "points float32"),
        ({"files": np.array([1]), "points": np.zeros((1, 478, 3), np.float32)}, "texts"),
        ({"files": np.array(["a"], object), "points": np.zeros((1, 478, 3), np.float32)}, "no archive"),
        ({"points": np.zeros((1, 478, 3), np.float32)}, "no archive of the arrays"),
        ({"files": np.array([], "U4"), "points": np.zeros((0, 478, 3), np.float32)}, "it has no faces"),
        ({"files": np.array(["../a.png"]), "points": np.ones((1, 478, 3), np.float32)}, "none of its 1 faces"),
    ],
)
def test_a_folder_that_is_not_laid_out_so_is_refused(tmp_path, arrays, told):
    (tmp_path / "images").mkdir()
    np.savez(tmp_path / "mesh478.npz", **arrays)
    with pytest.raises(MediaError, match=told) as caught:
        read_faces(tmp_path)
    assert "images/ and mesh478.npz" in caught.value.hint


def test_a_missing_folder_is_said_so(tmp_path):
    with pytest.raises(MediaError, match="there is no such file"):
        read_faces(tmp_path / "nowhere")


def test_a_picture_outside_the_folder_is_never_opened(tmp_path):
    folder = write_faces(tmp_path / "set", 2)
    arrays = dict(np.load(folder / "mesh478.npz"))
    arrays["files"] = np.array(["face_0.png", "../../secret.png"])
    np.savez(folder / "mesh478.npz", **arrays)
    Image.new("RGB", (400, 400)).save(tmp_path / "secret.png")
    assert [file for file, _ in read_faces(folder).skipped] == ["../../secret.png"]


def test_the_report_is_one_page_with_its_pictures_inside(faces, tmp_path):
    face_set, lens = read_faces(faces), OverlayLens("dots", [sticker(centre=(0.1, -0.19))])
    result = evaluate(lens, [sticker()], face_set)
    page = write_report(tmp_path / "deep" / "report", result, lens, [sticker()], face_set)
    text = page.read_text()
    assert text.count("data:image/jpeg;base64,") == 3
    assert not re.findall(r'(?:src|href)="(?!data:)', text)
    assert page.stat().st_mode & 0o077 == 0  # pictures of people: for nobody else


def test_a_name_in_the_report_cannot_become_markup(tmp_path):
    folder = write_faces(tmp_path / "set", 1)
    name = "<script>alert(1)<&.png"
    (folder / "images/face_0.png").rename(folder / "images" / name)
    arrays = dict(np.load(folder / "mesh478.npz"))
    np.savez(folder / "mesh478.npz", files=np.array([name]), points=arrays["points"])
    face_set, lens = read_faces(folder), OverlayLens("dots", [sticker()])
    page = write_report(tmp_path, evaluate(lens, [sticker()], face_set), lens, [sticker()], face_set)
    assert "<script>" not in page.read_text()


def test_the_tracker_finds_the_portrait_and_a_picture_without_a_face_has_not_fired(tmp_path):
    folder = write_faces(tmp_path / "set", 2)
    Image.new("RGB", (400, 400), (90, 120, 90)).save(folder / "images/face_1.png")
    tracker = open_patient_tracker(OnnxRuntimeEngine)
    result = evaluate(OverlayLens("dots", [sticker()]), [sticker()], read_faces(folder), tracker=tracker)
    tracker.close()
    assert result.points == "tracker"
    assert [face.found for face in result.each] == [True, False]
    assert result.each[0].iou > 0.5
    assert (result.each[1].iou, result.each[1].fired) == (0.0, False)


def test_the_faces_oval_goes_once_round_the_face():
    points = template_points()[list(FACE_OVAL), :2]
    angles = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    assert len(set(FACE_OVAL)) == 36
    assert (np.diff(angles) > 0).all()
    assert 1.6 * np.pi < angles[-1] - angles[0] < 2 * np.pi


def lensd(*arguments, **more):
    return subprocess.run(
        [sys.executable, "-m", "lensd", *arguments], capture_output=True, text=True, timeout=120, **more
    )


def test_the_command_prints_one_object_and_its_progress_elsewhere(faces, tmp_path):
    write_overlay(tmp_path / "dots.lens")
    lens = write_generator(tmp_path / "tiny.lens", teacher="dots")
    done = lensd("evaluate", str(lens), "--faces", str(faces), "--json", "--limit", "2")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert {"faces", "iou_mean", "iou_p5", "fired", "change_outside", "inside_l1"} <= told.keys()
    assert told["faces"] == 2


def test_the_command_refuses_with_two_lines_and_no_traceback(tmp_path):
    lens = write_overlay(tmp_path / "dots.lens")
    done = lensd("evaluate", str(lens), "--faces", str(tmp_path / "nowhere"))
    assert done.returncode == 65
    assert done.stderr.startswith("error: ")
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


def test_evaluating_needs_no_torch(faces, tmp_path):
    lens = write_overlay(tmp_path / "dots.lens")
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['onnx'] = None; "
        f"sys.argv = ['lensd', 'evaluate', {str(lens)!r}, '--faces', {str(faces)!r}, '--json']; "
        "from lensd.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout)["iou_mean"] == 1.0


def test_lens_none_cannot_be_measured(faces):
    done = lensd("evaluate", "none", "--faces", str(faces))
    assert done.returncode == LensError.exit_status
    assert "draws nothing" in done.stderr


def test_the_mesh_of_a_face_is_given_to_the_lens_unchanged(faces):
    seen = []

    class Spy(OverlayLens):
        def draw(self, picture, face: Face):
            seen.append(face.landmarks_px)
            return super().draw(picture, face)

    face_set = read_faces(faces)
    evaluate(Spy("spy", [sticker()]), [sticker()], face_set)
    for given, face in zip(seen, face_set.faces, strict=True):
        np.testing.assert_array_equal(given, face.landmarks_px)
    assert open_lens("none", OnnxRuntimeEngine).name == "none"
