"""Pairs of a teacher: photographs, some with glasses put on, each with what the teacher makes of it, and the matte."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import MediaError
from lensd.evaluation.faces import read_faces
from trainer.canvas_art import paint_on_canvas, stickers_on_canvas, write_canvas
from trainer.dataset.photographs import yaw_deg
from trainer.dataset.split import INDEX, read_index
from trainer.dataset.work import each
from trainer.gallery.lenses import taught
from trainer.pairs import make_pairs, write_pairs
from trainer.pairs_commands import stickers_named
from trainer.props import wear_glasses
from trainer.window import WINDOW_PX, window

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32, U8
    from trainer.gallery.lenses import Taught

# Of the photographs: nobody can put glasses on a finished pair, since the teacher has to paint them too.
_SUNGLASSES, _GLASSES = 0.1, 0.1


def gallery_pairs(
    lens: Taught,
    faces: Path,
    out: Path,
    *,
    every: int = 1,
    workers: int = 1,
    tell: Callable[[int, int], None] = lambda _done, _of: None,
) -> int:
    """Write the folder of pairs that a lens of the gallery learns from, as `lensd pairs faces` writes them.

    Args:
        lens: of the gallery.
        faces: folder of photographs with `mesh478.npz`, and `index.csv` where it is known who is who.
        out: folder to write; made where missing.
        every: take each so manieth face.
        workers: processes.
        tell: called with faces done and in all.

    Returns:
        How many faces.

    Raises:
        MediaError: no faces, a picture that cannot be read, or a process that died.
        LensError: the overlay that teaches it is not there.
        OSError: `out` cannot be written.
    """
    rows, meshes = _faces(faces, every)
    if lens.overlay is not None:
        found = (rows, meshes)
        _write_canvas(lens, out)
        return make_pairs(faces, out, stickers_named(lens.overlay), lens.crop, tell, found, upright=False)
    folder = faces / "images" if (faces / "images").is_dir() else faces
    jobs = [
        (folder / row["file"], mesh, number * every)
        for number, (row, mesh) in enumerate(zip(rows, meshes, strict=True))
    ]
    photos = np.empty((len(rows), WINDOW_PX, WINDOW_PX, 3), np.uint8)
    after, mattes = np.empty_like(photos), np.empty(photos.shape[:3], np.uint8)
    points = np.empty((len(rows), 478, 3), np.float32)
    planes = np.empty_like(mattes) if lens.drawer else None
    for number, made in enumerate(each(partial(_paint, lens.name), jobs, workers)):
        photos[number], points[number], after[number], mattes[number], plane = made
        if planes is not None:
            planes[number] = plane
        tell(number + 1, len(rows))
    out.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, np.ndarray] = {"photos": photos, "points": points, "after": after, "mattes": mattes}
    arrays |= {} if planes is None else {"planes": planes}
    _write_canvas(lens, out)
    write_pairs(out, rows, arrays, [], lens.crop, lens.finish)
    return len(rows)


def canvas_art(lens: Taught) -> U8:
    """Return the canvas of a lens, as `trainer.canvas_art` draws it.

    Raises:
        LensError: the overlay that teaches it is not there.
    """
    if lens.overlay is not None:
        return stickers_on_canvas(stickers_named(lens.overlay), lens.crop)
    if lens.painter is None:
        raise ValueError(f"{lens.name} has no teacher")
    return paint_on_canvas(lens.painter, lens.crop)


def _write_canvas(lens: Taught, out: Path) -> None:
    if lens.worn:
        out.mkdir(parents=True, exist_ok=True)
        write_canvas(out, canvas_art(lens))


def _faces(faces: Path, every: int) -> tuple[list[dict[str, str]], list[F32]]:
    known = {row["file"]: row for row in read_index(faces / INDEX)} if (faces / INDEX).is_file() else {}
    labelled = read_faces(faces).faces[::every]
    if not labelled:
        raise MediaError(str(faces), "has no faces with a whole mesh")
    rows = []
    for face in labelled:
        row = known.get(face.file, {})
        yaw = face.yaw_deg if face.yaw_deg is not None else yaw_deg(face.landmarks_px)
        person, source = row.get("person") or face.file.rsplit(".", 1)[0], row.get("source") or faces.name
        rows.append({"file": face.file, "person": person, "source": source, "yaw_deg": f"{yaw:.1f}"})
    return rows, [face.landmarks_px for face in labelled]


def _paint(name: str, job: tuple[Path, F32, int]) -> tuple[U8, F32, U8, U8, U8 | None]:
    """Return a face's window, its mesh, what the teacher makes of it, and the matte; and the plane of its finish."""
    cv2.setNumThreads(1)
    path, mesh, seed = job
    photo, points = window(rgb_of(open_still(path, upright=False)), mesh)
    rng = np.random.default_rng(seed)
    chance = rng.random()
    if chance < _SUNGLASSES + _GLASSES:
        wear_glasses(photo, points, rng, dark=chance < _SUNGLASSES)
    lens = taught(name)
    if lens.drawer is not None:
        drawing, plane, matte = lens.drawer(photo, points)
        return photo, points, drawing, matte, plane
    if lens.painter is None:
        raise MediaError(name, "is taught by stickers")
    return (photo, points, *lens.painter(photo, points, seed), None)
