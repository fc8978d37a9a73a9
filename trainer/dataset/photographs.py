"""A folder of photographs: its pictures, its persons, and the faces on them, given or found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import LensdError, MediaError, RuntimeMissing
from lensd.evaluation.faces import read_mesh_archive
from trainer.dataset.faces import best_finders, find_faces
from trainer.dataset.mediapipe_mesh import install_hint, mediapipe_python
from trainer.dataset.read import list_pictures, read_rgb
from trainer.dataset.split import INDEX, read_index
from trainer.dataset.work import each

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32
    from trainer.dataset.names import Finder, Landmarks

MESH = "mesh478.npz"
_EARS = (234, 454)  # the mesh's outermost points, left and right in the picture

# The mesh is shallower than a head: fitted on 1,128 faces with known yaw, which it then tells with r = 0.97.
_SHALLOW = 1.64


def photographs_in(folder: Path) -> dict[str, Path]:
    """Return the pictures of `folder/images`, or of `folder` where there is no such folder.

    Raises:
        MediaError: there are none.
    """
    return list_pictures(folder / "images" if (folder / "images").is_dir() else folder)


def finders_for(landmarks: Landmarks) -> tuple[Finder, ...]:
    """Return who looks for faces that no mesh gives.

    Raises:
        RuntimeMissing: MediaPipe is wanted and not installed.
    """
    if landmarks == "mediapipe" and mediapipe_python() is None:
        raise RuntimeMissing("mediapipe", "is not installed", f"{install_hint()}, or --landmarks tracker")
    named: dict[Landmarks, tuple[Finder, ...]] = {"mesh": (), "tracker": ("tracker",), "mediapipe": ("mediapipe",)}
    return named.get(landmarks) or (() if landmarks == "mesh" else best_finders())


def given_meshes(folder: Path, landmarks: Landmarks) -> dict[str, tuple[F32, ...]]:
    """Return file name to its faces as `mesh478.npz` gives them; empty where it is not there or not wanted.

    Raises:
        MediaError: the archive cannot be used, or is wanted and not there.
    """
    wanted = landmarks == "mesh" or (landmarks == "auto" and (folder / MESH).exists())
    if not wanted:
        return {}
    found: dict[str, list[F32]] = {}
    for file, mesh in zip(*read_mesh_archive(folder / MESH), strict=True):
        faces = found.setdefault(file, [])
        if np.isfinite(mesh).all() and np.ptp(mesh[:, :2], axis=0).min() >= 1:
            faces.append(mesh)
    return {file: tuple(meshes) for file, meshes in found.items()}


@dataclass(frozen=True, slots=True)
class _Find:
    finders: tuple[Finder, ...]

    def __call__(self, path: Path) -> list[F32] | tuple[str, str]:
        try:
            return find_faces(read_rgb(path), self.finders)
        except LensdError as error:
            return error.what, error.why


def find_photographs(
    folder: Path, landmarks: Landmarks, workers: int, tell: Callable[[int, int], None]
) -> tuple[list[dict[str, str]], list[F32], int]:
    """Look for all faces of all photographs.

    Args:
        folder: photographs, and `index.csv` where somebody wrote one; each photograph counts as a person of its own
            where that says nothing.
        landmarks: not "mesh".
        workers: processes.
        tell: called with how many were searched, and of how many.

    Returns:
        For each face a row (file, person, source, yaw_deg) and its mesh, (478, 3) in pixels of the upright picture;
        and how many photographs show none.

    Raises:
        MediaError: a photograph cannot be read, or none shows a face.
        RuntimeMissing, EngineError: the faces cannot be looked for.
    """
    photographs = photographs_in(folder)
    known = {row["file"]: row for row in read_index(folder / INDEX)} if (folder / INDEX).is_file() else {}
    rows: list[dict[str, str]] = []
    meshes: list[F32] = []
    without = 0
    paths = list(photographs.values())
    for done, (path, found) in enumerate(
        zip(paths, each(_Find(finders_for(landmarks)), paths, workers), strict=True), 1
    ):
        if isinstance(found, tuple):
            raise MediaError(*found)
        row = known.get(path.name, {})
        person, source = row.get("person") or path.stem, row.get("source") or folder.name
        for mesh in found:
            rows.append({"file": path.name, "person": person, "source": source, "yaw_deg": f"{yaw_deg(mesh):.1f}"})
            meshes.append(mesh)
        without += not found
        tell(done, len(paths))
    if not meshes:
        raise MediaError(str(folder), f"no face is found in any of its {len(paths)} pictures")
    return rows, meshes, without


def yaw_deg(mesh: F32) -> float:
    """Return how far a face is turned, degrees, from the depth that the mesh gives its two sides; 0 is frontal."""
    across = (mesh[_EARS[1]] - mesh[_EARS[0]]).astype(np.float64)
    return _SHALLOW * math.degrees(math.atan2(float(across[2]), math.hypot(float(across[0]), float(across[1]))))
