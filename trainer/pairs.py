"""Photographs and an overlay lens to a folder of pairs, the first stage.

The folder holds `photos.npy` (uint8 windows round each face), `points.npy` (the mesh inside them), `pairs.json`
(persons, split, crop, stickers), `sticker-N.png` and `look/`, a few A|B|matte strips for a person to look at. A is a
photograph, B the photograph with the sticker; training draws B itself, after it has augmented A, so that targets are
exact. Where B was given as a picture (`painted.py`), `after.npy` and `mattes.npy` lie beside, and are moved with A.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import ConfigError, MediaError
from lensd.evaluation.faces import read_mesh_archive
from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import Sticker, render_crop
from lensd.whole_file import whole_file, write_whole
from trainer.finish import Finish
from trainer.window import WINDOW_PX, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from lensd.frames import F32, U8

CANVAS = "canvas.png"
_HELD_OUT_OF_100 = 14
_SOFT_SIGMA_PX = 0.6


@dataclass(frozen=True, slots=True)
class Crop:
    """What the network sees, as in a lens's manifest: side and height in face units, pixels a side."""

    side: float
    up: float
    size_px: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """A folder of pairs, opened.

    Attributes:
        photos: (n, WINDOW_PX, WINDOW_PX, 3) uint8 RGB, in memory.
        soft: the same, blurred once for samples so small that they would alias (blurring each sample took a fifth of
            the pipeline's time).
        points: (n, 478, 3) float32, mesh in pixels of the window, z in the same unit.
        files, persons, sources: n strings each.
        yaw: (n,) float32 degrees.
        held_out: (n,) bool; no person has pictures on both sides.
        stickers: what is drawn.
        crop: what the network sees.
        after, mattes: where B was given as a picture: its windows, (n, WINDOW_PX, WINDOW_PX, 3) uint8 RGB, and what of
            them is to be painted, (n, WINDOW_PX, WINDOW_PX) uint8; memory-mapped. None where stickers are drawn.
        finish, planes: where B has a last touch by a rule (`trainer.finish`), which, and where it goes, (n, WINDOW_PX,
            WINDOW_PX) uint8, memory-mapped; `after` is without it then. None where B is whole.
        canvas: the art as a face of the template's shape wears it, (size_px, size_px, 4) uint8 RGB and matte in the
            crop's pixels, for a network that wears it; None for one that paints all by itself.
    """

    photos: U8
    soft: U8
    points: F32
    files: tuple[str, ...]
    persons: tuple[str, ...]
    sources: tuple[str, ...]
    yaw: F32
    held_out: np.ndarray[Any, np.dtype[np.bool_]]
    stickers: tuple[Sticker, ...]
    crop: Crop
    after: U8 | None = None
    mattes: U8 | None = None
    canvas: U8 | None = None
    finish: Finish | None = None
    planes: U8 | None = None


def is_held_out(person: str) -> bool:
    """Say whether a person is kept for testing: decided by the name alone, so that it never changes."""
    return _place(person) % 100 < _HELD_OUT_OF_100


def held_out_of(persons: Iterable[str]) -> set[str]:
    """Return who of `persons` is kept for testing: as `is_held_out` says, but of two at least one, and never all."""
    everybody = sorted(set(persons), key=_place)
    kept = {person for person in everybody if is_held_out(person)}
    if len(everybody) > 1:
        kept = (kept or {everybody[0]}) - ({everybody[-1]} if len(kept) == len(everybody) else set())
    return kept


def _place(person: str) -> int:
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:4], "big")


def make_pairs(
    faces: Path,
    out: Path,
    stickers: Sequence[Sticker],
    crop: Crop,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    found: tuple[Sequence[dict[str, str]], Sequence[F32]] | None = None,
    *,
    upright: bool = True,
) -> int:
    """Write a folder of pairs.

    Args:
        faces: folder with `images/`, `index.csv` and `mesh478.npz`; or of photographs alone, where `found` is given.
        out: folder to write; made where missing.
        stickers: the teacher's.
        crop: what the network shall see.
        progress: called with pictures done and their number.
        found: for each face its row (file, person, source, yaw_deg) and its mesh, (478, 3) in pixels of the upright
            picture; None reads them in `faces`, in pixels of the picture as it lies in its file.
        upright: False where the meshes in `found`, too, are in pixels of the picture as it lies in its file.

    Returns:
        Number of faces.

    Raises:
        ConfigError: `faces` is not such a folder.
        MediaError: a picture cannot be read.
    """
    if found is None:
        kept, meshes = _read_index(faces)
    else:
        kept, meshes = list(found[0]), list(found[1])
    turned = upright and found is not None
    images = faces / "images" if (faces / "images").is_dir() else faces
    out.mkdir(parents=True, exist_ok=True)
    photos = np.empty((len(kept), WINDOW_PX, WINDOW_PX, 3), np.uint8)
    points = np.empty((len(kept), 478, 3), np.float32)
    for i, row in enumerate(kept):
        photos[i], points[i] = window(rgb_of(open_still(images / row["file"], upright=turned)), meshes[i])
        progress(i + 1, len(kept))
    write_pairs(out, kept, {"photos": photos, "points": points}, stickers, crop)
    _look(out, photos, points, stickers, crop)
    return len(kept)


def write_pairs(
    out: Path,
    rows: Sequence[Mapping[str, str]],
    arrays: Mapping[str, np.ndarray],
    stickers: Sequence[Sticker],
    crop: Crop,
    finish: Finish | None = None,
) -> None:
    """Write the files of a folder of pairs, `pairs.json` last.

    Args:
        out: the folder; it is there.
        rows: for each face file, person, source and yaw_deg; `phase` says who is for testing, where it is not "".
        arrays: photos and points, and after, mattes and planes where B was given, as in `Pairs`.
        stickers: what is drawn, where B was not given.
        crop: what the network shall see.
        finish: of B.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    for name, array in arrays.items():
        with whole_file(out / f"{name}.npy") as temporary:
            np.save(temporary, array, allow_pickle=False)
    kept_apart = held_out_of(row["person"] for row in rows)
    told = any(row.get("phase") in ("val", "test") for row in rows)
    described: list[dict[str, Any]] = []
    for i, sticker in enumerate(stickers):
        name = f"sticker-{i}.png"
        _write_png(out / name, cv2.cvtColor(sticker.image, cv2.COLOR_RGBA2BGRA))
        described.append(
            {
                "image": name,
                "anchor": sticker.anchor,
                "centre": list(sticker.centre),
                "width": sticker.width,
                "when": sticker.when,
            }
        )
    index = {
        "crop": {"side": crop.side, "up": crop.up, "size_px": crop.size_px},
        "stickers": described,
        "finish": finish,
        "pictures": [
            {
                "file": row["file"],
                "person": row["person"],
                "source": row["source"],
                "yaw_deg": float(row["yaw_deg"]),
                "held_out": row["phase"] != "train" if told else row["person"] in kept_apart,
            }
            for row in rows
        ],
    }
    write_whole(out / "pairs.json", json.dumps(index, indent=1).encode())


def open_pairs(folder: Path) -> Pairs:
    """Open a folder written by `make_pairs`.

    Raises:
        ConfigError: something is missing or does not fit.
    """
    try:
        index = json.loads((folder / "pairs.json").read_bytes())
        photos = np.load(folder / "photos.npy", allow_pickle=False)
        points = np.load(folder / "points.npy", allow_pickle=False)
        pictures = index["pictures"]
        stickers = tuple(
            Sticker(
                _read_sticker(folder / s["image"]),
                s["anchor"],
                (s["centre"][0], s["centre"][1]),
                s["width"],
                s.get("when", "always"),
            )
            for s in index["stickers"]
        )
        crop = Crop(**index["crop"])
        after = mattes = planes = None
        finish = index.get("finish")
        canvas = _read_sticker(folder / CANVAS) if (folder / CANVAS).is_file() else None
        if not stickers:  # twice the photographs' memory, of which a step looks at a batch's worth
            after, mattes = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("after", "mattes"))
        if finish is not None:
            if finish not in get_args(Finish):
                raise ValueError(f"finish {finish!r}")
            planes = np.load(folder / "planes.npy", mmap_mode="r")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(folder), f"not a folder of pairs ({error})", "lensd pairs --help") from error
    if not len(photos) == len(points) == len(pictures) == len(photos if after is None else after):
        raise ConfigError(str(folder), "its files disagree about the number of pictures", "lensd pairs again")
    soft = np.stack([cv2.GaussianBlur(photo, (0, 0), _SOFT_SIGMA_PX) for photo in photos])
    return Pairs(
        photos,
        soft,
        points,
        tuple(p["file"] for p in pictures),
        tuple(p["person"] for p in pictures),
        tuple(p["source"] for p in pictures),
        np.array([p["yaw_deg"] for p in pictures], np.float32),
        np.array([p["held_out"] for p in pictures], bool),
        stickers,
        crop,
        after,
        mattes,
        canvas,
        finish,
        planes,
    )


def _read_index(faces: Path) -> tuple[list[dict[str, str]], list[F32]]:
    """Return each whole mesh with the row of its picture; a picture may have several."""
    try:
        with (faces / "index.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        by_file: dict[str, list[F32]] = {}
        for name, mesh in zip(*read_mesh_archive(faces / "mesh478.npz"), strict=True):
            by_file.setdefault(name, []).extend([mesh] if np.isfinite(mesh).all() else [])
        found = [(row, mesh) for row in rows for mesh in by_file.get(row["file"], ())]
    except (OSError, KeyError, ValueError, MediaError) as error:
        raise ConfigError(str(faces), f"no images/, index.csv and mesh478.npz that fit ({error})") from error
    if not found:
        raise ConfigError(str(faces), "index.csv and mesh478.npz have no whole face in common")
    return [row for row, _ in found], [mesh for _, mesh in found]


def _read_sticker(path: Path) -> U8:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
        raise ConfigError(str(path), "not a PNG with colour and matte")
    return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA).astype(np.uint8, copy=False)


def _write_png(path: Path, picture: np.ndarray) -> None:
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise ConfigError(str(path), "could not be encoded as PNG")
    write_whole(path, data.tobytes())


def _look(out: Path, photos: U8, points: F32, stickers: Sequence[Sticker], crop: Crop, count: int = 12) -> None:
    """Write a few strips A | B | matte."""
    (out / "look").mkdir(exist_ok=True)
    for i in np.linspace(0, len(photos) - 1, min(count, len(photos))).astype(int):
        to_window = crop_to_picture(points[i], crop.size_px, crop.side, crop.up)
        size = (crop.size_px, crop.size_px)
        a = cv2.warpAffine(photos[i], to_window, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        drawn = render_crop(stickers, apply(invert(to_window), points[i, :, :2]), crop.size_px)
        matte = drawn[..., 3:] / 255
        b = np.rint(a * (1 - matte) + drawn[..., :3] * matte).astype(np.uint8)
        strip = np.hstack([a, b, drawn[..., 3:].repeat(3, 2)])
        _write_png(out / "look" / f"{i:05d}.png", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR))
