"""A page with an evaluation's figures and its worst faces, one file with the pictures in it.

The pictures are of people: the page is made only where it was asked for, and stays on this machine.
"""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import MediaError
from lensd.evaluation.evaluate import seen_points
from lensd.evaluation.measure import Measurer
from lensd.evaluation.tables import Result, Table, tables_of
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lensd.evaluation.evaluate import Evaluation
    from lensd.evaluation.faces import FaceSet
    from lensd.frames import U8
    from lensd.lens.overlay import Sticker
    from lensd.ports import FaceTracker, Lens

REPORT_NAME = "index.html"
WORST = 24
_SIDE_PX = 256
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fafafa}
h1{font-size:1.5rem}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.3rem .8rem;text-align:right;
border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}figure{margin:1.5rem 0}
figure img{width:100%;max-width:48rem;border-radius:6px}figcaption{color:#555;font-size:.9rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}figcaption{color:#aaa}}
"""


def write_report(
    folder: Path,
    evaluation: Evaluation,
    lens: Lens,
    teacher: Sequence[Sticker] | None,
    faces: FaceSet,
    tracker: FaceTracker | None = None,
    *,
    results: Sequence[Result] = (),
    beside: Lens | None = None,
) -> Path:
    """Write the page into `folder` (made where it is missing), and return its path.

    Args:
        folder: gets index.html.
        evaluation: of `lens`; its worst faces are shown.
        lens: draws them again.
        teacher: what it was taught, if anything.
        faces: the folder that was measured.
        tracker: as in `evaluate`.
        results: what the tables show; the evaluation alone where there are none.
        beside: another lens, whose pictures are shown too.

    Raises:
        MediaError: the folder cannot be written.
    """
    measurers = [Measurer(one, teacher) for one in (lens, beside) if one is not None]
    known = {face.file: face for face in faces.faces}
    figures = []
    for worst in evaluation.worst(WORST):
        face = known[worst.file]
        picture = faces.picture(face)
        seen = seen_points(face, picture, tracker)
        drawn = [one.measure(face.file, picture, seen, face.landmarks_px)[1] for one in measurers]
        truth = [] if drawn[0].truth is None else [drawn[0].truth]
        shown = [drawn[0].camera, *(one.lens for one in drawn), *truth]
        iou = "no teacher" if worst.iou is None else f"IoU {worst.iou:.3f}"
        note = ("" if worst.found else "; no face found") + ("" if worst.fired else "; did not fire")
        figures.append(_figure(shown, f"{worst.file}: {iou}{note}"))
    path = folder / REPORT_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tables = tables_of(results or [Result(evaluation.lens, evaluation, None, None)])
        order = ["the camera's picture", *(["both lenses'"] if beside else ["the lens's"]), "the teacher's"]
        write_whole(path, _page(evaluation, tables, ", ".join(order), figures).encode(), mode=0o600)
    except OSError as error:
        raise MediaError(
            str(path), error.strerror or "cannot be written", "name another folder with --report"
        ) from error
    return path


def _page(evaluation: Evaluation, tables: Sequence[Table], order: str, figures: list[str]) -> str:
    title = html.escape(f"Lens {evaluation.lens} on {evaluation.whole.faces} faces")
    skipped = "".join(f"<li>{html.escape(file)}: {html.escape(why)}</li>" for file, why in evaluation.skipped[:100])
    listed = f"<h2>Not measured: {len(evaluation.skipped)}</h2><ul>{skipped}</ul>" if skipped else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>Crops from the {evaluation.points}. IoU of the matte at 0.5 against the sticker as its "
        f"teacher draws it. Milliseconds are medians on this machine, the runtimes taking turns.</p>"
        f"{''.join(_table(table) for table in tables)}"
        f"<h2>Worst first: {html.escape(order)}</h2>{''.join(figures)}{listed}</html>\n"
    )


def _table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in table.rows)
    return f"<h2>{html.escape(table.name)}</h2><table>{line(table.columns, 'th')}{body}</table>"


def _figure(pictures: list[U8], caption: str) -> str:
    height, width = pictures[0].shape[:2]
    size = (max(1, round(width * _SIDE_PX / height)), _SIDE_PX)
    row = np.hstack([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures])
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(row, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    source = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
    text = html.escape(caption)
    return f'<figure><img src="{source}" alt="{text}"><figcaption>{text}</figcaption></figure>'
