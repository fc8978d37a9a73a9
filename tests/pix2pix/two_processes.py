"""What `test_processes.py` lets torchrun start: three steps, whose losses and gradients are written down; then a run
in one go, one over a restart, one until the disk is full, and one by the command, until it is told to stop.
"""

import resource
import sys
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file

from lensd.errors import MediaError
from tests.pix2pix.conftest import TINY
from tests.pix2pix.test_command import SMALL
from trainer.pix2pix import keep
from trainer.pix2pix.data import numbers_of, read_pictures
from trainer.pix2pix.ranks import Ranks, join
from trainer.pix2pix.train import Run, train
from trainer.pix2pix_commands import train as lensd_train

PRECISE = replace(TINY, norm="instance", dropout=False, precision="fp64", batch_size=2, lr=1e-3, max_steps=12)
KINDS = {"plain": PRECISE, "shared": replace(PRECISE, reuse_judgement=True, gan_mode="lsgan")}
RESTLESS = replace(PRECISE, precision="fp32", dropout=True, pool_size=3, max_steps=6, loss="cgan", ema=0.9)


def three_steps(options, folder: Path, pairs: Path, ranks: Ranks) -> dict[str, torch.Tensor]:
    run = Run(options, folder, read_pictures(pairs, 36, "AtoB"), ranks=ranks)
    found = {}
    for step in range(3):
        for name, loss in run.advance().items():
            found[f"{step}.{name}"] = loss
        for kind, network in (("generator", run.model.generator), ("discriminator", run.model.discriminator)):
            for name, weight in network.named_parameters():
                found[f"{step}.{kind}.{name}.gradient"] = weight.grad.clone().contiguous()
    return found


def main() -> None:
    pairs, out = map(Path, sys.argv[1:3])
    torch.set_num_threads(1)
    ranks, _ = join(torch.device("cpu"))
    for name, options in KINDS.items():
        found = three_steps(options, out / "unwritten", pairs, ranks)
        if ranks.first:
            save_file(found, out / f"{name}.safetensors")
    pictures = read_pictures(pairs, 36, "AtoB")
    mine = numbers_of(5, PRECISE, 1, 0, 2)[2 * ranks.rank :][:2]
    (out / f"shard{ranks.rank}").write_text(" ".join(map(str, mine)))
    train(Run(RESTLESS, out / "straight", pictures, ranks=ranks))
    first = Run(RESTLESS, out / "cut", pictures, ranks=ranks)
    # One of them is enough to end both.
    train(first, stop=lambda: ranks.rank == 1 and first.model.step >= 3)
    torch.manual_seed(99)
    tensors, state = ranks.broadcast(keep.load(out / "cut") if ranks.first else None)
    second = Run(state.options, out / "cut", pictures, ranks=ranks)
    second.restore(tensors, state)
    train(second)
    full = Run(replace(RESTLESS, save_freq=2), out / "full", pictures, ranks=ranks)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> bool:
        if ranks.first and full.model.step == 3:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as if so much were left
        return False

    try:
        train(full, stop=fill)
    except MediaError as error:
        told = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (out / f"told{ranks.rank}").write_text(told)
    lensd_train([str(pairs), "--output-dir", str(out / "run"), *SMALL, "--norm=instance", *sys.argv[3:]])


if __name__ == "__main__":
    main()
