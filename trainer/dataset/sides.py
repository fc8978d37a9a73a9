"""Two pictures to one A|B, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lensd.errors import MediaError
from trainer.dataset.operations import resize
from trainer.dataset.read import list_pictures, over, read_grey, read_layer, read_rgb
from trainer.dataset.write import write_png

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.frames import U8

_SHOWN = 3
_SHAPE = 0.01  # by how much width over height may differ where both are brought to one size


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair is written: `folder/phase/name.png`, or in `folder/A/phase`, `folder/B/phase` where apart."""

    folder: Path
    phase: str
    name: str
    apart: bool

    def files(self, *, matte: bool) -> tuple[Path, ...]:
        """Return the files of the pair, the matte first where there is one."""
        file = f"{self.name}.png"
        sides = ("A", "B") if self.apart else ("",)
        pair = [self.folder / side / self.phase / file for side in sides]
        return ((self.folder / "matte" / self.phase / file,) if matte else ()) + tuple(pair)

    def write(self, a: U8, b: U8, matte: U8 | None = None) -> None:
        """Write A and B, (H, W, 3) uint8, and the matte, (H, W) uint8.

        Raises:
            MediaError: as `write_png`.
        """
        files = list(self.files(matte=matte is not None))
        if matte is not None:
            write_png(files.pop(0), matte)
        for path, picture in zip(files, (a, b) if self.apart else (np.hstack([a, b]),), strict=True):
            write_png(path, picture)


@dataclass(frozen=True, slots=True)
class Combine:
    """A `Work`: A and B, and the matte where there is one, to a pair.

    Attributes:
        a, b, matte: the files.
        overlay: B is a layer with transparency, to be laid over A; its transparency is the matte.
        size: pixels a side that both are brought to, whatever theirs are if their shape is the same; None leaves them.
        pad: as in `operations.resize`.
    """

    a: Path
    b: Path
    matte: Path | None
    place: Place
    overlay: bool
    size: int | None
    pad: bool

    @property
    def targets(self) -> tuple[Path, ...]:
        """Return the files of the pair."""
        return self.place.files(matte=self.overlay or self.matte is not None)

    def check(self) -> None:
        """Read all of them.

        Raises:
            MediaError: one cannot be read, they differ in size, or an overlay is opaque.
        """
        self._read()

    def do(self) -> None:
        """Write the pair.

        Raises:
            MediaError: as `Work.do`.
        """
        a, b, matte = self._read()
        if (size := self.size) is not None:
            a, b = (resize(side, size, pad=self.pad) for side in (a, b))
            if matte is not None:
                matte = resize(np.repeat(matte[..., None], 3, axis=2), size, pad=self.pad)[..., 0]
        self.place.write(a, b, matte)

    def _fits(self, picture: U8, a: U8) -> bool:
        """Say whether a picture can lie on A: it has A's size, or will get it and has A's shape now."""
        if picture.shape[:2] == a.shape[:2]:
            return True
        ratio = picture.shape[1] * a.shape[0] / (picture.shape[0] * a.shape[1])
        return self.size is not None and not self.overlay and abs(ratio - 1) < _SHAPE

    def _read(self) -> tuple[U8, U8, U8 | None]:
        a = read_rgb(self.a)
        b, alpha = read_layer(self.b) if self.overlay else (read_rgb(self.b), None)
        matte = read_grey(self.matte) if self.matte is not None else None
        for path, picture in ((self.b, b), (self.matte, matte)):
            if picture is not None and not self._fits(picture, a):
                why = f"is {_size(picture)}, and {self.a} is {_size(a)}"
                raise MediaError(str(path), why, "lensd pairs resize both folders first")
        if self.overlay:
            if alpha is None:
                raise MediaError(str(self.b), "has no transparency, so it is no overlay", "leave --overlay out")
            b, matte = over(a, b, alpha), alpha
        return a, b, matte


@dataclass(frozen=True, slots=True)
class Apart:
    """A `Work`: an A|B file to A and B."""

    source: Path
    place: Place

    @property
    def targets(self) -> tuple[Path, ...]:
        """Return the two files."""
        return self.place.files(matte=False)

    def check(self) -> None:
        """Read the file.

        Raises:
            MediaError: it cannot be read, or cannot be halved.
        """
        halves(read_rgb(self.source), self.source)

    def do(self) -> None:
        """Write the two.

        Raises:
            MediaError: as `Work.do`.
        """
        self.place.write(*halves(read_rgb(self.source), self.source))


def halves(picture: U8, path: Path) -> tuple[U8, U8]:
    """Return A and B of a side-by-side picture, (H, 2 W, 3) uint8; `path` is for the sentence.

    Raises:
        MediaError: its width is odd.
    """
    width = picture.shape[1]
    if width % 2:
        raise MediaError(str(path), f"is {width} pixels wide, which is no A and B side by side")
    return picture[:, : width // 2], picture[:, width // 2 :]


def combine(
    a: Path,
    b: Path,
    out: Path,
    *,
    matte: Path | None = None,
    overlay: bool = False,
    phases: Mapping[str, str] | None = None,
    apart: bool = False,
    size: int | None = None,
    pad: bool = False,
) -> list[Combine]:
    """Return the works that make pairs of the pictures of one name in two folders.

    Args:
        a, b, matte: folders.
        out: where the pairs go.
        overlay, size, pad: as in `Combine`.
        phases: name to "train", "val" or "test", as `split` says; names that it does not know are left out. None: all
            are for training.
        apart: write A and B in folders of their own.

    Raises:
        MediaError: a folder has no pictures, or one is without its other.
    """
    left, right = list_pictures(a), list_pictures(b)
    mattes = list_pictures(matte) if matte is not None else dict.fromkeys(left)
    _same_names(a, left, b, right)
    if matte is not None:
        _same_names(a, left, matte, mattes)
    names = [name for name in left if phases is None or name in phases]
    if not names:
        raise MediaError(str(a), "none of its pictures is in the list", "lensd pairs split again")
    places = [Place(out, "train" if phases is None else phases[name], name, apart) for name in names]
    return [
        Combine(left[name], right[name], mattes[name], place, overlay, size, pad)
        for name, place in zip(names, places, strict=True)
    ]


def take_apart(folder: Path, out: Path) -> list[Apart]:
    """Return the works that halve the A|B files of `folder`, or of its `train`, `val` and `test`, where it has those.

    Raises:
        MediaError: no pictures.
    """
    phases = [phase for phase in ("train", "val", "test") if (folder / phase).is_dir()]
    if phases:
        return [work for phase in phases for work in _halved(folder / phase, out, phase)]
    return _halved(folder, out, "train")


def _halved(folder: Path, out: Path, phase: str) -> list[Apart]:
    return [Apart(path, Place(out, phase, name, apart=True)) for name, path in list_pictures(folder).items()]


def _same_names(a: Path, left: Mapping[str, object], b: Path, right: Mapping[str, object]) -> None:
    for folder, other, alone in ((a, b, left.keys() - right.keys()), (b, a, right.keys() - left.keys())):
        if alone:
            shown = ", ".join(sorted(alone)[:_SHOWN]) + (
                f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
            )
            raise MediaError(str(folder), f"{shown}: there is no picture of that name in {other}")


def _size(picture: U8) -> str:
    return f"{picture.shape[1]}x{picture.shape[0]}"
