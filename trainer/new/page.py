"""The page of results: one file with the figures, what to type next, and pictures, the worst first.

The pictures are of the maker's own people: the page stays on this machine, readable for its user alone.
"""

from __future__ import annotations

import base64
import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lensd.evaluation.measure import Drawn, FaceFigures
    from lensd.evaluation.tables import Table
    from lensd.frames import U8

_SIDE_PX = 200
_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem;
color:#222;background:#fafafa}h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.15rem;margin-top:2.2rem}
pre{background:#eee;padding:.7rem 1rem;border-radius:6px;overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .8rem;text-align:right;border-bottom:1px solid #ddd}th:first-child,td:first-child{text-align:left}
.key{display:flex;align-items:flex-start;flex-wrap:wrap;gap:1rem;margin:1.2rem 0}
.key div{background:#fff;border:1px solid #ddd;border-radius:8px;
padding:.6rem 1rem;min-width:8rem}.key b{display:block;font-size:1.5rem}.key span{color:#555;
font-size:.85rem}.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr));gap:1rem}
figure{margin:0}img{width:100%;border-radius:6px;display:block}figcaption{color:#555;font-size:.8rem}
.warn{border-left:4px solid #c80;padding-left:.8rem}.wide{overflow-x:auto}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td,th{border-color:#444}pre{background:#262626}
.key div{background:#222;border-color:#444}figcaption,.key span{color:#aaa}}
"""


@dataclass(frozen=True, slots=True)
class Results:
    """What the page says.

    Attributes:
        name, title: the lens's.
        summary: one sentence: from what it was made, and with which effort.
        key: the figures that matter, each a value and what it is.
        notes: sentences that the maker has to know.
        tables: all figures.
        times: stage and how long it took, in words.
        worst: faces, worst first, each with the camera's, the lens's and the wanted picture.
        wanted: what the third picture is.
    """

    name: str
    title: str
    summary: str
    key: Sequence[tuple[str, str]]
    notes: Sequence[str]
    tables: Sequence[Table]
    times: Sequence[tuple[str, str]]
    worst: Sequence[tuple[FaceFigures, Drawn]]
    wanted: str


def write_page(path: Path, results: Results, preview: bytes) -> None:
    """Write the page; `preview` is a WebP picture of the lens on a portrait that may be shown.

    Raises:
        OSError: it cannot be written.
    """
    say = html.escape
    picture = "data:image/webp;base64," + base64.b64encode(preview).decode()
    key = "".join(f"<div><b>{say(value)}</b><span>{say(what)}</span></div>" for value, what in results.key)
    notes = "".join(f'<p class="warn">{say(note)}</p>' for note in results.notes)
    times = "".join(f"<tr><td>{say(stage)}</td><td>{say(took)}</td></tr>" for stage, took in results.times)
    content = (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{say(results.title)}</title>'
        f"<style>{_STYLE}</style><h1>{say(results.title)}</h1><p>{say(results.summary)}</p>"
        f'<div class="key"><img src="{picture}" alt="A portrait that wears the lens" style="width:9rem">{key}</div>'
        f"{notes}<h2>Wear it</h2><pre>lensd switch {say(results.name)}</pre>"
        f"<p>Where the camera is not running yet: <code>lensd run --lens {say(results.name)}</code></p>"
        f"<h2>People it has not seen, the worst first</h2>"
        f"<p>Left the photograph, in the middle the lens, right {say(results.wanted)}. These are your own photographs: "
        f"this page stays on this machine.</p>"
        f'<div class="sheet">{"".join(_figure(figures, drawn) for figures, drawn in results.worst)}</div>'
        f"<h2>All figures</h2>{''.join(_table(table) for table in results.tables)}"
        f"<h2>How long it took</h2><table>{times}</table></html>\n"
    )
    write_whole(path, content.encode(), mode=0o600)


def _table(table: Table) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    body = "".join(line(row, "td") for row in table.rows)
    return f'<h2>{html.escape(table.name)}</h2><div class="wide"><table>{line(table.columns, "th")}{body}</table></div>'


def _figure(figures: FaceFigures, drawn: Drawn) -> str:
    pictures = [drawn.camera, drawn.lens] + ([] if drawn.truth is None else [drawn.truth])
    row = np.hstack([cv2.resize(one, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA) for one in pictures])
    missed = "" if figures.fired else "; it did not fire"
    text = html.escape(f"{figures.file}: overlap {figures.iou or 0:.3f}{missed}")
    return (
        f'<figure><img src="{_jpeg(np.asarray(row, np.uint8))}" alt="{text}"><figcaption>{text}</figcaption></figure>'
    )


def _jpeg(rgb: U8) -> str:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 86])
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
