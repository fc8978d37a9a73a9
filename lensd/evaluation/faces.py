"""A folder of photographs with their meshes: `images/`, `mesh478.npz`, and `index.csv` where there is one."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lensd.camera.still import open_still, picture_of, rgb_of
from lensd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.frames import F32, Picture

MESH_NAME, IMAGES_NAME, INDEX_NAME = "mesh478.npz", "images", "index.csv"
_MESH_BYTES_MAX = 1024**3
_BARE = ("no", "none", "0", "false")  # in a column "glasses"
_LAYOUT = "a folder with images/ and mesh478.npz (files, points) is needed"
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, SyntaxError, NotImplementedError, RuntimeError)


@dataclass(frozen=True, slots=True)
class LabelledFace:
    """One photograph and its mesh.

    Attributes:
        file: the picture's name in images/.
        landmarks_px: (478, 3) float32, pixels of that picture; all finite.
        yaw_deg, roll_deg: from index.csv; None where it does not say.
        person: who it is, from index.csv; empty where it does not say.
        margin: how much lies round the face, "generous" or "tight", from index.csv; empty where it does not say.
        glasses: from index.csv ("yes", "no", or what kind); None where it does not say.
    """

    file: str
    landmarks_px: F32
    yaw_deg: float | None
    roll_deg: float | None
    person: str = ""
    margin: str = ""
    glasses: bool | None = None


@dataclass(frozen=True, slots=True)
class FaceSet:
    """All usable faces of a folder, in the order of the file.

    Attributes:
        folder: where it is.
        faces: those with a whole mesh and a picture.
        skipped: file name and reason of each that cannot be measured.
    """

    folder: Path
    faces: tuple[LabelledFace, ...]
    skipped: tuple[tuple[str, str], ...]

    def picture(self, face: LabelledFace) -> Picture:
        """Return the photograph as the frame's path sees it.

        Raises:
            MediaError: it cannot be read.
        """
        # Not turned upright: the mesh is in the file's own pixels.
        return picture_of(rgb_of(open_still(self.folder / IMAGES_NAME / face.file, upright=False)))


def read_faces(folder: Path, limit: int | None = None) -> FaceSet:
    """Return the faces of `folder`, the first `limit` of them.

    Raises:
        MediaError: no such folder, a file of it that cannot be read, or no face that can be measured.
    """
    files, points = _read_meshes(folder / MESH_NAME)
    rows = _read_index(folder / INDEX_NAME)
    faces: list[LabelledFace] = []
    skipped: list[tuple[str, str]] = []
    for file, mesh in zip(files, points, strict=True):
        if limit is not None and len(faces) >= limit:
            break
        if not np.isfinite(mesh).all() or np.ptp(mesh[:, :2], axis=0).min() < 1:
            skipped.append((file, "its mesh is not whole"))
        elif "/" in file or file.startswith(".") or not (folder / IMAGES_NAME / file).is_file():
            skipped.append((file, f"there is no such picture in {IMAGES_NAME}/"))
        else:
            faces.append(_labelled(file, mesh, rows.get(file, {})))
    if not faces:
        why = f"none of its {len(files)} faces can be measured: {skipped[0][1]}" if skipped else "it has no faces"
        raise MediaError(str(folder), why, _LAYOUT)
    return FaceSet(folder, tuple(faces), tuple(skipped))


def read_mesh_archive(path: Path) -> tuple[list[str], F32]:
    """Return the files that a `mesh478.npz` names, and their faces, (n, 478, 3) float32, maybe not all finite.

    Raises:
        MediaError: no such file, too large, or not of that kind.
    """
    return _read_meshes(path)


def _read_meshes(path: Path) -> tuple[list[str], F32]:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _MESH_BYTES_MAX:
            raise MediaError(str(path), f"says that it unpacks to {size} bytes; at most {_MESH_BYTES_MAX} are allowed")
        with np.load(path, allow_pickle=False) as arrays:
            files, points = arrays["files"], arrays["points"]
    except FileNotFoundError as error:
        raise MediaError(str(path), "there is no such file", _LAYOUT) from error
    except _DAMAGED as error:
        raise MediaError(str(path), "is no archive of the arrays files and points", _LAYOUT) from error
    if files.dtype.kind != "U" or files.ndim != 1 or points.shape != (len(files), 478, 3) or points.dtype.kind != "f":
        why = f"files is {files.dtype} {files.shape} and points {points.dtype} {points.shape}"
        raise MediaError(str(path), f"{why}; texts (n,) and numbers (n, 478, 3) are needed", _LAYOUT)
    return [str(file) for file in files], points.astype(np.float32)


def _labelled(file: str, mesh: F32, row: Mapping[str, str]) -> LabelledFace:
    yaw, roll = _number(row.get("yaw_deg")), _number(row.get("roll_deg"))
    worn = (row.get("glasses") or "").strip().lower()
    glasses = worn not in _BARE if worn else None
    return LabelledFace(file, mesh, yaw, roll, row.get("person") or "", row.get("margin") or "", glasses)


def _read_index(path: Path) -> Mapping[str, Mapping[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MediaError(str(path), "is no table that can be read") from error
    return {row["file"]: row for row in rows if row.get("file")}


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if np.isfinite(value) else None
