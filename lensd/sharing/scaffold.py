"""The beginning of a lens: a folder that can be installed as it is, for its maker to change."""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from lensd.errors import LensError
from lensd.lens.decode_png import decode_png
from lensd.lens.manifest import GOLDEN_IN, GOLDEN_OUT, MANIFEST_NAME
from lensd.lens.network import check_network
from lensd.lens.onnx_file import read_network
from lensd.lens.strict_table import printable
from lensd.sharing.exchange import write_folder
from lensd.sharing.pack import files_table
from lensd.sharing.store import check_name

if TYPE_CHECKING:
    from lensd.frames import U8

_HEAD = """schema = 1
name = {name}
title = {title}
version = "1.0.0"     # a higher one lets people upgrade
author = {author}
licence = {licence}   # of pictures and network: under which others may use them and pass them on
kind = "{kind}"
tags = []             # words by which `lensd lenses WORD` finds it, such as ["glasses", "party"]
"""
_STICKER = """
[[sticker]]           # one table for each picture, in the order in which they are drawn; at most 16
image = "sticker.png" # 8-bit RGBA, at most 1024 pixels a side
anchor = "eyes"       # what it moves with: eyes, nose, mouth, brow or head
centre = [0.0, -0.19] # where its centre lies: right and down of the face's centre; 1 is from hair line to chin
width = 0.8           # in the same unit
# when = "mouth-open" # fade it in as the lips part
"""
_GENERATOR = """
[crop]                # the square that the network sees
side = 1.6            # its side; 1 is from hair line to chin. It must be what the network was taught with
up = 0.05             # how far its centre lies above the face's
size_px = {size_px}

[generator]
network = "generator.onnx"
golden_psnr_db = 40.0 # how near every machine must come to golden/out.png, 30 to 60
"""
_CARD = """# {title}

What it does to a face, in a sentence.

## How it was made

Whose drawing it is, or what the network was taught with, and under which licence those pictures are.

## For whom it works less well

As measured (`lensd evaluate`), or that nobody has looked yet.
"""
_SIDE_MAX = 512


def scaffold(
    folder: Path, *, title: str, author: str, licence: str, network: Path | None = None, picture: Path | None = None
) -> None:
    """Write the folder of a new lens: one with a drawn sticker, or one with a network that is there already.

    Args:
        folder: NAME.lens, not there yet.
        title, author, licence: for lens.toml.
        network: an ONNX file, uint8 (1, S, S, 3) in and (1, S, S, 4) out; makes a generator.
        picture: with `network`: an 8-bit RGB PNG of S x S pixels, the golden picture: a face as the network sees it.

    Raises:
        LensError: the name cannot be used, the folder is there, or the network or the picture is not as it has to be.
        EngineError: the network cannot be run here.
    """
    name = folder.name.removesuffix(".lens")
    check_name(name)
    if folder.exists():
        raise LensError(str(folder), "is there already", "choose another name, or remove it")
    words = {key: json.dumps(value, ensure_ascii=False) for key, value in (("name", name), ("title", title))}
    words |= {"author": json.dumps(author, ensure_ascii=False), "licence": json.dumps(licence, ensure_ascii=False)}
    if network is None:
        head = _HEAD.format(kind="overlay", **words) + _STICKER
        files = {"sticker.png": _png(_round_glasses())}
    else:
        size_px, files = _generator_files(network, picture)
        head = _HEAD.format(kind="generator", **words) + _GENERATOR.format(size_px=size_px)
    files["CARD.md"] = _CARD.format(title=title).encode()
    _write(folder, {**files, MANIFEST_NAME: f"{head}\n{files_table(files)}".encode()})


def _write(folder: Path, files: dict[str, bytes]) -> None:
    from lensd.lens.package import open_package

    beside = None
    try:
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        write_folder(beside / folder.name, files)
        open_package(beside / folder.name)  # a name or title that no lens may have is refused here
        (beside / folder.name).rename(folder)
    except OSError as error:
        raise LensError(str(folder), f"cannot be written: {error.strerror or error}") from error
    finally:
        if beside is not None:
            shutil.rmtree(beside, ignore_errors=True)


def _generator_files(network: Path, picture: Path | None) -> tuple[int, dict[str, bytes]]:
    """Return S, and the network with its golden pair, run here in ONNX Runtime."""
    from lensd.engine.select import open_engine

    content = _read(network)
    inputs = read_network(content, network.name).inputs
    size_px = inputs[0].shape[1] if inputs and len(inputs[0].shape) == 4 else 0
    if not 64 <= size_px <= _SIDE_MAX or size_px % 16:
        why = f"takes no picture (1, S, S, 3) with S from 64 to {_SIDE_MAX}, a multiple of 16"
        raise LensError(network.name, why, "docs/lens-format.md says what a network has to be")
    check_network(content, size_px, network.name)
    if picture is None:
        raise LensError("the golden picture", "is missing", f"--picture FACE.png, {size_px}x{size_px} pixels")
    golden = _read(picture)
    seen = decode_png(golden, picture.name, 3)
    if seen.shape != (size_px, size_px, 3):
        raise LensError(
            picture.name, f"has {seen.shape[1]}x{seen.shape[0]} pixels; the network sees {size_px}x{size_px}"
        )
    made = np.zeros((1, size_px, size_px, 4), np.uint8)
    with closing(open_engine(content, runtime="onnxruntime", name=network.name)) as engine:
        engine.infer(np.ascontiguousarray(seen[None]), made)
    return size_px, {"generator.onnx": content, GOLDEN_IN: golden, GOLDEN_OUT: _png(made[0])}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64 * 1024 * 1024)
    except OSError as error:
        raise LensError(printable(str(path)), error.strerror or "cannot be read") from error


def _round_glasses(width: int = 512, height: int = 192) -> U8:
    """Draw round glasses, (height, width, 4) uint8 RGBA: something to see at once, and to draw over."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius, middle = height * 0.42, height / 2
    centres = (width * 0.25, width * 0.75)
    rings = [np.hypot(x - centre, y - middle) - radius for centre in centres]
    frame = np.minimum.reduce([np.abs(ring + 6) - 6 for ring in rings])
    bow = np.maximum(np.abs(y - middle + 10) - 5, np.abs(x - width / 2) - (centres[1] - centres[0]) / 2 + radius - 4)
    glass = np.minimum(*rings)
    opacity = [np.clip(0.5 - distance, 0, 1) for distance in (np.minimum(frame, bow), glass)]
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., :3] = np.where(opacity[0][..., None] > 0, np.array([24, 24, 30]), np.array([40, 90, 160]))
    pixels[..., 3] = np.rint(np.maximum(opacity[0], 0.45 * opacity[1]) * 255)
    return pixels


def _png(picture: U8) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not done:
        raise LensError("a PNG", "could not be encoded by OpenCV")
    return data.tobytes()
