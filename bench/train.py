"""`lensd train` against a plain reading of the paper: `python bench/train.py [--device cuda] [--batch 1]`.

The same networks, the same machine: U-Net 256 and PatchGAN 70 at full width, 256 px. Plain is float32, NCHW, eager,
judges real and painted pictures one after the other, takes the discriminator's gradients in the generator's step too
and lets Adam go through the weights one by one. Ours is measured as it is by default, in float32, and with
`--reuse-judgement`. All take turns, so that a busy machine slows all of them; the best turn of each counts. With a
batch over 1, and on a GPU, plain is measured with a batch of 1, too.

Prints images/s, how many times plain's, and the share of the matrix peak that is measured here in the same type; then
one line of JSON. On a CPU one thread works unless more are asked for (about a minute).
"""

import argparse
import json
import time
from dataclasses import replace

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from trainer.pix2pix.devices import compiles, device_named, precision_for
from trainer.pix2pix.discriminators import PatchGAN
from trainer.pix2pix.generators import generator_of
from trainer.pix2pix.model import Model
from trainer.pix2pix.options import Options

TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


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
    """Return how long `work` takes; of one CPU thread the core's own time, which other programs do not add to."""
    clock = time.process_time if device.type == "cpu" and torch.get_num_threads() == 1 else time.perf_counter
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    begun = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - begun


def peak_flops(device, kind):
    """Return the most FLOP/s that a square matrix product reaches."""
    side = 8192 if device.type == "cuda" else 2048
    one, other = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
    return 2 * side**3 / min(seconds(device, lambda: one @ other) for _ in range(15))


def flops_of(options, device):
    """Return the operations of one of our steps, a picture: those that are needed, without plain's in vain."""
    a, b = (torch.rand(1, 3, 256, 256, device=device) * 2 - 1 for _ in range(2))
    with FlopCounterMode(display=False) as counter:
        Model(options, 1, device).advance(a, b)
    return counter.get_total_flops()


def runners(chosen, options, device):
    """Return by name what is measured: its batch, its type, and what does one step."""
    compiled = compiles(device) if chosen.compile is None else chosen.compile
    found = {}

    def batch_of(batch):
        return [torch.rand(batch, 3, 256, 256, device=device) * 2 - 1 for _ in range(2)]

    for batch in sorted({1, chosen.batch}):
        plain, pair = Plain(options, device), batch_of(batch)
        found[f"plain, batch {batch}"] = batch, "fp32", lambda plain=plain, pair=pair: plain.advance(*pair)
    kinds = {
        "ours": options,
        "ours, fp32": replace(options, precision="fp32"),
        "ours, reused judgement": replace(options, reuse_judgement=True),
    }
    for name, kind in kinds.items():
        model = Model(kind, 1000, device, compiled=compiled)
        pair = [part.contiguous(memory_format=torch.channels_last) for part in batch_of(chosen.batch)]
        precision = precision_for(kind.precision, device)
        found[name] = chosen.batch, precision, lambda model=model, pair=pair: model.advance(*pair)
    return found


def main():
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, help="as `lensd train` where not given")
    parser.add_argument("--norm", default="batch")
    chosen = parser.parse_args()
    device = device_named(chosen.device, threads=chosen.threads)
    # The paper has no running mean of weights.
    options = replace(Options(), seed=1, batch_size=chosen.batch, norm=chosen.norm, ema=0.0)
    found = runners(chosen, options, device)
    took = {name: [] for name in found}
    for turn in range(chosen.turns + 1):
        for name, (_, _, step) in found.items():
            spent = seconds(device, step)
            if turn:  # the first one allocates, and compiles
                took[name].append(spent)
    peaks = {kind: peak_flops(device, TYPES[kind]) for kind in sorted({kind for _, kind, _ in found.values()})}
    needed = flops_of(options, device)
    figures = {}
    for name, (batch, kind, _) in found.items():
        speed = batch / min(took[name])
        figures[name] = {"batch": batch, "precision": kind, "images_per_s": speed, "peak": needed * speed / peaks[kind]}
    for name, figure in figures.items():
        speed = figure["images_per_s"]
        times = [speed / figures[f"plain, batch {batch}"]["images_per_s"] for batch in sorted({1, chosen.batch})]
        against = ", ".join(f"{one:.2f}" for one in times)
        share = f"{figure['peak']:4.0%} of the peak"
        print(f"{name:24} {figure['precision']}  {speed:8.2f} images/s  {against} times  {share}")
    for kind, peak in peaks.items():
        print(f"a matrix product reaches {peak / 1e9:,.0f} GFLOP/s in {kind} here")
    print(json.dumps({**vars(chosen), "figures": figures, "peak_flops": peaks}))


if __name__ == "__main__":
    main()
