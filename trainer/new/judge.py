"""How good the lens is on people held out: the finished package, run as in a call, on their photographs' windows."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import picture_of
from lensd.composite.blend import Compositor
from lensd.engine.select import open_engine
from lensd.evaluation.evaluate import Evaluation, summarise
from lensd.evaluation.faces import LabelledFace
from lensd.evaluation.groups import face_luma, groups_of, names
from lensd.evaluation.measure import FIRED_IOU, HALF, NEAR_PX, Drawn, FaceFigures, Measurer, picture_matte, rgb
from lensd.evaluation.quality import compare
from lensd.frames import SEEN_ONCE, Face, Layer, Picture
from lensd.lens.open import lens_of
from lensd.lens.package import open_package
from trainer.truth import painted_window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32, U8
    from lensd.ports import Lens
    from trainer.pairs import Pairs

MOST = 300  # faces, spread over all; 40 ms each
_UNMOVED = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found, and the faces on which the lens does worst, worst first, each with its three pictures."""

    evaluation: Evaluation
    worst: tuple[tuple[FaceFigures, Drawn], ...]


class GivenMeasurer:
    """Measures a lens against B as it was given, as `lensd.evaluation.measure.Measurer` does against a drawing."""

    def __init__(self, lens: Lens) -> None:
        """Measure `lens`."""
        self._lens, self._compositor = lens, Compositor()

    def measure(self, file: str, picture: Picture, points: F32, truth: U8) -> tuple[FaceFigures, Drawn]:
        """Draw on `picture`, and compare with `truth`, (H, W, 4) uint8 RGB and matte, straight alpha."""
        camera = rgb(picture)
        layer = self._lens.draw(picture, Face(SEEN_ONCE, points, 1.0))
        lens, taught = self._over(picture, layer), self._over(picture, Layer(truth, _UNMOVED))
        matte = picture_matte(layer, picture)
        drawn, wanted = matte > HALF, truth[..., 3] > HALF
        union = int((drawn | wanted).sum())
        iou = float((drawn & wanted).sum() / union) if union else None
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * NEAR_PX + 1, 2 * NEAR_PX + 1))
        far = cv2.dilate((truth[..., 3] > 0).astype(np.uint8), disc) == 0
        figures = FaceFigures(
            file=file,
            found=layer is not None,
            iou=iou,
            fired=iou is not None and iou > FIRED_IOU,
            change_outside=float(cv2.absdiff(lens, camera)[far].mean()) if far.any() else None,
            inside_l1=float(cv2.absdiff(lens, taught)[wanted].mean()) / 255 if wanted.any() else None,
            quality=compare(lens, taught, wanted, far, matte),
        )
        return figures, Drawn(camera, lens, taught)

    def _over(self, picture: Picture, layer: Layer | None) -> U8:
        copy = Picture(picture.width, picture.height, picture.data.copy())
        if layer is not None:
            self._compositor.blend(copy, layer)
        return rgb(copy)


def judge(
    package: Path,
    pairs: Pairs,
    shown: int,
    tell: Callable[[int, int], None],
    harder: Callable[[U8, F32, int], U8] | None = None,
) -> Judged:
    """Measure the lens in `package` on the people whom it was not taught with.

    Args:
        package: NAME.lens.
        pairs: as the stage "pairs" wrote them; where nobody is held out, those who were taught are measured.
        shown: keep the pictures of so many of the worst.
        tell: called with faces done, and of how many.
        harder: makes each photograph harder, given its mesh and its number; what is to be painted stays as it was.

    Raises:
        LensError: the package cannot be used.
        EngineError: its network cannot be run here.
    """
    chosen = np.flatnonzero(pairs.held_out)
    chosen = chosen if len(chosen) else np.arange(len(pairs.photos))
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(len(chosen), MOST)).astype(int))]
    opened = open_package(package)
    each: list[FaceFigures] = []
    members: dict[str, list[FaceFigures]] = {}
    worst: list[tuple[FaceFigures, Drawn]] = []
    with closing(lens_of(opened, partial(open_engine, runtime="onnxruntime", name=f"lens {opened.name}"))) as lens:
        for done, index in enumerate(chosen.tolist(), 1):
            photo = pairs.photos[index]
            picture = picture_of(photo if harder is None else harder(photo, pairs.points[index], index))
            figures, drawn = _measure(lens, pairs, index, picture)
            face = LabelledFace(figures.file, pairs.points[index], float(pairs.yaw[index]), None)
            each.append(figures)
            for group in groups_of(face, face_luma(picture, pairs.points[index])):
                members.setdefault(group, []).append(figures)
            worst = sorted([*worst, (figures, drawn)], key=lambda one: _merit(one[0]))[:shown]
            tell(done, len(chosen))
    groups = {name: summarise(members[name]) for name in names() if name in members}
    return Judged(Evaluation(opened.name, "mesh", summarise(each), groups, tuple(each), ()), tuple(worst))


def _measure(lens: Lens, pairs: Pairs, index: int, picture: Picture) -> tuple[FaceFigures, Drawn]:
    points = pairs.points[index]
    if (truth := painted_window(pairs, index)) is None:
        return Measurer(lens, pairs.stickers).measure(pairs.files[index], picture, points, points)
    return GivenMeasurer(lens).measure(pairs.files[index], picture, points, truth)


def _merit(figures: FaceFigures) -> tuple[bool, float, float]:
    return figures.fired, 1.0 if figures.iou is None else figures.iou, -(figures.inside_l1 or 0.0)
