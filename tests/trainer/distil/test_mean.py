import copy

import torch

from trainer.distil.run import Run
from trainer.distil.settings import Settings


def test_the_mean_of_weights_begins_anew_where_the_size_changes(pairs, tmp_path):
    settings = Settings(
        size_px=64, small_px=32, small_steps=30, steps=40, batch=2, warm_up=2, widths=(8, 8, 8, 8, 16), blocks=1
    )
    run = Run(pairs, tmp_path, settings)
    for _ in range(30):
        run.advance()
    before = copy.deepcopy(run.average)
    run.advance()
    weights = zip(before.parameters(), run.average.parameters(), run.network.parameters(), strict=True)
    for old, mean, new in weights:
        # (1 + 1) / (10 + 1) of what it was, the rest of the newest: of small weights nothing is left after a few steps.
        assert torch.allclose(mean, old * (2 / 11) + new * (9 / 11), atol=1e-6)
