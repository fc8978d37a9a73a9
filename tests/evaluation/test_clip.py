"""Steadiness, on pictures that stand still or move as they are told."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data

from lensd.camera.still import picture_of
from lensd.errors import MediaError
from lensd.evaluation.clip import read_clip, steadiness
from lensd.frames import Face, Layer
from lensd.lens.overlay import OverlayLens, Sticker
from tests.evaluation.faces import portrait_mesh

SIDE, COUNT = 320, 5


def sticker() -> Sticker:
    image = np.zeros((32, 64, 4), np.uint8)
    image[4:-4, 4:-4] = (200, 30, 30, 255)
    return Sticker(image, "eyes", (0.0, -0.19), 0.8)


def moved(step_px: int):
    """The portrait, moved to the left by so many pixels a picture."""
    whole = skimage.data.astronaut()
    for number in range(COUNT):
        yield picture_of(np.ascontiguousarray(whole[:SIDE, 60 + number * step_px :][:, :SIDE]))


class Follows:
    """A tracker that knows where the portrait's face is."""

    def __init__(self, step_px: int = 0, blind: tuple[int, ...] = ()) -> None:
        self.step_px, self.blind, self.count = step_px, blind, -1

    def update(self, picture, captured_ns):
        self.count += 1
        if self.count in self.blind:
            return ()
        points = portrait_mesh() - np.array([60 + self.count * self.step_px, 0, 0], np.float32)
        return (Face(0, points.astype(np.float32), 1.0),)


class Trembling(OverlayLens):
    """Draws a few pixels aside on every other picture."""

    count = 0

    def draw(self, picture, face):
        self.count += 1
        layer = super().draw(picture, face)
        return Layer(layer.rgba, layer.to_picture + np.array([[0, 0, 6.0 * (self.count % 2)], [0, 0, 0]], np.float32))


def test_nothing_changes_where_nothing_moves():
    found = steadiness(OverlayLens("dots", [sticker()]), [sticker()], moved(0), Follows())
    assert (found.pictures, found.faces, found.pairs) == (COUNT, COUNT, COUNT - 1)
    assert (found.matte_change, found.matte_change_drawn) == (0.0, 0.0)
    assert found.warp_error == found.warp_error_drawn == pytest.approx(found.warp_error_camera, abs=0.5)


def test_a_trembling_lens_is_told_from_its_steady_teacher():
    found = steadiness(Trembling("dots", [sticker()]), [sticker()], moved(0), Follows())
    assert found.matte_change > 0.05
    assert found.matte_change_drawn == 0.0
    assert (found.matte_change_calm, found.matte_change_drawn_calm) == (pytest.approx(found.matte_change), 0.0)
    assert found.warp_error > found.warp_error_drawn + 1


def test_what_moves_with_the_camera_changes_the_matte_but_hardly_its_warped_picture():
    steady = steadiness(OverlayLens("dots", [sticker()]), [sticker()], moved(3), Follows(3))
    shaken = steadiness(Trembling("dots", [sticker()]), [sticker()], moved(3), Follows(3))
    assert steady.matte_change == steady.matte_change_drawn > 0.02
    assert steady.warp_error < shaken.warp_error


def test_the_calmest_quarter_is_where_the_drawing_moves_least():
    pictures = [*moved(0), *list(moved(6))[1:]]
    places = iter([60] * COUNT + [60 + 6 * number for number in range(1, COUNT)])
    tracker = Follows()
    tracker.update = lambda *_: (Face(0, portrait_mesh() - np.array([next(places), 0, 0], np.float32), 1.0),)
    found = steadiness(Trembling("dots", [sticker()]), [sticker()], iter(pictures), tracker)
    assert found.matte_change_drawn_calm == 0.0 < found.matte_change_drawn
    assert found.matte_change_calm > 0.05


def test_pictures_without_a_face_are_counted_and_break_the_pairs():
    found = steadiness(OverlayLens("dots", [sticker()]), None, moved(0), Follows(blind=(2,)))
    assert (found.pictures, found.faces, found.pairs) == (COUNT, COUNT - 1, 2)
    assert found.matte_change_drawn is found.matte_change_calm is None
    nobody = steadiness(OverlayLens("dots", [sticker()]), None, moved(0), Follows(blind=tuple(range(COUNT))))
    assert (nobody.pairs, nobody.matte_change, nobody.warp_error) == (0, None, None)


def test_a_clip_is_read_up_to_the_limit(tmp_path):
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for level in (40, 120, 200):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    pictures = list(read_clip(path, 2))
    assert [(picture.width, picture.height) for picture in pictures] == [(64, 48)] * 2
    assert pictures[0].y.mean() + 40 < pictures[1].y.mean()


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / "clip.avi").write_bytes(b"nothing")
    with pytest.raises(MediaError, match="is no video"):
        list(read_clip(tmp_path / "clip.avi", 3))
    with pytest.raises(MediaError, match="no such file"):
        list(read_clip(tmp_path / "nowhere.avi", 3))
