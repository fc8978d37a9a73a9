import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lensd.errors import ConfigError
from trainer import checkpoint
from trainer.augment import Strength
from trainer.generator import Generator, count_macs, fold
from trainer.losses import lens_loss, matte_dice
from trainer.train import CHECKPOINT, Run, Settings, batch_of, train

TINY = Settings(
    size_px=64, batch=4, steps=6, warm_up=2, measure_every=3, widths=(8, 8, 8, 8, 16), blocks=1, average=0.5
)
CALM = Strength(scale=0, shift=0, roll_deg=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)


def test_a_step_is_finite_and_moves_the_weights(pairs, tmp_path):
    run = Run(pairs, tmp_path, TINY)
    before = [parameter.detach().clone() for parameter in run.network.parameters()]
    assert np.isfinite(run.advance())
    assert any(not torch.equal(old, new) for old, new in zip(before, run.network.parameters(), strict=True))


def test_a_network_learns_one_pair_by_heart(pairs, tmp_path):
    settings = replace(TINY, steps=60, rate=2e-2, batch=2, widths=(8, 16, 16, 16, 32))
    run = Run(pairs, tmp_path, settings, CALM)
    photos, targets = batch_of(pairs, np.array([0, 0]), 64, (1,), CALM)
    optimizer = torch.optim.AdamW(run.network.parameters(), lr=1e-2)
    for _ in range(80):
        loss = lens_loss(run.network(photos), photos, targets).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    matte = torch.sigmoid(run.network(photos)[:, 3]) > 0.5
    truth = targets[:, 3] > 0.5
    assert float((matte & truth).sum() / (matte | truth).sum()) > 0.9


def test_a_run_that_was_stopped_and_resumed_ends_with_the_same_weights(pairs, tmp_path):
    straight = Run(pairs, tmp_path / "straight", TINY)
    assert train(straight)
    steps = iter([False, False, False, True])
    assert not train(Run(pairs, tmp_path / "stopped", TINY), stop=lambda: next(steps))
    resumed = Run.resumed(pairs, tmp_path / "stopped", TINY.steps)
    assert resumed.step == 3
    assert train(resumed)
    for part in ("network", "average"):
        a, b = getattr(straight, part).state_dict(), getattr(resumed, part).state_dict()
        assert all(torch.equal(a[name], b[name]) for name in a)
    lines = [json.loads(line) for line in (tmp_path / "straight" / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6]


def test_a_checkpoint_is_no_pickle_and_garbage_is_refused(pairs, tmp_path):
    run = Run(pairs, tmp_path, TINY)
    run.save()
    content = (tmp_path / CHECKPOINT).read_bytes()
    assert content[8:9] == b"{"  # safetensors: eight bytes of length, then JSON
    (tmp_path / CHECKPOINT).write_bytes(content[:1000])
    with pytest.raises(ConfigError, match="not a checkpoint"):
        Run.resumed(pairs, tmp_path, 10)


def test_a_checkpoint_of_another_network_is_refused(pairs, tmp_path):
    Run(pairs, tmp_path, TINY).save()
    other = Run(pairs, tmp_path / "other", replace(TINY, widths=(8, 8, 8, 8, 8)))
    with pytest.raises(ConfigError, match="another network"):
        other.start_from(tmp_path / CHECKPOINT)


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(pairs, tmp_path):
    run = Run(pairs, tmp_path, TINY)
    with torch.no_grad():
        run.network.head.weight.fill_(float("nan"))
    with pytest.raises(ConfigError, match="the loss became nan"):
        run.advance()


def test_sizes_that_the_grid_does_not_divide_are_refused(pairs, tmp_path):
    with pytest.raises(ConfigError, match="multiple of 32"):
        Run(pairs, tmp_path, replace(TINY, size_px=100))


def test_the_shipped_network_keeps_to_its_budget():
    assert count_macs(Generator(), 256) <= 0.45e9


def test_macs_are_counted_as_the_formula_says():
    layer = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, 2, 1))
    assert count_macs(layer, 32) == 16 * 16 * 8 * 3 * 9


def test_folding_changes_nothing_but_the_arithmetic():
    network = Generator((8, 8, 8, 8, 8), 1)
    network(torch.rand(4, 3, 64, 64))  # running statistics other than the first
    network.eval()
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = network(x)
        assert torch.allclose(fold(network)(x), before, atol=1e-4)


def test_a_perfect_matte_has_no_dice_loss_and_an_empty_one_has_all():
    truth = torch.zeros(1, 1, 32, 32)
    truth[..., 8:24, 8:24] = 1
    assert float(matte_dice(40 * truth - 20, truth)) < 1e-3
    assert float(matte_dice(torch.full_like(truth, -20), truth)) > 0.99


def test_state_survives_a_checkpoint_as_it_was(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, checkpoint.pack("a", {"w": torch.arange(3.0)}), {"step": 5})
    tensors, state = checkpoint.load(path)
    assert state == {"step": 5}
    assert torch.equal(checkpoint.unpack("a", tensors)["w"], torch.arange(3.0))
