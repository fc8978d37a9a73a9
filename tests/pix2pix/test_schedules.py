import json
from dataclasses import replace

import pytest
import torch

from tests.pix2pix.conftest import TINY
from trainer.pix2pix.model import Model
from trainer.pix2pix.pace import Pace
from trainer.pix2pix.pool import Pool


def paces(steps: int, epoch_steps: int, **changes: object) -> list[float]:
    pace = Pace(replace(TINY, **changes), steps, epoch_steps)
    return [round(pace.at(step), 6) for step in range(steps)]


def test_the_schedules_by_hand():
    assert paces(3, 1) == [1, 1, 1]
    assert paces(8, 2, schedule="linear") == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    assert paces(8, 2, schedule="linear", n_epochs_decay=1) == [1, 1, 1, 1, 1, 1, 1, 0.5]
    assert paces(8, 2, schedule="step", lr_decay_iters=2) == [1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1]
    assert paces(4, 2, schedule="cosine") == [1, 0.853553, 0.5, 0.146447]


def test_plateau_takes_a_fifth_after_six_epochs_without_progress_and_survives_a_restart():
    options = replace(TINY, schedule="plateau")
    pace = Pace(options, 100, 2)
    for step in range(1, 14):
        pace.note(step, torch.tensor(0.5 if step % 2 else 0.7))
        assert pace.at(step) == 1
        again = Pace(options, 100, 2)
        again.restore(json.loads(json.dumps(pace.state())))
        pace = again
    pace.note(14, torch.tensor(0.7))  # the first epoch was the best, and six more were not better
    assert pace.at(14) == pytest.approx(0.2)
    for step in range(15, 28):  # the seventh is, and five more without progress
        pace.note(step, torch.tensor(0.1))
    assert pace.at(27) == pytest.approx(0.2)


def test_the_schedule_reaches_the_optimizers():
    model = Model(replace(TINY, schedule="step", lr_decay_iters=1, lr=1e-3), 4, torch.device("cpu"), epoch_steps=2)
    batch = torch.rand(2, 1, 3, 32, 32)
    rates = []
    for _ in range(3):
        model.advance(*batch)
        rates.append([group["lr"] for one in model._optimizers.values() for group in one.param_groups])
    assert rates == [[1e-3] * 2, [1e-3] * 2, [pytest.approx(1e-4)] * 2]


def test_a_pool_gives_back_what_was_painted_before():
    pool = Pool(2, seed=1)
    shown = [float(pool.swap(torch.full((1, 1, 1, 1), float(step)), step)) for step in range(60)]
    assert shown[:2] == [0, 1]  # it fills first
    old = [step - value for step, value in enumerate(shown) if value != step]
    assert 15 < len(old) < 45
    assert len(set(shown[2:])) == len(shown) - 2  # each is given back once at most
    assert len(pool.held) == 2
    assert float(Pool(0, seed=1).swap(torch.ones(1, 1, 1, 1), 0)) == 1
