"""The stage "teacher", where B was given: a U-Net of pix2pix that paints B from A, for the student to look up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from trainer.dataset.read import over
from trainer.held_out import centred
from trainer.new.stages import Stopped
from trainer.pairs import open_pairs
from trainer.pix2pix import keep
from trainer.pix2pix.data import Pictures
from trainer.pix2pix.devices import device_named
from trainer.pix2pix.options import Options
from trainer.pix2pix.run import Run
from trainer.pix2pix.train import train

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.new.stages import Display
    from trainer.pix2pix.run import Progress

BATCH = 4
# Channels of the first layer: all that the paper has on a GPU; half of that takes a fifth of the time on a CPU.
_NGF_CPU, _NGF_GPU = 32, 64
SAMPLE_S = 0.125  # on one core of Zen 4, bf16, at 256 px
_JITTER = 286 / 256  # as the paper scales before it crops
_NETWORKS = (256, 128, 64)


def teach_teacher(
    pairs_folder: Path, place: Path, steps: int, size_px: int, threads: int, display: Display
) -> Mapping[str, Any]:
    """Train the teacher, or go on; its checkpoints lie in `place`.

    Raises:
        Stopped: a signal came; the state is saved.
        LensdError: as `trainer.pix2pix.train.train`.
    """
    device = device_named("auto", threads=threads)
    on_gpu = device.type == "cuda"
    side = next((one for one in _NETWORKS if one <= size_px), _NETWORKS[-1])
    channels = _NGF_GPU if on_gpu else _NGF_CPU
    options = Options.of(
        {
            "generator": f"unet_{side}",
            "crop_size": side,
            "scale_size": round(side * _JITTER),
            "ngf": channels,
            "ndf": channels,
            "batch_size": BATCH,
            "max_steps": steps,
            "ema": 0.99,
            "seed": 1,
            "save_freq": 100,
            "progress_freq": 5,
            "summary_freq": 0,
        }
    )
    pictures = crops(pairs_folder, options.scale_size)
    begun = keep.load(keep.newest(place)) if keep.numbered(place) else None
    run = Run(begun[1].options if begun else options, place, pictures, device=device)
    if begun is not None:
        run.restore(*begun)

    def tell(line: Progress) -> None:
        losses = ", ".join(f"{name} {value:.2f}" for name, value in line.losses.items())
        display.show(line.step, line.steps, f"step {line.step:,} of {line.steps:,}, {losses}")

    if not train(run, stop=display.stopping, tell=tell):
        raise Stopped("lensd new", "stopped while the teacher was learning; it is saved", "the same command goes on")
    return {"steps": steps, "pictures": len(pictures.names)}


def crops(pairs_folder: Path, side: int) -> Pictures:
    """Return A and B of everybody who is taught from, as the network sees them, `side` pixels a side.

    B is A with what is to be painted on it, so that the teacher learns nothing of what lies beyond the matte.
    """
    pairs = open_pairs(pairs_folder)
    taught = np.flatnonzero(~pairs.held_out).tolist()
    pixels = np.empty((len(taught), side, side, 6), np.uint8)
    for out, index in zip(pixels, taught, strict=True):
        photo, drawn, _ = centred(pairs, index, side)
        out[..., :3], out[..., 3:] = photo, over(photo, drawn[..., :3], drawn[..., 3])
    return Pictures(tuple(f"{index:05d}" for index in taught), torch.from_numpy(pixels))
