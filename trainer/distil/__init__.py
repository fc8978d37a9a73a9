"""`lensd distil`: the compact generator of a live lens, taught by exact drawings, given pictures or a larger network.

`distil(options, on_progress)` is the whole of it. families: what is taught; weights: how loudly each loss speaks;
losses, steady, critic, teacher: what they say; batches: the samples; run: one step, and the checkpoint; train: the
loop.
"""

from trainer.distil.settings import DistilOptions, Progress, Settings
from trainer.distil.train import distil
from trainer.distil.weights import Weights

__all__ = ["DistilOptions", "Progress", "Settings", "Weights", "distil"]
