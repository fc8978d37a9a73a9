"""Folders of pictures, decoded once and kept as bytes in memory; batches cut from them in one pass on the device."""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from lensd.camera.still import open_still, rgb_of
from lensd.errors import MediaError
from trainer.pix2pix.lab import lightness_and_colour, rgb_of_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import U8
    from trainer.pix2pix.options import Options

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_DECODERS = 4
_MOST_OF_MEMORY = 0.8


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures of one size.

    Attributes:
        names: of the files, without suffix.
        pixels: (n, s, s, c) uint8 RGB: c is 6 for pairs (input, then target), 3 for single pictures.
    """

    names: tuple[str, ...]
    pixels: torch.Tensor

    def to(self, device: torch.device) -> Pictures:
        """Return them in the memory of `device` where they fill no more than half of it, else pinned."""
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        fits = self.pixels.nbytes < free // 2
        return Pictures(self.names, self.pixels.to(device) if fits else self.pixels.pin_memory())


def list_pictures(folder: Path) -> list[Path]:
    """Return the PNG, JPEG and WebP files in `folder`, by name.

    Raises:
        MediaError: no such folder, none in it, or two of one name.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as error:
        raise MediaError(str(folder), error.strerror or "cannot be read") from error
    if not found:
        raise MediaError(str(folder), "holds no picture", f"put {', '.join(SUFFIXES)} files into it")
    stems = [path.stem for path in found]
    if twice := next((path for path in found if stems.count(path.stem) > 1), None):
        raise MediaError(str(twice), "another file there has the same name and another suffix", "rename one of them")
    return found


def read_pictures(
    folder: Path, size: int, direction: str, *, single: bool = False, tell: Callable[[int, int], None] | None = None
) -> Pictures:
    """Read a folder of pairs side by side (A left, B right), or of single pictures.

    Args:
        folder: holds them; files of other kinds are passed over.
        size: side that each picture is scaled to, px.
        direction: "AtoB" or "BtoA": which half comes first.
        single: they are no pairs.
        tell: is given how many are read, and of how many.

    Raises:
        MediaError: an empty folder, a broken picture, a pair that cannot be halved, or more than fits in memory.
    """
    paths = list_pictures(folder)
    shape = (len(paths), size, size, 3 if single else 6)
    needed, there = math.prod(shape), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > _MOST_OF_MEMORY * there:
        why = f"{len(paths)} pictures of {size} px fill {needed / 2**30:.1f} of this machine's {there / 2**30:.1f} GiB"
        raise MediaError(str(folder), why, "a smaller --scale-size, or fewer pictures")
    pixels = torch.empty(shape, dtype=torch.uint8)
    into = pixels.numpy()

    def read(number: int) -> None:
        into[number] = _single(paths[number], size) if single else _pair(paths[number], size, direction)

    with ThreadPoolExecutor(_DECODERS) as pool:
        try:
            for number, _ in enumerate(pool.map(read, range(len(paths)))):
                if tell is not None:
                    tell(number + 1, len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Pictures(tuple(path.stem for path in paths), pixels)


def numbers_of(count: int, batch: int, seed: int, step: int) -> np.ndarray:
    """Return the numbers (batch,) of one step's pictures: each of `count` once an epoch, in an order of its own."""
    places = range(step * batch, (step + 1) * batch)
    return np.array([_order(seed, place // count, count)[place % count] for place in places])


def batch_of(pictures: Pictures, options: Options, seed: int, step: int, device: torch.device) -> torch.Tensor:
    """Cut the batch of one step: (batch, c, crop, crop) uint8, channels last, on `device`.

    Which pairs, where they are cut and which are mirrored follows from `seed` and `step` alone. Input and target lie in
    one tensor and are cut by one gather, so that they cannot be cut differently.
    """
    count, side = pictures.pixels.shape[:2]
    chosen = numbers_of(count, options.batch_size, seed, step)
    rng = np.random.default_rng((seed, 1, step))
    corners = rng.integers(0, side - options.crop_size + 1, (2, options.batch_size, 1))
    mirrored = (rng.random((options.batch_size, 1)) < 0.5) & options.flip
    along = np.arange(options.crop_size)
    rows = corners[0] + along
    columns = corners[1] + np.where(mirrored, along[::-1], along)
    where = (torch.from_numpy(part).to(pictures.pixels.device) for part in (chosen, rows, columns))
    number, row, column = where
    cut = pictures.pixels[number[:, None, None], row[:, :, None], column[:, None, :]]
    return cut.to(device, non_blocking=True).permute(0, 3, 1, 2)


def halves(pixels: torch.Tensor, *, lab: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return input and target in -1..1, float32, from (n, 6, h, w) uint8 pairs, or (n, 3, h, w) for `lab`."""
    if lab:
        return lightness_and_colour(pixels[:, :3].float() / 255)
    scaled = pixels.float() / 127.5 - 1
    last = torch.channels_last
    return scaled[:, :3].contiguous(memory_format=last), scaled[:, 3:].contiguous(memory_format=last)


def as_rgb(picture: torch.Tensor, lightness: torch.Tensor | None = None) -> U8:
    """Return (h, w, 3) uint8 RGB of one (c, h, w) picture in -1..1: grey, RGB, or colour with its `lightness`."""
    with torch.no_grad():
        if lightness is not None:
            shown = rgb_of_lab(lightness[None].float(), picture[None].float())[0]
        else:
            shown = (picture.float() + 1) / 2
        levels = (shown.clamp(0, 1) * 255).round().to(torch.uint8).expand(3, -1, -1)
        return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())


@functools.lru_cache(maxsize=3)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


def _single(path: Path, size: int) -> U8:
    return _scaled(rgb_of(open_still(path)), size)


def _pair(path: Path, size: int, direction: str) -> U8:
    rgb = rgb_of(open_still(path))
    height, width = rgb.shape[:2]
    if width % 2 or width < 2:
        raise MediaError(str(path), f"is {width}x{height}: no two pictures of one size side by side")
    a, b = (_scaled(half, size) for half in np.split(rgb, 2, axis=1))
    return np.concatenate((a, b) if direction == "AtoB" else (b, a), axis=2)


def _scaled(rgb: U8, size: int) -> U8:
    if rgb.shape[:2] == (size, size):
        return rgb
    shrinks = max(rgb.shape[:2]) > size
    how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(rgb), (size, size), interpolation=how), np.uint8)
