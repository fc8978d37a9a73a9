"""pix2pix, ours against a plain reading of the paper: `python bench/pix2pix.py [--device cuda] [--batch 1] [--bf16]`.

The same networks, the same batch, the same machine: U-Net 256 and PatchGAN 70 at full width. Plain is float32, NCHW,
eager, judges real and painted pictures one after the other, takes the discriminator's gradients in the generator's
step too and lets Adam go through the weights one by one. The two take turns, so that a busy machine slows both. Prints
images/s of each and the share of the machine's measured matrix peak that ours reaches; then one line of JSON.
"""

import argparse
import json
import statistics
import time
from dataclasses import replace

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from trainer.pix2pix.devices import device_named
from trainer.pix2pix.discriminators import PatchGAN
from trainer.pix2pix.generators import generator_of
from trainer.pix2pix.model import Model
from trainer.pix2pix.options import Options


class Plain:
    """The paper's algorithm, as one would write it down."""

    def __init__(self, options, device):
        """Build the networks."""
        self.generator = generator_of(options.generator, options.shape()).to(device)
        self.discriminator = PatchGAN(options.judged_channels, options.patch, options.ndf, options.norm).to(device)
        self.adams = [
            torch.optim.Adam(network.parameters(), options.lr, (options.beta1, 0.999), foreach=False)
            for network in (self.discriminator, self.generator)
        ]

    def advance(self, a, b):
        """Do one step."""
        painted = self.generator(a)
        real = self.discriminator(torch.cat([a, b], 1))
        false = self.discriminator(torch.cat([a, painted.detach()], 1))
        logits_loss = functional.binary_cross_entropy_with_logits
        judged = (logits_loss(real, torch.ones_like(real)) + logits_loss(false, torch.zeros_like(false))) / 2
        self.adams[0].zero_grad()
        judged.backward()
        self.adams[0].step()
        false = self.discriminator(torch.cat([a, painted], 1))
        taught = logits_loss(false, torch.ones_like(false)) + 100 * functional.l1_loss(painted, b)
        self.adams[1].zero_grad()
        taught.backward()
        self.adams[1].step()


def seconds(device, work):
    """Return how long `work` takes."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - begun


def peak_flops(device, dtype):
    """Return the most FLOP/s that a square matrix product reaches."""
    side = 8192 if device.type == "cuda" else 1024
    one, other = (torch.rand(side, side, device=device).to(dtype) for _ in range(2))
    return 2 * side**3 / min(seconds(device, lambda: one @ other) for _ in range(5))


def main():
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--norm", default="batch")
    chosen = parser.parse_args()
    device = device_named(chosen.device, bf16=chosen.bf16, threads=chosen.threads)
    options = replace(Options(), seed=1, batch_size=chosen.batch, norm=chosen.norm, ema=0.0)  # the paper has no mean
    a, b = (torch.rand(chosen.batch, 3, 256, 256, device=device) * 2 - 1 for _ in range(2))
    plain, ours = Plain(options, device), Model(options, 1000, device, bf16=chosen.bf16, compiled=chosen.compile)
    lasts = [part.contiguous(memory_format=torch.channels_last) for part in (a, b)]
    work = {"plain": lambda: plain.advance(a, b), "ours": lambda: ours.advance(*lasts)}
    took = {name: [] for name in work}
    for turn in range(chosen.turns + 1):
        for name, step in work.items():
            spent = seconds(device, step)
            if turn:  # the first one allocates
                took[name].append(spent)
    speeds = {name: chosen.batch / statistics.median(times) for name, times in took.items()}
    with FlopCounterMode(display=False) as counter:
        Model(options, 1, device).advance(*lasts)
    peak = peak_flops(device, torch.bfloat16 if chosen.bf16 else torch.float32)
    share = counter.get_total_flops() / chosen.batch * speeds["ours"] / peak
    times = speeds["ours"] / speeds["plain"]
    print(f"plain {speeds['plain']:.2f} images/s, ours {speeds['ours']:.2f} ({times:.2f} times)")
    print(f"{share:.0%} of the {peak / 1e9:.0f} GFLOP/s that a matrix product reaches here")
    figures = {**vars(chosen), **speeds, "times": times, "share_of_peak": share, "peak_flops": peak}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
