"""A checkpoint to a lens package, the third stage: network, golden pair, preview, card."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import onnxruntime
import torch

from lensd.errors import ConfigError
from lensd.lens.align import apply, crop_to_picture, invert
from lensd.lens.manifest import Crop as SeenCrop
from lensd.lens.manifest import GeneratorSpec, Manifest
from lensd.lens.overlay import render_crop
from trainer import checkpoint
from trainer.canvas import CanvasGenerator, Region
from trainer.flat import FlatGenerator
from trainer.generator import Generator, count_macs
from trainer.hatched import HatchedGenerator
from trainer.networks import network_of
from trainer.onnx_graph import canvas_onnx, flat_onnx, generator_onnx, hatched_onnx
from trainer.package import over, png, webp, write_package
from trainer.pairs import Crop
from trainer.portrait import cut, portrait
from trainer.variants import head as head_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.frames import U8
    from lensd.lens.overlay import Sticker

PREVIEW_PX = 320
_PREVIEW_SIDE, _ROUND_CROP = 1.9, 1.15
# float16 weights against float32 ones, and rounding to 0..255: colour under the matte may differ by this much.
_PARITY_MEAN, _PARITY_MAX = 0.5, 24
# What is worn moves as a whole: black and white blocks, by a sixth of a pixel, which is 45 at their edges.
_PARITY_WORN_MAX = 64


@dataclass(frozen=True, slots=True)
class About:
    """What lens.toml says of a lens; `teacher` is the overlay that it was taught, if it was one."""

    name: str
    title: str
    teacher: str | None = None
    version: str = "1.0.0"
    author: str = "SnapLens Camera"
    tags: tuple[str, ...] = ("sticker", "glasses")
    licence: str = "MIT"


def manifest_of(about: About, crop: Crop) -> Manifest:
    """Return the manifest of a generator, without its files."""
    return Manifest(
        about.name,
        about.title,
        about.version,
        about.author,
        about.licence,
        "generator",
        about.tags,
        SeenCrop(crop.side, crop.up, crop.size_px),
        GeneratorSpec("generator.onnx", 40.0),
        about.teacher,
        (),
        {},
    )


def export(path: Path, folder: Path, about: About, card: str, licence: str) -> float:
    """Write a generator's package.

    Args:
        path: a checkpoint of `trainer.distil`; its averaged weights are taken.
        folder: NAME.lens.
        about: for lens.toml.
        card: CARD.md; "{facts}" in it becomes a few lines about the network.
        licence: LICENSE; "" writes none.

    Returns:
        Mean difference of torch's and ONNX Runtime's pictures, 0..255.

    Raises:
        ConfigError: no checkpoint, or the two runtimes differ.
        LensError: the result is no package.
    """
    network, crop, step = open_as_shipped(path)
    macs, parameters = count_macs(network, crop.size_px), sum(p.numel() for p in network.parameters())
    photo, points = portrait()
    golden_in, _ = cut(photo, points, crop.size_px, crop.side, crop.up)
    expected = run_torch(network, golden_in, network.sharpness)
    content = onnx_of(network, crop.size_px)
    golden_out = run_onnx(content, golden_in)
    mean, worst = _difference(expected, golden_out)
    if mean > _PARITY_MEAN or worst > (_PARITY_WORN_MAX if isinstance(network, CanvasGenerator) else _PARITY_MAX):
        raise ConfigError(
            str(path), f"torch and ONNX Runtime differ by {mean:.2f} of 255, at most {worst}", "report it"
        )
    facts = (
        f"{macs / 1e9:.3f} real GMAC at {crop.size_px}x{crop.size_px} (counted by code), {parameters:,} parameters, "
        f"weights in float16 and int8, {len(content) / 1e6:.2f} MB; training step {step:,}."
    )
    golden_out[golden_out[..., 3] == 0] = 0  # nobody sees that colour, and noise does not compress
    contents = {
        "generator.onnx": content,
        "golden/in.png": png(golden_in),
        "golden/out.png": png(golden_out),
        "preview.webp": webp(preview(golden_out, crop)),
        "CARD.md": card.replace("{facts}", facts).encode(),
    }
    contents |= {"LICENSE": licence.encode()} if licence else {}
    write_package(folder, head_of(manifest_of(about, crop)), contents)
    return mean


def export_overlay(
    folder: Path,
    head: str,
    stickers: Sequence[Sticker],
    names: Sequence[str],
    card: str,
    view: tuple[float, float] = (_PREVIEW_SIDE, 0.0),
    licence: str | None = None,
) -> None:
    """Write an overlay's package.

    Args:
        folder: NAME.lens.
        head: lens.toml up to [files].
        stickers: their pictures are written under `names`.
        names: as `head` has them.
        card: CARD.md.
        view: the preview's side and how far up it lies, face units.
        licence: LICENSE; None writes this project's, "" none.

    Raises:
        OSError: the folder cannot be written.
        LensError: the result is no package.
    """
    photo, points = portrait()
    square, to_photo = cut(photo, points, PREVIEW_PX, *view)
    drawn = render_crop(stickers, apply(invert(to_photo), points[:, :2]), PREVIEW_PX)
    contents = {name: png(sticker.image) for name, sticker in zip(names, stickers, strict=True)}
    contents |= {
        "preview.webp": webp(over(square, drawn)),
        "CARD.md": card.encode(),
    }
    licence = licence_text() if licence is None else licence
    contents |= {"LICENSE": licence.encode()} if licence else {}
    write_package(folder, head, contents)


def onnx_of(network: Generator, size_px: int) -> bytes:
    """Return the ONNX file of a generator of any kind, which is folded in place."""
    if isinstance(network, CanvasGenerator):
        return canvas_onnx(network, size_px)
    if isinstance(network, HatchedGenerator):
        return hatched_onnx(network, size_px)
    if isinstance(network, FlatGenerator):
        return flat_onnx(network, size_px)
    return generator_onnx(network, size_px, network.sharpness)


def open_generator(path: Path) -> tuple[Generator, Crop, int]:
    """Return a checkpoint's averaged generator, ready to run, the crop it was trained for, and the step.

    Raises:
        ConfigError: not a generator's checkpoint, or one that was taught at another size than the lens's.
    """
    tensors, state = checkpoint.load(path)
    try:
        weights = checkpoint.unpack("average", tensors)
        network = network_of(tuple(state["settings"]["widths"]), state["settings"]["blocks"], weights)
        network.load_state_dict(weights)
        crop, step = Crop(**state["crop"]), int(state["step"])
        if isinstance(network, CanvasGenerator) and state.get("region"):
            network.region = Region(*(int(edge) for edge in state["region"]))
        size_px = int(state.get("taught_px", state["settings"]["size_px"]))
    except (KeyError, TypeError, RuntimeError) as error:
        raise ConfigError(str(path), f"not a generator's checkpoint ({error})", "lensd distil --help") from error
    if size_px != crop.size_px:
        # Tried: taught at 160 and run at 256, it paints three small pairs of glasses.
        why = f"was taught at {size_px} pixels a side, and the lens has {crop.size_px}"
        raise ConfigError(str(path), why, f"lensd distil --size {crop.size_px} --start-from {path} ...")
    return network.eval(), crop, step


def open_as_shipped(path: Path) -> tuple[Generator, Crop, int]:
    """Return the same, ready to ship: one that wears shows what it is sure of.

    Raises:
        ConfigError: as `open_generator`.
    """
    network, crop, step = open_generator(path)
    if isinstance(network, CanvasGenerator):
        network.decide()
    return network, crop, step


@torch.no_grad()
def run_torch(network: Generator, crop: U8, sharpness: float = 1.0) -> U8:
    """Paint one crop with torch: (S, S, 3) uint8 to (S, S, 4) uint8."""
    x = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 255
    logits = network(x) * torch.tensor([1.0, 1.0, 1.0, sharpness]).reshape(1, 4, 1, 1)
    return (torch.sigmoid(logits) * 255).round().to(torch.uint8)[0].permute(1, 2, 0).contiguous().numpy()


def run_onnx(content: bytes, crop: U8) -> U8:
    """Paint one crop with ONNX Runtime: (S, S, 3) uint8 to (S, S, 4) uint8."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"crop": crop[None]})[0][0], np.uint8)


def preview(golden_out: U8, crop: Crop) -> U8:
    """Return the portrait wearing the lens, (PREVIEW_PX, PREVIEW_PX, 3) uint8: painted as in a call, at full size."""
    photo, points = portrait()
    # A hat reaches beyond the head, and its tip is to be seen.
    square, to_photo = cut(photo, points, PREVIEW_PX, max(_PREVIEW_SIDE, _ROUND_CROP * crop.side), 0.8 * crop.up)
    whole = np.vstack([crop_to_picture(points, crop.size_px, crop.side, crop.up), [0, 0, 1]]).astype(np.float64)
    to_square = (np.vstack([invert(to_photo), [0, 0, 1]]).astype(np.float64) @ whole)[:2]
    drawn = golden_out.copy()
    drawn[..., :3][drawn[..., 3] == 0] = 0
    size = (PREVIEW_PX, PREVIEW_PX)
    return over(square, np.asarray(cv2.warpAffine(drawn, to_square, size, flags=cv2.INTER_LINEAR), np.uint8))


def licence_text() -> str:
    """Return this project's licence."""
    beside = Path(__file__).resolve().parents[1] / "LICENSE"
    if beside.is_file():
        return beside.read_text()
    return files("lensd.lenses").joinpath("thug-life.lens", "LICENSE").read_text()


def _difference(a: U8, b: U8) -> tuple[float, int]:
    """Return mean and largest difference of colour multiplied by matte, and matte."""
    x, y = (np.dstack([p[..., :3] * (p[..., 3:] / 255.0), p[..., 3]]) for p in (a.astype(float), b.astype(float)))
    away = np.abs(x - y)
    return float(away.mean()), int(np.ceil(away.max()))
