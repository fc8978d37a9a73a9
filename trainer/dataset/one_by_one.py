"""A folder of pictures through one operation: NAME.png of NAME."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lensd.errors import MediaError
from trainer.dataset import operations
from trainer.dataset.read import list_pictures, read_rgb
from trainer.dataset.write import write_png

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import U8
    from trainer.dataset.names import Operation


@dataclass(frozen=True, slots=True)
class How:
    """An operation and its settings: `size` and `pad` of resize, `sigma` of edges."""

    operation: Operation
    size: int = 256
    pad: bool = False
    sigma: float = 1.4

    def __call__(self, rgb: U8) -> U8:
        """Return what becomes of a picture, (H, W, 3) uint8.

        Raises:
            MediaError: blank, and the picture is not square.
        """
        if self.operation == "resize":
            return operations.resize(rgb, self.size, pad=self.pad)
        if self.operation == "edges":
            return operations.edges(rgb, self.sigma)
        return operations.grayscale(rgb) if self.operation == "grayscale" else operations.blank(rgb)


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A `Work`: one picture through one operation."""

    source: Path
    target: Path
    how: How

    @property
    def targets(self) -> tuple[Path, ...]:
        """Return the one file."""
        return (self.target,)

    def check(self) -> None:
        """Read the picture.

        Raises:
            MediaError: it cannot be read, or is not square for blank.
        """
        rgb = read_rgb(self.source)
        if self.how.operation == "blank" and rgb.shape[0] != rgb.shape[1]:
            why = f"is {rgb.shape[1]}x{rgb.shape[0]}; blank needs squares"
            raise MediaError(str(self.source), why, "lensd pairs resize first")

    def do(self) -> None:
        """Write the picture.

        Raises:
            MediaError: as `Work.do`.
        """
        write_png(self.target, self.how(read_rgb(self.source)))


def one_by_one(folder: Path, out: Path, how: How) -> list[OneByOne]:
    """Return the works for all pictures of `folder`.

    Raises:
        MediaError: no pictures, or `out` is `folder`.
    """
    if out.resolve() == folder.resolve():
        raise MediaError(str(out), "is the folder that is read", "name another --out")
    return [OneByOne(path, out / f"{name}.png", how) for name, path in list_pictures(folder).items()]
