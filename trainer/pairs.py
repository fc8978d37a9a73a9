"""Photographs and an overlay lens to a folder of pairs, the first stage.

The folder holds `photos.npy` (uint8 windows round each face), `points.npy` (the mesh inside them), `pairs.json`
(persons, split, crop, stickers), `sticker-N.png` and `look/`, a few A|B|matte strips for a person to look at. A is a
photograph, B the photograph with the sticker; training draws B itself, after it has augmented A, so that targets are
exact.
"""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from lensd.camera.still import open_still, rgb_of
from lensd.errors import ConfigError, MediaError
from lensd.evaluation.faces import read_mesh_archive
from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.overlay import Sticker, render_crop
from lensd.whole_file import whole_file, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lensd.frames import F32, U8

# Windows are kept upright as in the photograph, this many face units a side: room for jitter and for turning.
WINDOW_SIDE = 2.0
WINDOW_PX = 400
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


def is_held_out(person: str) -> bool:
    """Say whether a person is kept for testing: decided by the name alone, so that it never changes."""
    return int.from_bytes(hashlib.sha256(person.encode()).digest()[:4], "big") % 100 < _HELD_OUT_OF_100


def window(photo: U8, points: F32) -> tuple[U8, F32]:
    """Cut the upright window round a face.

    Args:
        photo: (H, W, 3) uint8.
        points: (478, 3) mesh in its pixels.

    Returns:
        (WINDOW_PX, WINDOW_PX, 3) uint8 and the mesh in its pixels.
    """
    across = crop_to_picture(points, WINDOW_PX, WINDOW_SIDE)
    scale = float(np.hypot(across[0, 0], across[1, 0]))
    middle = across @ np.array([(WINDOW_PX - 1) / 2, (WINDOW_PX - 1) / 2, 1])
    upright = np.array([[scale, 0, 0], [0, scale, 0]], np.float32)
    upright[:, 2] = middle - scale * (WINDOW_PX - 1) / 2
    flags = (cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(photo, upright, (WINDOW_PX, WINDOW_PX), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    moved = np.column_stack([apply(invert(upright), points[:, :2]), points[:, 2] / scale])
    return cut.astype(np.uint8, copy=False), moved.astype(np.float32)


def make_pairs(
    faces: Path,
    out: Path,
    stickers: Sequence[Sticker],
    crop: Crop,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
    found: tuple[Sequence[dict[str, str]], Sequence[F32]] | None = None,
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
    images = faces / "images" if (faces / "images").is_dir() else faces
    out.mkdir(parents=True, exist_ok=True)
    photos = np.empty((len(kept), WINDOW_PX, WINDOW_PX, 3), np.uint8)
    points = np.empty((len(kept), 478, 3), np.float32)
    for i, row in enumerate(kept):
        photos[i], points[i] = window(rgb_of(open_still(images / row["file"], upright=found is not None)), meshes[i])
        progress(i + 1, len(kept))
    for name, array in (("photos", photos), ("points", points)):
        with whole_file(out / f"{name}.npy") as temporary:
            np.save(temporary, array, allow_pickle=False)
    described: list[dict[str, Any]] = []
    for i, sticker in enumerate(stickers):
        name = f"sticker-{i}.png"
        _write_png(out / name, cv2.cvtColor(sticker.image, cv2.COLOR_RGBA2BGRA))
        described.append(
            {"image": name, "anchor": sticker.anchor, "centre": list(sticker.centre), "width": sticker.width}
        )
    index = {
        "crop": {"side": crop.side, "up": crop.up, "size_px": crop.size_px},
        "stickers": described,
        "pictures": [
            {
                "file": row["file"],
                "person": row["person"],
                "source": row["source"],
                "yaw_deg": float(row["yaw_deg"]),
                "held_out": is_held_out(row["person"]),
            }
            for row in kept
        ],
    }
    write_whole(out / "pairs.json", json.dumps(index, indent=1).encode())
    _look(out, photos, points, stickers, crop)
    return len(kept)


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
            Sticker(_read_sticker(folder / s["image"]), s["anchor"], (s["centre"][0], s["centre"][1]), s["width"])
            for s in index["stickers"]
        )
        crop = Crop(**index["crop"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(folder), f"not a folder of pairs ({error})", "lensd pairs --help") from error
    if not len(photos) == len(points) == len(pictures):
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
