"""Photographs and an overlay lens to pairs of pictures: A as it was, B with the drawing on every face; the matte."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import MediaError
from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import render_crop
from trainer.dataset.faces import find_faces
from trainer.dataset.photographs import finders_for, given_meshes, photographs_in
from trainer.dataset.read import over, read_rgb
from trainer.dataset.sides import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8
    from lensd.lens.overlay import Sticker
    from trainer.dataset.names import Finder, Landmarks

_FACES_MAX = 8


@dataclass(frozen=True, slots=True)
class View:
    """What of a photograph becomes a pair: a face's square (face units, face units, pixels), as a lens sees it."""

    side: float
    up: float
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """A `Work`: one photograph to its pairs.

    Attributes:
        source: the photograph.
        place: of the pair; with `view` each face has one of its own, NAME-0, NAME-1 and so on.
        stickers: drawn on every face.
        meshes: the faces, (478, 3) each, pixels of the file as it lies there, not turned upright; None: to be found.
        finders: by whom; the second is asked where the first finds none.
        view: None takes the whole photograph.
    """

    source: Path
    place: Place
    stickers: tuple[Sticker, ...]
    meshes: tuple[F32, ...] | None
    finders: tuple[Finder, ...]
    view: View | None

    @property
    def targets(self) -> tuple[Path, ...]:
        """Return the files of the first pair, which is written last."""
        return self._place(0).files(matte=True)

    def check(self) -> None:
        """Read the photograph.

        Raises:
            MediaError: it cannot be read.
        """
        self._read()

    def do(self) -> None:
        """Write its pairs; none where it shows no face.

        Raises:
            MediaError: as `Work.do`.
            EngineError: the tracker's network cannot be run.
        """
        rgb = self._read()
        meshes = find_faces(rgb, self.finders) if self.meshes is None else list(self.meshes)
        if self.view is None and meshes:
            height, width = rgb.shape[:2]
            self._write(0, rgb, meshes, (width, height))
        elif self.view is not None:
            for number, mesh in reversed(list(enumerate(meshes[:_FACES_MAX]))):
                view = self.view
                to_photo = crop_to_picture(mesh, view.size, view.side, view.up)
                crop = cut(rgb, to_photo, view.size)
                moved = [np.column_stack([apply(invert(to_photo), m[:, :2]), m[:, 2]]) for m in meshes]
                self._write(number, crop, [m.astype(np.float32) for m in moved], (view.size, view.size))

    def _write(self, number: int, a: U8, meshes: list[F32], size: tuple[int, int]) -> None:
        b, matte = a, np.zeros(a.shape[:2], np.uint8)
        for mesh in meshes:
            drawn = render_crop(self.stickers, mesh, size)
            b = over(b, drawn[..., :3], drawn[..., 3])
            matte = np.maximum(matte, drawn[..., 3])
        self._place(number).write(a, b, matte)

    def _place(self, number: int) -> Place:
        return self.place if self.view is None else replace(self.place, name=f"{self.place.name}-{number}")

    def _read(self) -> U8:
        # A mesh that was given is in the file's own pixels.
        return read_rgb(self.source) if self.meshes is None else rgb_of(open_still(self.source, upright=False))


def cut(rgb: U8, to_photo: np.ndarray, size: int) -> U8:
    """Return the square (size, size, 3) that `to_photo` (2, 3) places in `rgb`; outside, its edge is repeated."""
    scale = float(np.hypot(to_photo[0, 0], to_photo[1, 0]))
    if scale > 1.5:  # a linear warp reads four pixels, and the detail between them would turn into noise
        shrink = 1 / scale
        rgb = np.asarray(cv2.resize(rgb, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        to_photo = to_photo.astype(np.float64) * shrink
        to_photo[:, 2] += (shrink - 1) / 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(rgb, to_photo, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def draw_works(
    folder: Path,
    out: Path,
    stickers: Sequence[Sticker],
    view: View | None,
    *,
    landmarks: Landmarks,
    phases: Mapping[str, str] | None,
    apart: bool,
) -> list[Draw]:
    """Return the works for all photographs of `folder` (or of `folder/images`).

    Args:
        folder: photographs, with `mesh478.npz` where their faces are known.
        out, phases, apart: as in `sides.combine`.
        stickers, view: as in `Draw`.
        landmarks: "mesh" leaves photographs out that the archive does not name; "auto" looks for their faces.

    Raises:
        MediaError: no photographs, or an archive that cannot be used.
        RuntimeMissing: MediaPipe is wanted and not installed.
    """
    photographs = photographs_in(folder)
    meshes, finders = given_meshes(folder, landmarks), finders_for(landmarks)
    works = [
        Draw(
            path,
            Place(out, "train" if phases is None else phases[name], name, apart),
            tuple(stickers),
            meshes.get(path.name),
            finders,
            view,
        )
        for name, path in photographs.items()
        if (phases is None or name in phases) and (finders or path.name in meshes)
    ]
    if not works:
        raise MediaError(str(folder), "none of its pictures is in the list, or in the mesh", "lensd pairs draw --help")
    return works
