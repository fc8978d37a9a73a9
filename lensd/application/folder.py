"""A lens on every picture of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.application.apply import apply_lens
from lensd.application.paths import STILL_SUFFIXES
from lensd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.ports import FaceTracker, Lens


@dataclass(frozen=True, slots=True)
class FolderDone:
    """What was done.

    Attributes:
        pictures: how many were written. faces: on how many of them a face was found.
        failed: those that could not be read or written, each with its sentence.
    """

    pictures: int
    faces: int
    failed: tuple[MediaError, ...]


def apply_to_folder(
    lens: Lens, tracker: FaceTracker, folder: Path, out: Path, tell: Callable[[int, int], None]
) -> FolderDone:
    """Write every picture of `folder` with `lens` on it into `out`, under its own name.

    Args:
        lens: draws each face.
        tracker: finds them.
        folder: PNG, JPEG and WebP files; others in it, and folders, are passed over.
        out: made where missing; not `folder`.
        tell: called with pictures done and in all.

    Raises:
        MediaError: no pictures, or `out` cannot be used.
        EngineError: the network could not be run.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in STILL_SUFFIXES)
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(str(error.filename or folder), (error.strerror or "cannot be used").lower()) from error
    if not names:
        raise MediaError(str(folder), "has no pictures", "give a folder of PNG, JPEG or WebP files")
    if out.samefile(folder):
        raise MediaError(str(out), "is the folder that is read", "name another output")
    written = faces = 0
    failed: list[MediaError] = []
    for done, name in enumerate(names, 1):
        try:
            faces += apply_lens(lens, tracker, folder / name, out / name, lambda _share: None).faces
            written += 1
        except MediaError as error:
            failed.append(error)
        tell(done, len(names))
    return FolderDone(written, faces, tuple(failed))
