"""How steady a lens is on a clip: what changes from one picture to the next that the camera does not show changing.

Warping error: the picture before is moved by the optical flow (OpenCV's DIS, computed on the camera's luma) onto the
one after, and compared with it under the matte; pixels that the flow cannot explain in the camera's own picture are
left out (after Lai and others, 2018, "Learning Blind Video Temporal Consistency").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lensd.camera.still import picture_of
from lensd.composite.blend import Compositor
from lensd.errors import MediaError
from lensd.evaluation.measure import HALF, picture_matte, rgb
from lensd.frames import Picture
from lensd.lens.overlay import draw_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8, Face, Layer
    from lensd.lens.overlay import Sticker
    from lensd.ports import FaceTracker, Lens

_FRAME_NS = 33_333_333
_CALM = 0.25
_UNEXPLAINED = 24.0  # mean difference of the camera's RGB after warping: an occlusion, or a wrong vector


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Means over pairs of pictures that follow each other; None where there was nothing to measure.

    Attributes:
        pictures: how many were read. faces: on how many the tracker found a face.
        pairs: pairs of pictures with a face in both.
        matte_change: the matte's absolute change from picture to picture over its area, 0..2, not compensated for
            motion. matte_change_drawn: of the teacher's, on the same points. matte_change_calm and
            matte_change_drawn_calm: of that quarter of the pairs in which the teacher's changes least.
        warp_error, warp_error_drawn, warp_error_camera: mean RGB difference, 0..255, under the lens's matte after
            warping: of the lens's picture, of the teacher's under its own matte, of the camera's.
    """

    pictures: int
    faces: int
    pairs: int
    matte_change: float | None
    matte_change_drawn: float | None
    matte_change_calm: float | None
    matte_change_drawn_calm: float | None
    warp_error: float | None
    warp_error_drawn: float | None
    warp_error_camera: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON carries them."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: round(value, 5) if isinstance(value, float) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class _Painted:
    picture: U8
    matte: U8


@dataclass(frozen=True, slots=True)
class _Moment:
    camera: U8
    luma: U8
    lens: _Painted
    drawn: _Painted | None


def steadiness(
    lens: Lens,
    teacher: Sequence[Sticker] | None,
    pictures: Iterator[Picture],
    tracker: FaceTracker,
    tell: Callable[[], None] = lambda: None,
) -> Steadiness:
    """Measure `lens` on pictures that follow each other; `tell` is called after each.

    Raises:
        EngineError: a network could not be run.
    """
    compositor, flow = Compositor(), cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    changes: dict[str, list[float]] = {name: [] for name in ("lens", "drawn", "warp", "warp drawn", "warp camera")}
    before: _Moment | None = None
    count = faces = pairs = 0
    for picture in pictures:
        count += 1
        found = tracker.update(picture, count * _FRAME_NS)
        now = _moment(lens, teacher, picture, found[0], compositor) if found else None
        faces += now is not None
        if now is not None and before is not None:
            pairs += 1
            _compare(before, now, flow, changes)
        before = now
        tell()
    of_lens, of_drawn, *warps = (np.array(values, np.float32) for values in changes.values())
    calm = of_drawn <= np.nanquantile(of_drawn, _CALM) if np.isfinite(of_drawn).any() else np.zeros(len(of_drawn), bool)
    of_both = (of_lens[calm], of_drawn[calm]) if len(of_drawn) else (of_drawn, of_drawn)
    return Steadiness(count, faces, pairs, *(_mean(values) for values in (of_lens, of_drawn, *of_both, *warps)))


def read_clip(path: Path, limit: int) -> Iterator[Picture]:
    """Yield the first `limit` pictures of a video file, as the frame's path sees them.

    Raises:
        MediaError: no video that can be read.
    """
    reader = cv2.VideoCapture(str(path))
    try:
        count = 0
        while count < limit and (read := reader.read())[0]:
            yield picture_of(np.ascontiguousarray(read[1][..., ::-1], np.uint8))
            count += 1
    finally:
        reader.release()
    if not count:
        raise MediaError(str(path), "is no video that can be read" if path.is_file() else "there is no such file")


def _moment(
    lens: Lens, teacher: Sequence[Sticker] | None, picture: Picture, face: Face, compositor: Compositor
) -> _Moment:
    def painted(layer: Layer | None) -> _Painted:
        copy = Picture(picture.width, picture.height, picture.data.copy())
        if layer is not None:
            compositor.blend(copy, layer)
        return _Painted(rgb(copy), picture_matte(layer, picture))

    drawn = None
    if teacher is not None:
        drawn = painted(draw_layer(teacher, face.landmarks_px, picture.width, picture.height))
    return _Moment(rgb(picture), picture.y.copy(), painted(lens.draw(picture, face)), drawn)


def _compare(before: _Moment, now: _Moment, flow: cv2.DISOpticalFlow, changes: dict[str, list[float]]) -> None:
    height, width = now.luma.shape
    grid = np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))
    nowhere = np.empty(0, np.float32)  # the places are in one array already
    places = grid + flow.calc(now.luma, before.luma, np.zeros((height, width, 2), np.float32))

    def away(a: U8, b: U8) -> F32:
        moved = cv2.remap(a, places, nowhere, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.absdiff(moved, b).mean(2), np.float32)

    camera = away(before.camera, now.camera)
    explained = camera <= _UNEXPLAINED
    for name, was, is_ in (("lens", before.lens, now.lens), ("drawn", before.drawn, now.drawn)):
        if was is None or is_ is None:
            continue
        area = (float(was.matte.sum()) + float(is_.matte.sum())) / 2
        changes[name].append(float(cv2.absdiff(was.matte, is_.matte).sum()) / area if area > 0 else np.nan)
        under = (is_.matte > HALF) & explained
        if under.any():
            warp = "warp" if name == "lens" else "warp drawn"
            changes[warp].append(float(away(was.picture, is_.picture)[under].mean()))
            if name == "lens":
                changes["warp camera"].append(float(camera[under].mean()))


def _mean(values: F32) -> float | None:
    """Return the mean of those that are numbers, if there are any."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
