"""A trained generator on pictures: without noise unless asked, and leaving the network as it was."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from lensd.errors import ConfigError, MediaError
from trainer.pix2pix import keep
from trainer.pix2pix.data import as_rgb, halves, read_pictures
from trainer.pix2pix.fit import fit_to_test
from trainer.pix2pix.generators import generator_of
from trainer.pix2pix.options import Options
from trainer.pix2pix.page import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

_LARGE_BATCH = 8


def own_statistics(options: Options) -> bool:
    """Say whether a picture's own statistics are right for batch norm: the network was taught with such.

    From batches of 8 on, the running statistics are nearer to what it saw.
    """
    return options.batch_size < _LARGE_BATCH


@torch.no_grad()
def paint(network: nn.Module, a: Tensor, *, own: bool, dropout: bool = False) -> Tensor:
    """Return the generator's pictures for `a` (n, c, s, s) in -1..1, each normalised by itself where `own`.

    The network's weights, statistics and modes are as before; without `dropout` no chance is used up.
    """
    a = a.to(next(network.parameters()).dtype)
    with _mode(network, own=own, dropout=dropout):
        return torch.cat([network(one) for one in a.split(1)]) if own else network(a)  # type: ignore[no-untyped-call]


@contextmanager
def _mode(network: nn.Module, *, own: bool, dropout: bool) -> Iterator[None]:
    was = {module: module.training for module in network.modules()}
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    tracked = [norm.track_running_stats for norm in norms]
    network.train(dropout)
    for norm in norms:
        norm.training, norm.track_running_stats = own, not own
    try:
        yield
    finally:
        for module, training in was.items():
            module.training = training
        for norm, track in zip(norms, tracked, strict=True):
            norm.track_running_stats = track


def load_generator(path: Path, device: torch.device, *, averaged: bool = True) -> tuple[nn.Module, Options, int]:
    """Return the generator in a checkpoint (a file, or a run's folder: its newest), its options and its step.

    Args:
        path: the file or folder.
        device: where to put it.
        averaged: take the running mean of weights where there is one.

    Raises:
        ConfigError: no checkpoint of a pix2pix run there.
    """
    tensors, state = keep.load(path)
    network = generator_of(state.options.generator, state.options.shape())
    found = keep.unpack("average", tensors) if averaged else {}
    try:
        network.load_state_dict(found or keep.unpack("generator", tensors))
    except RuntimeError as error:
        raise ConfigError(str(path), "its weights are of another network than its options name") from error
    return network.to(device).eval(), state.options, state.step


def paint_folder(
    checkpoint: Path,
    folder: Path,
    out: Path,
    *,
    single: bool = False,
    averaged: bool = True,
    dropout: bool = False,
    own: bool | None = None,
    aspect_ratio: float = 1.0,
    filetype: str = "png",
    most: int | None = None,
    device: torch.device | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> int:
    """Write `images/NAME-{inputs,outputs,targets}.png` (or .jpg) and `index.html` into `out`; return how many.

    Args:
        checkpoint: a file, or a run's folder.
        folder: pairs side by side, or pictures alone.
        out: made where it is missing.
        single: the pictures are inputs without a target.
        averaged: paint with the running mean of weights.
        dropout: keep the noise, as the paper does.
        own: batch norm by each picture's own statistics; None decides by the run's batch size.
        aspect_ratio: width over height of what is written.
        filetype: "png" or "jpeg".
        most: paint the first so many, by name.
        device: where to compute; the CPU where None.
        tell: is given how many are done, and of how many.

    Raises:
        ConfigError: not a checkpoint.
        MediaError: pictures that cannot be read (nothing is written then), or `out` cannot be written.
    """
    device = device or torch.device("cpu")
    network, options, _ = load_generator(checkpoint, device, averaged=averaged)
    lab, channels = options.lab_colorization, (options.input_nc, options.output_nc)
    pictures = read_pictures(
        folder, fit_to_test(options), options.which_direction, single=single or lab, channels=channels, most=most
    )
    own = own_statistics(options) if own is None else own
    try:
        page = Page(out, aspect_ratio, filetype)
        for number, name in enumerate(pictures.names):
            a, b = halves(pictures.whole(number).to(device), lab=lab, given=channels[0])
            painted = paint(network, a, own=own, dropout=dropout)
            lightness = a[0] if lab else None
            target = None if single else as_rgb(b[0], lightness)
            page.add(name, as_rgb(a[0]), as_rgb(painted[0], lightness), target)
            if tell is not None:
                tell(number + 1, len(pictures.names))
        page.write()
    except OSError as error:
        raise MediaError(str(out), f"cannot be written ({error.strerror or error})") from error
    return len(pictures.names)
