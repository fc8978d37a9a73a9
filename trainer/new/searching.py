"""Faces on many photographs: each searched in a process of its own, what cannot be used counted with the reason."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lensd.errors import EngineError, LensdError
from trainer.dataset.faces import best_finders, find_faces
from trainer.dataset.read import read_rgb
from trainer.dataset.work import each

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8


_PATIENCE_S = 1.5


class Photograph(Protocol):
    """A picture of people, wherever it lies."""

    @property
    def label(self) -> str:
        """How people call it."""

    def read(self) -> U8:
        """Return it upright, (H, W, 3) uint8 RGB.

        Raises:
            MediaError: it cannot be read.
        """


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A `Photograph` in a file."""

    path: Path

    @property
    def label(self) -> str:
        """Return the file's name."""
        return self.path.name

    def read(self) -> U8:
        """Return it upright.

        Raises:
            MediaError: it cannot be read.
        """
        return read_rgb(self.path)


def search(
    photographs: Sequence[Photograph], workers: int, tell: Callable[[int, int], None]
) -> tuple[list[list[F32]], list[tuple[str, str]]]:
    """Look for all faces on all photographs.

    Args:
        photographs: any number.
        workers: processes.
        tell: called with how many were searched, and of how many.

    Returns:
        For each photograph its meshes, (478, 3) float32 each in its pixels, the largest first; and the label and the
        reason of each that has none.

    Raises:
        EngineError: the tracker's network cannot be run.
    """
    found: list[list[F32]] = []
    without: list[tuple[str, str]] = []
    for photograph, answer in zip(photographs, each(_look, photographs, workers), strict=True):
        meshes, why = answer
        found.append(meshes)
        if not meshes:
            without.append((photograph.label, why))
        tell(len(found), len(photographs))
    return found, without


def any_faces(
    photographs: Sequence[Photograph], wanted: int, tell: Callable[[int, int], None] = lambda _done, _of: None
) -> int:
    """Return on how many photographs a face is found, but look no further once `wanted` are.

    `tell` is called with how many were searched, and of how many, where that takes longer than it should.
    """
    count, begin = 0, time.monotonic()
    for done, photograph in enumerate(photographs, 1):
        count += bool(_look(photograph)[0])
        if count >= wanted:
            break
        if time.monotonic() - begin > _PATIENCE_S:
            tell(done, len(photographs))
    return count


def _look(photograph: Photograph) -> tuple[list[F32], str]:
    try:
        return find_faces(photograph.read(), best_finders()), "no face is found"
    except EngineError:
        raise
    except LensdError as error:
        return [], error.why
