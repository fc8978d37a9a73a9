"""`lensd evaluate`: how good a lens is on faces whose points are known, how steady on a clip, and what it costs."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.config import RuntimeChoice
from lensd.lens.manifest import Precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.evaluation.clip import Steadiness
    from lensd.evaluation.faces import FaceSet
    from lensd.evaluation.tables import Result
    from lensd.lens.overlay import Sticker
    from lensd.lens.package import LensPackage
    from lensd.ports import Engine, FaceTracker, Lens

_CLIP_PICTURES = 300


@click.command()
@click.argument("lenses", metavar="LENS [LENS]", nargs=-1, required=True, shell_complete=complete_lens)
@click.option(
    "--faces",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with images/ and mesh478.npz; index.csv adds groups: yaw_deg, roll_deg, margin, glasses.",
)
@click.option(
    "--clip", type=click.Path(path_type=Path, dir_okay=False), help=f"A video: steadiness on {_CLIP_PICTURES} pictures."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write a page with the worst faces here."
)
@click.option("--tracker", is_flag=True, help="Crop by our own tracker in place of the folder's mesh.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N faces.")
@click.option("--runtime", type=click.Choice(get_args(RuntimeChoice)), default="onnxruntime", show_default=True)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(get_args(Precision)),
    multiple=True,
    default=("float32",),
    show_default=True,
    help="Which of a lens's networks; given twice, one for each lens, or both of one lens.",
)
@click.option("--cost/--no-cost", "with_cost", default=True, help="Time every runtime that is here.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Of the run that made the lens: compare with torch too (needs the trainer).",
)
def evaluate(
    lenses: tuple[str, ...],
    faces: Path,
    clip: Path | None,
    as_json: bool,
    report: Path | None,
    tracker: bool,
    limit: int | None,
    runtime: RuntimeChoice,
    precisions: tuple[Precision, ...],
    with_cost: bool,
    checkpoint: Path | None,
) -> None:
    """Measure one LENS (a name or a package's path) on photographs of faces, or two side by side.

    What it draws is compared with what its teacher, the overlay that it was taught, draws on the folder's own points:
    IoU of the mattes at 0.5, the share of faces on which it fires (IoU over 0.5), the mean change of the camera's
    pixels more than 4 px away from the sticker (0..255), the mean difference of colour under it (0..1), PSNR and SSIM
    inside and outside, the sharpness of its edge against the drawn one's, and the matte that leaks (mean over pixels
    more than 4 px away). Without a teacher, fired is the share of faces whose mean matte over the face's oval exceeds
    0.5. On a clip: how much the matte changes from picture to picture, and the warping error by optical flow.
    Milliseconds are medians on this machine, the runtimes taking turns.
    """
    from lensd.engine.select import open_engine
    from lensd.evaluation.faces import read_faces
    from lensd.evaluation.report import write_report
    from lensd.lens.open import lens_of, teacher_of

    packages = _packages(lenses, precisions)
    if checkpoint is not None and len(lenses) > 1:
        raise click.UsageError("--checkpoint is of one lens, and two are given")
    also = [] if checkpoint is None else [_torch(checkpoint)]
    face_set = read_faces(faces, limit)
    with ExitStack() as stack:
        results: list[Result] = []
        opened: list[Lens] = []
        follower = stack.enter_context(closing(_tracker())) if tracker else None
        for package, precision in packages:
            make = partial(open_engine, runtime=runtime, name=f"lens {package.name}")
            lens = lens_of(package, make, precision)
            stack.enter_context(closing(lens))
            opened.append(lens)
            timed = with_cost and package.path not in {done.path for done, _ in packages[: len(results)]}
            costs = also if timed else None
            results.append(_measure(package, precision, lens, face_set, follower, clip, also=costs))
        page = None
        if report:
            teacher = teacher_of(packages[0][0])
            page = write_report(
                report,
                results[0].evaluation,
                opened[0],
                teacher,
                face_set,
                follower,
                results=results,
                beside=opened[1] if len(opened) > 1 else None,
            )
    print(json.dumps(_as_json(results)) if as_json else _readable(results))
    if page is not None and not as_json:
        print(f"report: {page}")


def _packages(lenses: Sequence[str], precisions: Sequence[Precision]) -> list[tuple[LensPackage, Precision]]:
    """Return what is to be measured: at most two, each with its precision."""
    from lensd.errors import LensError
    from lensd.lens.open import find_package
    from lensd.lens.package import open_package

    count = max(len(lenses), len(precisions))
    if count > 2 or not {len(lenses), len(precisions)} <= {1, count}:
        raise click.UsageError("at most two lenses can be put side by side, each with one --precision")
    found = []
    for at in range(count):
        path = find_package(lenses[at % len(lenses)])
        if path is None:
            raise LensError("lens none", "draws nothing, so there is nothing to measure", "lensd lenses")
        found.append((open_package(path), precisions[at % len(precisions)]))
    return found


def _tracker() -> FaceTracker:
    from lensd.engine.select import open_engine
    from lensd.face.patient import open_patient_tracker

    return open_patient_tracker(lambda network: open_engine(network, runtime="onnxruntime", name="face tracker"))


def _torch(checkpoint: Path) -> Engine:
    """Return the checkpoint in torch, which is the trainer's."""
    from lensd.cli.trainer_part import trainer_part

    engine: Engine = trainer_part("torch_engine", "lensd evaluate --checkpoint")(checkpoint)
    return engine


def _measure(
    package: LensPackage,
    precision: Precision,
    lens: Lens,
    faces: FaceSet,
    tracker: FaceTracker | None,
    clip: Path | None,
    *,
    also: Sequence[Engine] | None,
) -> Result:
    from lensd.evaluation.cost import RUNS, measure_cost
    from lensd.evaluation.evaluate import evaluate as measure
    from lensd.evaluation.tables import Result
    from lensd.lens.open import teacher_of

    label = package.name if precision == "float32" else f"{package.name}, {precision}"
    teacher = teacher_of(package)
    with click.progressbar(length=len(faces.faces), label=f"{label} on faces", file=sys.stderr) as bar:
        evaluation = measure(
            lens, teacher, faces, tracker=tracker, progress=lambda done, _all: bar.update(done - bar.pos)
        )
    steady = _steadiness(label, lens, teacher, clip) if clip else None
    cost = None
    if also is not None:
        with click.progressbar(length=RUNS, label=f"{label} in every runtime", file=sys.stderr) as bar:
            cost = measure_cost(package, lambda: bar.update(1), also)
    return Result(label, evaluation, steady, cost, precision)


def _steadiness(label: str, lens: Lens, teacher: list[Sticker] | None, clip: Path) -> Steadiness:
    from lensd.evaluation.clip import read_clip, steadiness

    with (
        closing(_tracker()) as tracker,
        click.progressbar(length=_CLIP_PICTURES, label=f"{label} on the clip", file=sys.stderr) as bar,
    ):
        return steadiness(lens, teacher, read_clip(clip, _CLIP_PICTURES), tracker, lambda: bar.update(1))


def _as_json(results: Sequence[Result]) -> dict[str, Any]:
    """Return one lens's figures, or {"lenses": [...]} for two."""
    objects = []
    for result in results:
        found = {**result.evaluation.as_dict(), "precision": result.precision}
        if result.steadiness is not None:
            found["steadiness"] = result.steadiness.as_dict()
        if result.cost is not None:
            found["cost"] = result.cost.as_dict()
        objects.append(found)
    return objects[0] if len(objects) == 1 else {"lenses": objects}


def _readable(results: Sequence[Result]) -> str:
    from lensd.evaluation.tables import tables_of

    parts = [table.text() for table in tables_of(results)]
    for result in results:
        if result.evaluation.skipped:
            file, why = result.evaluation.skipped[0]
            parts.append(f"{result.label}: not measured: {len(result.evaluation.skipped)} (the first: {file}: {why})")
    return "\n\n".join(parts)
