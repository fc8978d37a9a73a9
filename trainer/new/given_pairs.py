"""Stage "pairs" for a folder of pictures before and after: the same window of A and B, and the matte between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lensd.errors import LensdError, MediaError
from lensd.lens.align import apply, crop_to_picture, invert
from trainer.dataset.check import MISALIGNED_PX
from trainer.dataset.layout import PairFiles, list_pairs
from trainer.dataset.measure import displacement
from trainer.dataset.photographs import yaw_deg
from trainer.new.cropping import crop_round
from trainer.new.matte import difference, fade, inside, matte_of
from trainer.new.searching import any_faces, search
from trainer.pairs import Crop, write_pairs
from trainer.window import WINDOW_PX, WINDOW_SIDE, cut_window, window_to_photo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lensd.frames import F32, U8

MOST = 3000  # faces: 4.3 GB in memory while a lens is trained
_NEEDED = "give a folder of A|B pictures, or with folders A and B, that show faces: --pairs FOLDER"
_MAP_PX = 80
_OFTEN = 0.1  # what is painted in more than a tenth of the pairs belongs to the lens
_WHOLE_SIDE, _WIDE = 1.6, 1.5  # of the crop, where B differs everywhere; and what counts as everywhere
_UP = 0.05
_EMPTY = 2e-3  # of the window


@dataclass(frozen=True, slots=True)
class Before:
    """A `Photograph`: side A of a pair."""

    pair: PairFiles

    @property
    def label(self) -> str:
        """Return the pair's."""
        return self.pair.label

    def read(self) -> U8:
        """Return A.

        Raises:
            MediaError: it cannot be read.
        """
        return self.pair.read()[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    pair: PairFiles
    before: U8
    after: U8
    valid: U8
    points: F32
    shift: tuple[float, float] | None


def check_pairs_folder(folder: Path, tell: Callable[[int, int], None]) -> None:
    """See that there is something to learn from, without looking at all of it; `tell` as in `any_faces`.

    Raises:
        MediaError: no pairs, or fewer than two whose A shows a face.
    """
    pairs, _ = list_pairs(folder)
    if (count := any_faces([Before(pair) for pair in pairs], 2, tell)) < 2:
        raise MediaError(str(folder), f"a face is found in side A of {'no pair' if not count else 'one only'}", _NEEDED)


def cut_pairs(
    folder: Path, out: Path, size_px: int, workers: int, tell: Callable[[float, float, str], None]
) -> dict[str, Any]:
    """Write the folder of pairs, and return facts for the page.

    Raises:
        MediaError: as `check_pairs_folder`, or no B differs from its A.
    """
    pairs, alone = list_pairs(folder)
    pairs = [pairs[at] for at in np.unique(np.linspace(0, len(pairs) - 1, min(len(pairs), MOST)).astype(int))]
    photographs = [Before(pair) for pair in pairs]
    meshes, without = search(
        photographs, workers, lambda done, of: tell(0.7 * done / of, 1, f"{done} of {of} pairs searched for faces")
    )
    left_out = [(label, "is without its other side") for label in alone] + without
    cuts: list[_Cut] = []
    for number, (pair, found) in enumerate(zip(pairs, meshes, strict=True), 1):
        for mesh in found[:1]:  # the largest: what B shows of the others is cut off by the crop's border
            cut = _cut(pair, mesh)
            if isinstance(cut, str):
                left_out.append((pair.label, cut))
            else:
                cuts.append(cut)
        tell(0.7 + 0.15 * number / len(pairs), 1, f"{number} of {len(pairs)} pairs cut")
    if len(cuts) < 2:
        why = f"{len(cuts)} of {len(pairs)} pairs can be used; the first: {left_out[0][0]} {left_out[0][1]}"
        raise MediaError(str(folder), why, _NEEDED)
    crop, everywhere = _crop(cuts, size_px)
    kept, mattes = [], []
    for number, cut in enumerate(cuts, 1):
        matte: np.ndarray = matte_of(cut.before, cut.after, cut.valid)
        differs = float((matte >= 128).mean()) >= _EMPTY
        if everywhere:  # where it happens to be like A, B is painted too: no network can tell such places
            matte = 255 * inside(cut.valid)
        matte = np.rint(matte * fade(cut.points, crop, WINDOW_PX, rounded=everywhere)).astype(np.uint8)
        if not differs or float((matte >= 128).mean()) < _EMPTY:
            left_out.append((cut.pair.label, "shows nearly the same in A and B"))
        else:
            kept.append(cut)
            mattes.append(matte)
        tell(0.85 + 0.15 * number / len(cuts), 1, f"{number} of {len(cuts)} mattes made")
    if len(kept) < 2:
        raise MediaError(str(folder), f"B differs from A in {len(kept)} of {len(cuts)} pairs only", _NEEDED)
    _write(out, kept, mattes, crop, folder.name)
    off = [(cut.pair.label, float(np.hypot(*cut.shift))) for cut in kept if cut.shift]
    misaligned = [(label, round(far, 1)) for label, far in off if far > MISALIGNED_PX]
    facts = {"faces": len(kept), "persons": len({_person(cut.pair) for cut in kept}), "left_out": len(left_out)}
    return {**facts, "why": left_out[:20], "misaligned": misaligned[:20], "misaligned_count": len(misaligned)}


def _cut(pair: PairFiles, mesh: F32) -> _Cut | str:
    """Return the windows of one pair, or why there are none."""
    try:
        before, after = pair.read()
    except LensdError as error:
        return error.why
    if before.shape != after.shape:
        size = f"A is {before.shape[1]}x{before.shape[0]}, B {after.shape[1]}x{after.shape[0]}"
        ratio = before.shape[1] * after.shape[0] / (before.shape[0] * after.shape[1])
        if abs(ratio - 1) > 0.01:
            return size
        after = np.asarray(cv2.resize(after, before.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    upright = window_to_photo(mesh)
    moved = np.column_stack([apply(invert(upright), mesh[:, :2]), mesh[:, 2] / upright[0, 0]]).astype(np.float32)
    inside = np.full(before.shape[:2], 255, np.uint8)
    shift = displacement(before, after)
    before, after = (cut_window(side, upright, cv2.BORDER_REFLECT_101) for side in (before, after))
    return _Cut(pair, before, after, cut_window(inside, upright, cv2.BORDER_CONSTANT), moved, shift)


def _crop(cuts: Sequence[_Cut], size_px: int) -> tuple[Crop, bool]:
    """Choose what the network sees: all that differs in a good part of the pairs, at most what a window holds.

    Returns:
        The crop, and whether B differs everywhere, as in a drawing of the whole picture.
    """
    total = np.zeros((_MAP_PX, _MAP_PX), np.float32)
    for cut in cuts:
        to_window = crop_to_picture(cut.points, _MAP_PX, WINDOW_SIDE)
        flags = cv2.INTER_AREA | cv2.WARP_INVERSE_MAP
        total += cv2.warpAffine(difference(cut.before, cut.after), to_window, (_MAP_PX, _MAP_PX), flags=flags)
    often = cv2.morphologyEx((total / len(cuts) > _OFTEN).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    ys, xs = np.nonzero(often)
    if not len(xs):
        return Crop(_WHOLE_SIDE, _UP, size_px), True
    unit = WINDOW_SIDE / _MAP_PX
    box = tuple(float(v) * unit - WINDOW_SIDE / 2 for v in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
    if max(box[2] - box[0], box[3] - box[1]) > _WIDE:
        return Crop(_WHOLE_SIDE, _UP, size_px), True
    return crop_round((box[0], box[1], box[2], box[3]), size_px, _WHOLE_SIDE), False


def _write(out: Path, cuts: Sequence[_Cut], mattes: Sequence[U8], crop: Crop, source: str) -> None:
    rows = [
        {
            "file": cut.pair.label,
            "person": _person(cut.pair),
            "source": source,
            "yaw_deg": f"{yaw_deg(cut.points):.1f}",
            "phase": cut.pair.phase,
        }
        for cut in cuts
    ]
    arrays: dict[str, np.ndarray] = {
        "photos": np.stack([cut.before for cut in cuts]),
        "points": np.stack([cut.points for cut in cuts]),
        "after": np.stack([cut.after for cut in cuts]),
        "mattes": np.stack(mattes),
    }
    write_pairs(out, rows, arrays, (), crop)


def _person(pair: PairFiles) -> str:
    return pair.person or pair.name
