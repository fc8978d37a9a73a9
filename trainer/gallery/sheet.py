"""A sheet of faces with and without a lens, for looking: photographs of people, so it stays on this machine."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import picture_of
from lensd.composite.blend import Compositor
from lensd.engine.select import open_engine
from lensd.evaluation.measure import rgb
from lensd.frames import Face
from lensd.lens.align import crop_to_picture
from lensd.lens.open import lens_of
from lensd.lens.package import open_package
from lensd.whole_file import write_whole
from trainer.package import over, png
from trainer.pairs import open_pairs, painted_crop

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8
    from trainer.pairs import Pairs

COLUMNS = 6
_UNMOVED = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


def write_sheet(pairs_folder: Path, out: Path, *, package: Path | None = None, count: int = 18, cell: int = 256) -> int:
    """Write faces held out from training, each above what the teacher makes of it and, where given, the lens.

    Args:
        pairs_folder: of the lens.
        out: a PNG.
        package: NAME.lens.
        count: at most so many faces, spread over all.
        cell: pixels a side of each picture.

    Returns:
        How many faces.

    Raises:
        LensdError: folder or package cannot be used.
        OSError: `out` cannot be written.
    """
    pairs = open_pairs(pairs_folder)
    held = np.flatnonzero(pairs.held_out) if pairs.held_out.any() else np.arange(len(pairs.photos))
    chosen = held[np.unique(np.linspace(0, len(held) - 1, min(count, len(held))).astype(int))].tolist()
    rows: list[list[U8]] = [[pairs.photos[i] for i in chosen], [_by_teacher(pairs, i) for i in chosen]]
    if package is not None:
        opened = open_package(package)
        with closing(lens_of(opened, partial(open_engine, runtime="onnxruntime", name=f"lens {opened.name}"))) as lens:
            painted = []
            for index in chosen:
                picture = picture_of(pairs.photos[index])
                layer = lens.draw(picture, Face(0, pairs.points[index], 1.0))
                if layer is not None:
                    Compositor().blend(picture, layer)
                painted.append(rgb(picture))
        rows.append(painted)
    strips = []
    for start in range(0, len(chosen), COLUMNS):
        for row in rows:
            cells = [_cell(pairs, i, seen, cell) for i, seen in zip(chosen, row, strict=True)][start : start + COLUMNS]
            cells += [np.zeros((cell, cell, 3), np.uint8)] * (COLUMNS - len(cells))
            strips.append(np.hstack(cells))
    write_whole(out, png(np.vstack(strips)), mode=0o600)
    return len(chosen)


def _by_teacher(pairs: Pairs, index: int) -> U8:
    return over(pairs.photos[index], painted_crop(pairs, index, _UNMOVED, pairs.photos.shape[1]))


def _cell(pairs: Pairs, index: int, seen: U8, cell: int) -> U8:
    square = crop_to_picture(pairs.points[index], cell, pairs.crop.side, pairs.crop.up)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(seen, square, (cell, cell), flags=flags), np.uint8)
