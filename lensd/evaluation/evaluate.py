"""A lens over a whole folder of faces: the figures that say whether it may be shipped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from lensd.errors import MediaError
from lensd.evaluation.glasses import wears_glasses
from lensd.evaluation.groups import face_luma, groups_of, names
from lensd.evaluation.measure import FaceFigures, Measurer
from lensd.evaluation.quality import Quality
from lensd.face.patient import track_still

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lensd.evaluation.faces import FaceSet, LabelledFace
    from lensd.frames import F32, Picture
    from lensd.lens.overlay import Sticker
    from lensd.ports import FaceTracker, Lens

Progress: TypeAlias = Callable[[int, int], None]
"""Called with faces done and faces in all."""

_QUALITIES = tuple(field.name for field in fields(Quality))


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over a group of faces; None where nothing could be measured.

    Attributes:
        faces: how many were measured.
        iou_mean, iou_p5: of the matte at 0.5 against the drawn sticker; 5th percentile.
        fired: share of faces on which the lens fires.
        change_outside: mean change of the camera's pixels away from the sticker, 0..255.
        inside_l1: mean difference of colour under the sticker, 0..1.
        psnr_inside, psnr_outside, ssim_inside, ssim_outside, edge_sharpness, leak: as `quality.Quality`.
    """

    faces: int
    iou_mean: float | None
    iou_p5: float | None
    fired: float
    change_outside: float | None
    inside_l1: float | None
    psnr_inside: float | None
    psnr_outside: float | None
    ssim_inside: float | None
    ssim_outside: float | None
    edge_sharpness: float | None
    leak: float | None

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON carries them."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: round(value, 5) if isinstance(value, float) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        lens: its name.
        points: "mesh" or "tracker": where the crops came from.
        whole: over all faces. groups: by how the head is held, where the folder says so, by glasses, light, size
            and margin.
        each: every face, in the folder's order.
        skipped: file name and reason of each that was not measured.
    """

    lens: str
    points: str
    whole: Figures
    groups: dict[str, Figures]
    each: tuple[FaceFigures, ...]
    skipped: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return one object as JSON carries it: the figures, and by group."""
        head = {"lens": self.lens, "points": self.points, **self.whole.as_dict(), "skipped": len(self.skipped)}
        return {**head, "groups": {name: figures.as_dict() for name, figures in self.groups.items()}}

    def worst(self, count: int) -> list[FaceFigures]:
        """Return the faces on which the lens does worst, the worst first."""
        return sorted(self.each, key=lambda face: (face.fired, 1.0 if face.iou is None else face.iou))[:count]


def evaluate(
    lens: Lens,
    teacher: Sequence[Sticker] | None,
    faces: FaceSet,
    *,
    tracker: FaceTracker | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure `lens` on every face.

    Args:
        lens: draws as it would live.
        teacher: the overlay that it was taught; without one only `fired` is measured.
        faces: photographs and meshes.
        tracker: gives the points for the crop in place of the mesh; where it finds nothing, the lens has not fired.
        progress: called after each face.

    Raises:
        MediaError: no picture could be measured.
        EngineError: the network could not be run.
    """
    measurer = Measurer(lens, teacher)
    measured: list[tuple[tuple[str, ...], FaceFigures]] = []
    skipped = list(faces.skipped)
    for done, face in enumerate(faces.faces, 1):
        try:
            picture = faces.picture(face)
        except MediaError as error:
            skipped.append((face.file, error.why))
        else:
            seen = seen_points(face, picture, tracker)
            figures, _ = measurer.measure(face.file, picture, seen, face.landmarks_px)
            if teacher is not None and figures.iou is None:
                skipped.append((face.file, "the sticker lies outside the picture"))
            else:
                luma, glasses = face_luma(picture, face.landmarks_px), wears_glasses(picture, face.landmarks_px)
                measured.append((groups_of(face, luma, glasses), figures))
        if progress is not None:
            progress(done, len(faces.faces))
    if not measured:
        raise MediaError(str(faces.folder), f"none of its pictures can be measured: {skipped[0][1]}")
    groups = {}
    for name in names():
        if members := [figures for belongs_to, figures in measured if name in belongs_to]:
            groups[name] = summarise(members)
    each = tuple(figures for _, figures in measured)
    points = "mesh" if tracker is None else "tracker"
    return Evaluation(lens.name, points, summarise(each), groups, each, tuple(skipped))


def seen_points(face: LabelledFace, picture: Picture, tracker: FaceTracker | None) -> F32 | None:
    """Return the points that the lens is given: the mesh's, or the tracker's, None where it finds no face."""
    if tracker is None:
        return face.landmarks_px
    found = track_still(tracker, picture)
    return found[0].landmarks_px if found else None


def summarise(each: Sequence[FaceFigures]) -> Figures:
    """Return the means over `each`, at least one."""
    ious = [face.iou for face in each if face.iou is not None]
    return Figures(
        faces=len(each),
        iou_mean=_mean(ious),
        iou_p5=float(np.percentile(ious, 5)) if ious else None,
        fired=sum(face.fired for face in each) / len(each),
        change_outside=_mean(face.change_outside for face in each),
        inside_l1=_mean(face.inside_l1 for face in each),
        **{name: _mean(getattr(face.quality, name) for face in each if face.quality) for name in _QUALITIES},
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
