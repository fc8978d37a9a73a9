"""Pairs of photograph and pencil drawing, for `lensd distil`: `python -m trainer.art.pencil_pairs PAIRS OUT`.

PAIRS is a folder that `lensd pairs faces` wrote, with whichever lens: its windows, meshes and persons are taken.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer.art.pencil import draw, face_matte
from trainer.dataset.work import each, usable_cores
from trainer.pairs import open_pairs, write_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import U8


def pencil_pairs(
    source: Path,
    out: Path,
    *,
    every: int = 1,
    workers: int = 1,
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> int:
    """Write pairs whose B is the drawing of A, with the matte that fades into the photograph.

    Args:
        source: a folder of pairs.
        out: folder to write; made where missing.
        every: take each so manieth face.
        workers: processes; a face takes 0.2 s of a core.
        tell: called with faces done and in all.

    Returns:
        How many.

    Raises:
        ConfigError: `source` is no folder of pairs.
        MediaError: a process died.
        OSError: `out` cannot be written.
    """
    pairs = open_pairs(source)
    chosen = range(0, len(pairs.photos), every)
    photos, points = pairs.photos[::every], pairs.points[::every]
    drawn = np.empty_like(photos)
    for number, picture in enumerate(each(_drawn, list(zip(photos, chosen, strict=True)), workers)):
        drawn[number] = picture
        tell(number + 1, len(photos))
    mattes = np.stack([face_matte(mesh, photos.shape[1]) for mesh in points])
    rows = [
        {
            "file": pairs.files[i],
            "person": pairs.persons[i],
            "source": pairs.sources[i],
            "yaw_deg": str(pairs.yaw[i]),
            "phase": "test" if pairs.held_out[i] else "train",
        }
        for i in chosen
    ]
    out.mkdir(parents=True, exist_ok=True)
    write_pairs(out, rows, {"photos": photos, "points": points, "after": drawn, "mattes": mattes}, [], pairs.crop)
    return len(photos)


def _drawn(photo_and_seed: tuple[U8, int]) -> U8:
    return draw(*photo_and_seed)


def _tell(done: int, of: int) -> None:
    sys.stdout.write(f"\r{done}/{of} drawn" + ("\n" if done == of else ""))
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m trainer.art.pencil_pairs", description=__doc__.splitlines()[0])
    parser.add_argument("pairs", type=Path, help="folder that `lensd pairs faces` wrote")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth face (1: all)")
    given = parser.parse_args()
    pencil_pairs(given.pairs, given.out, every=given.every, workers=usable_cores(), tell=_tell)
