"""Stage "pairs" for a sticker: every face of the photographs, what the overlay draws on it, and the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lensd.errors import MediaError
from lensd.evaluation.faces import MESH_NAME, read_faces
from trainer.canvas_art import stickers_on_canvas, write_canvas
from trainer.dataset.photographs import photographs_in, yaw_deg
from trainer.dataset.split import INDEX, read_index
from trainer.new.searching import PictureFile, any_faces, search
from trainer.pairs import make_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.frames import F32
    from lensd.lens.overlay import Sticker
    from trainer.pairs import Crop

FEW = 100  # persons; thug-life was taught with 900
_NEEDED = "give a folder of photographs of at least two people, best of hundreds: --faces FOLDER"


@dataclass(frozen=True, slots=True)
class _Faces:
    rows: list[dict[str, str]]
    meshes: list[F32]
    without: list[tuple[str, str]]
    upright: bool


def check_faces(folder: Path, tell: Callable[[int, int], None]) -> None:
    """See that there is something to learn from, without looking at all of it; `tell` as in `any_faces`.

    Raises:
        MediaError: no photographs, a table that cannot be read, or no face but on one photograph at most.
    """
    _rows(folder)
    if (folder / MESH_NAME).exists():
        count = len(read_faces(folder, 2).faces)
    else:
        count = any_faces([PictureFile(path) for path in photographs_in(folder).values()], 2, tell)
    if count < 2:
        number = "no picture" if not count else "one picture only"
        raise MediaError(str(folder), f"a face is found on {number}", _NEEDED)


def draw_pairs(
    folder: Path, out: Path, sticker: Sticker, crop: Crop, workers: int, tell: Callable[[float, float, str], None]
) -> dict[str, Any]:
    """Write the folder of pairs, and return facts for the page.

    Raises:
        MediaError: as `check_faces`, or a picture cannot be read.
    """
    faces = _given(folder) if (folder / MESH_NAME).exists() else _found(folder, workers, tell)
    persons = {row["person"] for row in faces.rows}
    if len(persons) < 2:
        raise MediaError(str(folder), f"shows faces of {len(persons)} person, so nobody could be held out", _NEEDED)
    write_canvas(out, stickers_on_canvas([sticker], crop))
    count = make_pairs(
        folder,
        out,
        [sticker],
        crop,
        lambda done, of: tell(0.8 + 0.2 * done / of, 1, f"{done} of {of} faces cut"),
        (faces.rows, faces.meshes),
        upright=faces.upright,
    )
    return {"faces": count, "persons": len(persons), "left_out": len(faces.without), "why": faces.without[:20]}


def _given(folder: Path) -> _Faces:
    faces = read_faces(folder)
    known = _rows(folder)
    rows = [
        _row(face.file, known, folder, face.yaw_deg if face.yaw_deg is not None else yaw_deg(face.landmarks_px))
        for face in faces.faces
    ]
    return _Faces(rows, [face.landmarks_px for face in faces.faces], list(faces.skipped), upright=False)


def _found(folder: Path, workers: int, tell: Callable[[float, float, str], None]) -> _Faces:
    photographs: Sequence[PictureFile] = [PictureFile(path) for path in photographs_in(folder).values()]
    found, without = search(
        photographs, workers, lambda done, of: tell(0.8 * done / of, 1, f"{done} of {of} photographs searched")
    )
    known = _rows(folder)
    each = [(photograph, mesh) for photograph, meshes in zip(photographs, found, strict=True) for mesh in meshes]
    rows = [_row(photograph.label, known, folder, yaw_deg(mesh)) for photograph, mesh in each]
    return _Faces(rows, [mesh for _, mesh in each], without, upright=True)


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    return {row["file"]: row for row in read_index(folder / INDEX)} if (folder / INDEX).is_file() else {}


def _row(file: str, known: dict[str, dict[str, str]], folder: Path, yaw: float) -> dict[str, str]:
    row = known.get(file, {})
    # Without a table each photograph counts as a person of its own.
    person, source = row.get("person") or file.rsplit(".", 1)[0], row.get("source") or folder.name
    return {"file": file, "person": person, "source": source, "yaw_deg": f"{yaw:.1f}"}
