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
from lensd.frames import SEEN_ONCE, Face
from lensd.lens.align import crop_to_picture
from lensd.lens.open import lens_of
from lensd.lens.package import open_package
from lensd.whole_file import write_whole
from trainer.package import over, png
from trainer.pairs import open_pairs
from trainer.truth import painted_crop

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8, Affine

COLUMNS = 6
_ROOM_PX = 160
_ROOM = np.array([_ROOM_PX, _ROOM_PX, 0], np.float32)
_ROOM_SHIFT = np.array([[0, 0, _ROOM_PX], [0, 0, _ROOM_PX]], np.float32)


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
    squares = [crop_to_picture(pairs.points[i], cell, pairs.crop.side, pairs.crop.up) for i in chosen]
    before = [_cell(pairs.photos[i], square, cell) for i, square in zip(chosen, squares, strict=True)]
    # Drawn on the cell itself: a hat reaches beyond the photograph.
    drawn = [painted_crop(pairs, i, square, cell) for i, square in zip(chosen, squares, strict=True)]
    rows: list[list[U8]] = [before, [over(photo, layer) for photo, layer in zip(before, drawn, strict=True)]]
    if package is not None:
        opened = open_package(package)
        with closing(lens_of(opened, partial(open_engine, runtime="onnxruntime", name=f"lens {opened.name}"))) as lens:
            painted = []
            for index, square in zip(chosen, squares, strict=True):
                # A hat reaches beyond the photograph here too.
                wide = np.pad(pairs.photos[index], [(_ROOM_PX, _ROOM_PX)] * 2 + [(0, 0)], mode="edge")
                picture = picture_of(wide)
                layer = lens.draw(picture, Face(SEEN_ONCE, pairs.points[index] + _ROOM, 1.0))
                if layer is not None:
                    Compositor().blend(picture, layer)
                painted.append(_cell(rgb(picture), square + _ROOM_SHIFT, cell))
        rows.append(painted)
    strips = []
    for start in range(0, len(chosen), COLUMNS):
        for row in rows:
            cells = row[start : start + COLUMNS]
            cells = [*cells, *[np.zeros((cell, cell, 3), np.uint8)] * (COLUMNS - len(cells))]
            strips.append(np.hstack(cells))
    write_whole(out, png(np.vstack(strips)), mode=0o600)
    return len(chosen)


def _cell(picture: U8, square: Affine, cell: int) -> U8:
    flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(picture, square, (cell, cell), flags=flags, borderMode=border), np.uint8)
