"""`lensd evaluate`: how good a lens is on faces whose points are known."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.config import RuntimeChoice

if TYPE_CHECKING:
    from lensd.evaluation.evaluate import Evaluation, Figures


@click.command()
@click.argument("lens", shell_complete=complete_lens)
@click.option(
    "--faces",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder with images/ and mesh478.npz (files, points); index.csv adds groups by yaw_deg and roll_deg.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option(
    "--report", type=click.Path(path_type=Path, file_okay=False), help="Write a page with the worst faces here."
)
@click.option("--tracker", is_flag=True, help="Crop by our own tracker in place of the folder's mesh.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N faces.")
@click.option("--runtime", type=click.Choice(get_args(RuntimeChoice)), default="onnxruntime", show_default=True)
def evaluate(
    lens: str,
    faces: Path,
    as_json: bool,
    report: Path | None,
    tracker: bool,
    limit: int | None,
    runtime: RuntimeChoice,
) -> None:
    """Measure LENS (a name or a package's path) on photographs of faces.

    What it draws is compared with what its teacher, the overlay that it was taught, draws on the folder's own points:
    IoU of the mattes at 0.5, the share of faces on which it fires (IoU over 0.5), the mean change of the camera's
    pixels more than 4 px away from the sticker (0..255), and the mean difference of colour under it (0..1). Without a
    teacher, fired is the share of faces whose mean matte over the face's oval exceeds 0.5.
    """
    from lensd.engine.select import open_engine
    from lensd.errors import LensError
    from lensd.evaluation.evaluate import evaluate as measure
    from lensd.evaluation.faces import read_faces
    from lensd.evaluation.report import write_report
    from lensd.lens.open import find_package, lens_of, teacher_of
    from lensd.lens.package import open_package

    path = find_package(lens)
    if path is None:
        raise LensError("lens none", "draws nothing, so there is nothing to measure", "lensd lenses")
    package = open_package(path)
    teacher = teacher_of(package)
    face_set = read_faces(faces, limit)
    with ExitStack() as stack:
        opened = lens_of(package, lambda network: open_engine(network, runtime=runtime, name=f"lens {package.name}"))
        stack.enter_context(closing(opened))
        follower = None
        if tracker:
            from lensd.face.patient import open_patient_tracker

            follower = stack.enter_context(
                closing(
                    open_patient_tracker(
                        lambda network: open_engine(network, runtime="onnxruntime", name="face tracker")
                    )
                )
            )
        with click.progressbar(length=len(face_set.faces), label=f"{package.name} on faces", file=sys.stderr) as bar:
            evaluation = measure(
                opened, teacher, face_set, tracker=follower, progress=lambda done, _all: bar.update(done - bar.pos)
            )
        page = write_report(report, evaluation, opened, teacher, face_set, follower) if report else None
    print(json.dumps(evaluation.as_dict()) if as_json else _readable(evaluation))
    if page is not None and not as_json:
        print(f"report: {page}")


def _readable(evaluation: Evaluation) -> str:
    rows = [("all", evaluation.whole), *evaluation.groups.items()]
    lines = [f"{evaluation.lens}, crops from the {evaluation.points}", f"{'':<12}{_HEAD}"]
    lines += [f"{name:<12}{_row(figures)}" for name, figures in rows]
    if evaluation.skipped:
        file, why = evaluation.skipped[0]
        lines.append(f"not measured: {len(evaluation.skipped)} (the first: {file}: {why})")
    return "\n".join(lines)


_HEAD = f"{'faces':>6}{'IoU':>8}{'IoU 5%':>8}{'fired':>8}{'outside':>9}{'inside':>8}"


def _row(figures: Figures) -> str:
    def number(value: float | None, width: int, form: str) -> str:
        return f"{'-' if value is None else format(value, form):>{width}}"

    return (
        f"{figures.faces:>6}"
        + number(figures.iou_mean, 8, ".3f")
        + number(figures.iou_p5, 8, ".3f")
        + number(figures.fired, 8, ".1%")
        + number(figures.change_outside, 9, ".3f")
        + number(figures.inside_l1, 8, ".3f")
    )
