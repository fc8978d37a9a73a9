"""Folders of pictures, decoded once and kept as bytes in memory; batches cut from them in one pass on the device."""

from __future__ import annotations

import functools
import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from lensd.camera.still import open_still, rgb_of
from lensd.errors import MediaError
from trainer.pix2pix.fit import ALPHAS, Fit, channels_of
from trainer.pix2pix.lab import lightness_and_colour, rgb_of_lab

if TYPE_CHECKING:
    from collections.abc import Callable

    from lensd.frames import U8
    from trainer.pix2pix.options import Options

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_DECODERS = 4
_MOST_OF_MEMORY = 0.8
_GREY_AND_ALPHA = 2
_SHAPES_APART = math.log(1.6)  # of width over height: a picture alone is half as wide as a pair of its kind


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures in memory.

    Attributes:
        names: of the files, without suffix.
        pixels: (n, h, w, c) uint8: the channels of input and target, or of single pictures; RGB pairs have 6.
        sizes: (n, 2) height and width of each, where they are not all of one size: each lies in the corner of a
            (h, w) that holds the largest.
    """

    names: tuple[str, ...]
    pixels: torch.Tensor
    sizes: np.ndarray | None = None

    def to(self, device: torch.device) -> Pictures:
        """Return them in the memory of `device` where they fill no more than half of it, else pinned."""
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        fits = self.pixels.nbytes < free // 2
        return replace(self, pixels=self.pixels.to(device) if fits else self.pixels.pin_memory())

    def size(self, number: int) -> tuple[int, int]:
        """Return the height and width of one, px."""
        high, wide = self.pixels.shape[1:3] if self.sizes is None else self.sizes[number]
        return int(high), int(wide)

    def whole(self, number: int) -> torch.Tensor:
        """Return one, (1, c, h, w) uint8."""
        high, wide = self.size(number)
        return self.pixels[number : number + 1, :high, :wide].permute(0, 3, 1, 2)


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
    folder: Path,
    fit: Fit | int,
    direction: str,
    *,
    single: bool = False,
    channels: tuple[int, int] = (3, 3),
    most: int | None = None,
    workers: int = _DECODERS,
    tell: Callable[[int, int], None] | None = None,
) -> Pictures:
    """Read a folder of pairs side by side (A left, B right), or of single pictures.

    Args:
        folder: holds them; files of other kinds are passed over.
        fit: what each picture is scaled to; a number: squares of so many px.
        direction: "AtoB" or "BtoA": which half comes first.
        single: they are no pairs.
        channels: of input and target; single pictures have the input's.
        most: read the first so many, by name.
        workers: threads that decode.
        tell: is given how many are read, and of how many.

    Raises:
        MediaError: an empty folder, a broken picture, a pair that cannot be halved, or more than fits in memory.
    """
    fit = Fit("square", fit) if isinstance(fit, int) else fit
    paths = list_pictures(folder)[:most]
    kind = (channels[0],) if single else channels if direction == "AtoB" else channels[::-1]
    if fit.how == "square":
        _check_memory(folder, len(paths), (fit.side, fit.side, sum(kind)))

    def read(path: Path) -> tuple[U8, tuple[int, int]]:
        halves, size = _opened(path, fit, kind)
        return np.concatenate(halves if direction == "AtoB" else halves[::-1], axis=2), size

    found: list[U8] = []
    sizes: list[tuple[int, int]] = []
    with ThreadPoolExecutor(workers) as pool:
        try:
            for picture, size in pool.map(read, paths):
                if not found:
                    _check_memory(folder, len(paths), picture.shape)
                found.append(picture)
                sizes.append(size)
                if tell is not None:
                    tell(len(found), len(paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if not single:
        _check_paired(paths, sizes)
    return _stacked(tuple(path.stem for path in paths), found)


def numbers_of(count: int, options: Options, seed: int, step: int, ranks: int = 1) -> np.ndarray:
    """Return the numbers (ranks * batch,) of one step's pictures: each of `count` once an epoch, shuffled.

    The first process has the first `batch_size` of them, and so on.
    """
    batch = ranks * options.batch_size
    places = np.arange(step * batch, (step + 1) * batch)
    if options.serial_batches:
        return places % count
    return np.array([_order(seed, place // count, count)[place % count] for place in map(int, places)])


def batch_of(
    pictures: Pictures,
    options: Options,
    seed: int,
    step: int,
    device: torch.device,
    *,
    share: tuple[int, int] = (0, 1),
) -> torch.Tensor:
    """Cut one process's batch of one step: (batch, c, crop, crop) uint8, channels last, on `device`.

    Which pairs, where they are cut and which are mirrored follows from `seed` and `step` alone: what two processes cut
    is what one cuts with the batch doubled. Input and target lie in one tensor and are cut by one gather, so that they
    cannot be cut differently. Where `options.whole`, nothing is cut.

    Args:
        pictures: all of them.
        options: of the run.
        seed: of the run.
        step: from 0.
        device: where the batch goes.
        share: number of this process, and how many there are.
    """
    rank, ranks = share
    batch = options.batch_size
    mine = slice(rank * batch, (rank + 1) * batch)
    chosen = numbers_of(len(pictures.names), options, seed, step, ranks)
    sizes = np.array([pictures.size(number) for number in chosen]).T[..., None]
    cut = sizes if options.whole else np.full_like(sizes, options.crop_size)
    rng = np.random.default_rng((seed, 1, step))
    corners = rng.integers(0, sizes - cut + 1)[:, mine]
    mirrored = ((rng.random((batch * ranks, 1)) < 0.5) & options.flip)[mine]
    rows = corners[0] + np.arange(cut[0, mine][0, 0])
    along = np.arange(cut[1, mine][0, 0])
    columns = corners[1] + np.where(mirrored, along[::-1], along)
    where = (torch.from_numpy(part).to(pictures.pixels.device) for part in (chosen[mine], rows, columns))
    number, row, column = where
    pixels = pictures.pixels[number[:, None, None], row[:, :, None], column[:, None, :]]
    return pixels.to(device, non_blocking=True).permute(0, 3, 1, 2)


def halves(pixels: torch.Tensor, *, lab: bool, given: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Return input and target in -1..1, float32, from (n, c, h, w) uint8 pairs, or (n, 3, h, w) for `lab`.

    Args:
        pixels: uint8.
        lab: they are single pictures, to be taken apart.
        given: channels of the input; what is left is the target's.
    """
    if lab:
        return lightness_and_colour(pixels[:, :3].float() / 255)
    scaled = pixels.float() / 127.5 - 1
    last = torch.channels_last
    return scaled[:, :given].contiguous(memory_format=last), scaled[:, given:].contiguous(memory_format=last)


def as_rgb(picture: torch.Tensor, lightness: torch.Tensor | None = None) -> U8:
    """Return (h, w, 3) uint8 RGB, or (h, w, 4) RGBA, of one (c, h, w) picture in -1..1.

    It is grey, grey and alpha, RGB, RGBA, or colour with its `lightness`.
    """
    with torch.no_grad():
        if lightness is not None:
            shown = rgb_of_lab(lightness[None].float(), picture[None].float())[0]
        else:
            shown = (picture.float() + 1) / 2
        if len(shown) <= _GREY_AND_ALPHA:
            shown = torch.cat([shown[:1].expand(3, -1, -1), shown[1:]])
        levels = (shown.clamp(0, 1) * 255).round().to(torch.uint8)
        return np.ascontiguousarray(levels.permute(1, 2, 0).cpu().numpy())


@functools.lru_cache(maxsize=3)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng((seed, 0, epoch)).permutation(count)


def _opened(path: Path, fit: Fit, channels: tuple[int, ...]) -> tuple[list[U8], tuple[int, int]]:
    picture = open_still(path)
    rgb = rgb_of(picture)
    width, height = picture.size
    wide = width // len(channels)
    if width % len(channels) or not wide:
        raise MediaError(str(path), f"is {width}x{height}: no two pictures of one size side by side")
    parts = []
    for number, kept in enumerate(channels):
        left = number * wide
        half = picture.crop((left, 0, left + wide, height)) if kept in ALPHAS else picture
        parts.append(fit.scaled(channels_of(half, rgb[:, left : left + wide], kept), path))
    return parts, (width, height)


def _check_paired(paths: list[Path], sizes: list[tuple[int, int]]) -> None:
    """Find a picture that lies alone among pairs: it is much narrower than they are, or much wider."""
    shapes = np.array([width / height for width, height in sizes])
    usual = int(np.argsort(shapes)[len(shapes) // 2])
    off = np.abs(np.log(shapes / shapes[usual]))
    if off.max() > _SHAPES_APART:
        odd = int(off.argmax())
        (width, height), (wide, high) = sizes[odd], sizes[usual]
        why = f"is {width}x{height}, and {paths[usual].name} is {wide}x{high}: it seems to be a picture alone"
        raise MediaError(str(paths[odd]), why, "lensd pairs check FOLDER")


def _check_memory(folder: Path, count: int, shape: tuple[int, ...]) -> None:
    needed, there = count * math.prod(shape), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > _MOST_OF_MEMORY * there:
        why = f"{count} pictures of {shape[1]} px fill {needed / 2**30:.1f} of this machine's {there / 2**30:.1f} GiB"
        raise MediaError(str(folder), why, "a smaller --scale-size, or --max-dataset-size")


def _stacked(names: tuple[str, ...], found: list[U8]) -> Pictures:
    sizes = np.array([picture.shape[:2] for picture in found])
    high, wide = sizes.max(0)
    pixels = torch.zeros((len(found), int(high), int(wide), found[0].shape[2]), dtype=torch.uint8)
    into = pixels.numpy()
    while found:  # taken off one by one: there are never two copies of all of them
        picture = found.pop()
        into[len(found), : picture.shape[0], : picture.shape[1]] = picture
    return Pictures(names, pixels, None if (sizes == sizes[0]).all() else sizes)
