"""The pairs of a folder, whichever way they lie; no picture is read before it is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import MediaError
from trainer.dataset.read import SUFFIXES, list_pictures, read_grey, read_rgb
from trainer.dataset.sides import halves
from trainer.dataset.split import INDEX, PHASES, group_by_column, read_index

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.frames import U8


@dataclass(frozen=True, slots=True)
class PairFiles:
    """One pair's files.

    Attributes:
        name: without suffix.
        phase: "train", "val" or "test"; "" where the folder has no such parts.
        a: the file with A, or with A and B side by side where `b` is None.
        b: the file with B.
        matte: the file with the matte, or None.
        person: whose picture it is; "" where nobody says.
    """

    name: str
    phase: str
    a: Path
    b: Path | None
    matte: Path | None
    person: str

    @property
    def label(self) -> str:
        """How people and programs call it: phase/name."""
        return f"{self.phase}/{self.name}" if self.phase else self.name

    def read(self) -> tuple[U8, U8]:
        """Return A and B, uint8 RGB, maybe of different sizes.

        Raises:
            MediaError: one cannot be read.
        """
        if self.b is None:
            return halves(read_rgb(self.a), self.a)
        return read_rgb(self.a), read_rgb(self.b)

    def read_matte(self) -> U8 | None:
        """Return the matte, (H, W) uint8, if there is one.

        Raises:
            MediaError: it cannot be read.
        """
        return None if self.matte is None else read_grey(self.matte)


def list_pairs(
    folder: Path, phases: Mapping[str, str] | None = None, persons: Mapping[str, str] | None = None
) -> tuple[list[PairFiles], list[str]]:
    """Return the pairs of `folder`, and a sentence for each picture that is without its other.

    Args:
        folder: as in this package's docstring: parts or none, side by side or apart, matte or none.
        phases: name to phase, for a folder without parts; from `split`.
        persons: name to person; None looks into `index.csv`, and goes without where that is not there.

    Raises:
        MediaError: no pictures, or an `index.csv` that cannot be read.
    """
    if persons is None:
        persons = _persons(folder / INDEX)
    apart = (folder / "A").is_dir() and (folder / "B").is_dir()
    root = folder / "A" if apart else folder
    parts = [phase for phase in PHASES if (root / phase).is_dir() and _has_pictures(root / phase)] or [""]
    pairs: list[PairFiles] = []
    alone: list[str] = []
    for part in parts:
        first = list_pictures(root / part)
        second = list_pictures(folder / "B" / part) if apart else {}
        mattes = folder / "matte" / part
        matte = list_pictures(mattes) if mattes.is_dir() and _has_pictures(mattes) else {}
        for name, path in first.items():
            if apart and name not in second:
                alone.append(f"A/{part}/{name}".replace("//", "/"))
                continue
            phase = part or (phases or {}).get(name, "")
            person = persons.get(name) or persons.get(name.rsplit("-", 1)[0], "")  # NAME-0 is NAME's first face
            pairs.append(PairFiles(name, phase, path, second.get(name), matte.get(name), person))
        alone += [f"B/{part}/{name}".replace("//", "/") for name in sorted(second.keys() - first.keys())]
    if not pairs:
        raise MediaError(str(folder), "no picture in A has one of its name in B")
    return pairs, alone


def _persons(index: Path) -> dict[str, str]:
    if not index.is_file():
        return {}
    rows = read_index(index)
    return group_by_column(index, "person") if rows and "person" in rows[0] else {}


def _has_pictures(folder: Path) -> bool:
    return any(p.suffix.lower() in SUFFIXES and not p.name.startswith(".") for p in folder.iterdir())
