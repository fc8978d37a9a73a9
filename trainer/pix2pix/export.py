"""A trained generator as an ONNX file: bytes in, bytes out, proved against torch before it is kept."""

from __future__ import annotations

import copy
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch
from torch import nn

from lensd.errors import ConfigError, EngineError, MediaError
from lensd.whole_file import whole_file
from trainer.pix2pix.paint import load_generator, own_statistics

if TYPE_CHECKING:
    from torch import Tensor

_OPSET = 17
_MOST_APART = 2  # of 255: roundings of two orders of summation


class _Bytes(nn.Module):
    """A generator between (1, s, s, c) uint8, RGB where c is 3, and the same."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, picture: Tensor) -> Tensor:
        """Paint."""
        painted = self.generator(picture.permute(0, 3, 1, 2).float() / 127.5 - 1)
        levels: Tensor = ((painted + 1) * 127.5).round().clamp(0, 255)
        return levels.permute(0, 2, 3, 1).to(torch.uint8)


def export(checkpoint: Path, out: Path, *, averaged: bool = True, own: bool | None = None) -> int:
    """Write the generator of a checkpoint to `out`, an ONNX file: input "picture", output "painted".

    Args:
        checkpoint: a file, or a run's folder (its newest).
        out: the file.
        averaged: take the running mean of weights.
        own: batch norm by the picture's own statistics; None decides as `lensd pix2pix test` does.

    Returns:
        How far ONNX Runtime and torch are apart at most on a noise picture, of 255.

    Raises:
        ConfigError: not a checkpoint, or a network that paints colour alone (Lab).
        EngineError: ONNX Runtime paints another picture; nothing is written.
        MediaError: `out` cannot be written.
    """
    generator, options, _ = load_generator(checkpoint, torch.device("cpu"), averaged=averaged)
    if options.lab_colorization:
        raise ConfigError("lab_colorization", "only networks that paint RGB are exported")
    if own_statistics(options) if own is None else own:
        generator = by_own_statistics(generator)
    network = _Bytes(generator).eval()
    side = options.crop_size
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, options.input_nc), np.uint8)
    try:
        with whole_file(out) as temporary:
            with warnings.catch_warnings():  # the newer exporter needs a package more, for the same graph
                warnings.simplefilter("ignore")
                torch.onnx.export(
                    network,
                    (torch.from_numpy(noise),),
                    str(temporary),
                    input_names=["picture"],
                    output_names=["painted"],
                    opset_version=_OPSET,
                    dynamo=False,
                )
            apart = _apart(temporary, network, noise)
            if apart > _MOST_APART:
                raise EngineError(str(out), f"ONNX Runtime and torch are {apart} of 255 apart", "lensd doctor")
    except OSError as error:
        raise MediaError(str(out), f"cannot be written ({error.strerror or error})") from error
    return apart


def by_own_statistics(generator: nn.Module) -> nn.Module:
    """Return a copy with instance norms in place of batch norms: for one picture they are the same function."""
    network = copy.deepcopy(generator)
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                norm = nn.InstanceNorm2d(child.num_features, child.eps, affine=True)
                norm.weight, norm.bias = child.weight, child.bias
                setattr(parent, name, norm)
    return network.eval()


def _apart(path: Path, network: nn.Module, picture: np.ndarray) -> int:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (theirs,) = session.run(None, {"picture": picture})
    with torch.no_grad():
        ours = network(torch.from_numpy(picture)).numpy()
    return int(np.abs(theirs.astype(int) - ours.astype(int)).max())
