"""A contact sheet: A, B and the matte of many pairs on one picture, those with something wrong first, in red."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lensd.errors import LensdError
from trainer.dataset.operations import resize
from trainer.dataset.write import write_png

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lensd.frames import U8
    from trainer.dataset.check import Report
    from trainer.dataset.measure import PairToMeasure

_CELL_PX, _TEXT_PX, _GAP_PX = 128, 34, 8
_ACROSS = 4
_PAPER, _INK, _WRONG = (250, 250, 250), (60, 60, 60), (200, 30, 30)


def write_sheet(path: Path, pairs: Sequence[PairToMeasure], report: Report, most: int = 60) -> int:
    """Write the sheet as PNG; return how many pairs are on it.

    Args:
        path: the file.
        pairs: those that were checked.
        report: what was found.
        most: pairs on it, at most; after those with findings, others from all over the folder.

    Raises:
        MediaError: as `write_png`.
    """
    why: dict[str, list[str]] = {}
    for finding in report.findings:
        why.setdefault(finding.pair, []).append(f"{finding.kind}: {finding.why}")
    wrong = [pair for pair in pairs if pair.label in why][:most]
    fine = [pair for pair in pairs if pair.label not in why]
    room = most - len(wrong)
    if len(fine) > room:
        fine = [fine[index] for index in np.linspace(0, len(fine) - 1, room).astype(int)] if room else []
    shown = [*wrong, *fine]
    sides = 3 if any(pair.read_matte() is not None for pair in shown[:1]) else 2
    width, height = sides * _CELL_PX + _GAP_PX, _CELL_PX + _TEXT_PX + _GAP_PX
    columns = min(_ACROSS, len(shown))
    rows = -(-len(shown) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP_PX, rows * height + _GAP_PX), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    letters = int(width / 5.6)
    for number, pair in enumerate(shown):
        x, y = _GAP_PX + number % columns * width, _GAP_PX + number // columns * height
        sheet.paste(Image.fromarray(_strip(pair, sides)), (x, y))
        reasons = why.get(pair.label)
        if reasons:
            pen.rectangle((x - 2, y - 2, x + sides * _CELL_PX + 1, y + _CELL_PX + 1), outline=_WRONG, width=2)
        ink = _WRONG if reasons else _INK
        lines = (pair.label[-letters:], "; ".join(reasons or ())[:letters])
        for line, text in enumerate(lines):
            pen.text((x, y + _CELL_PX + 3 + 14 * line), text, fill=ink, font=font)
    write_png(path, np.asarray(sheet, np.uint8))
    return len(shown)


def _strip(pair: PairToMeasure, sides: int) -> U8:
    """Return A, B and the matte beside one another, each in a cell; grey where it cannot be read."""
    strip = np.full((_CELL_PX, sides * _CELL_PX, 3), 220, np.uint8)
    try:
        pictures = list(pair.read())
        matte = pair.read_matte() if sides > 2 else None
    except LensdError:
        return strip
    if matte is not None:
        pictures.append(np.repeat(matte[..., None], 3, axis=2))
    for number, picture in enumerate(pictures):
        strip[:, number * _CELL_PX : (number + 1) * _CELL_PX] = resize(picture, _CELL_PX, pad=True)
    return strip
