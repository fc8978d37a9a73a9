import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from lensd.errors import ConfigError
from trainer import checkpoint
from trainer.augment import Strength
from trainer.distil import DistilOptions, Settings, Weights, distil
from trainer.distil.batches import Batches, batch_of
from trainer.distil.losses import Painted, Wanted, colour_inside, matte_bce, matte_dice, picture_l1
from trainer.distil.run import CHECKPOINT, Run
from trainer.distil.train import train

TINY = Settings(
    size_px=64, batch=4, steps=6, warm_up=2, measure_every=3, widths=(8, 8, 8, 8, 16), blocks=1, average=0.5
)
CALM = Strength(scale=0, shift=0, roll_deg=0, turned=0, sunglasses=0, glasses=0, occluded=0, spoiled=0)
ALL_BUT_TEACHER = Weights(ssim=0.5, gradient=1, matte_gradient=1, matching=1, adversarial=0.05, warp=1)


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    tensors, _ = checkpoint.load(run.save())
    return tensors


def test_a_step_is_finite_and_moves_the_weights(pairs, tmp_path):
    run = Run(pairs, tmp_path, TINY)
    before = [parameter.detach().clone() for parameter in run.network.parameters()]
    assert np.isfinite(run.advance()["loss"])
    assert any(not torch.equal(old, new) for old, new in zip(before, run.network.parameters(), strict=True))


def test_a_network_learns_one_pair_by_heart(pairs, tmp_path):
    run = Run(pairs, tmp_path, replace(TINY, widths=(8, 16, 16, 16, 32)), strength=CALM)
    batch = batch_of(pairs, np.array([0, 0]), 64, (1,), strength=CALM)
    wanted = Wanted.of(batch.photos, batch.targets)
    optimizer = torch.optim.AdamW(run.network.parameters(), lr=1e-2)
    for _ in range(80):
        painted = Painted(run.network(batch.photos), wanted.photo)
        loss = 2 * picture_l1(painted.picture, wanted.picture, wanted.near) + colour_inside(painted.colour, wanted)
        loss = loss + matte_bce(painted.logit, wanted.matte) + matte_dice(painted.logit, wanted.matte)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    mine, true = painted.matte > 0.5, wanted.matte > 0.5
    assert float((mine & true).sum() / (mine | true).sum()) > 0.9


@pytest.mark.parametrize("weights", [Weights(), ALL_BUT_TEACHER], ids=["exact", "adversarial"])
def test_a_run_that_was_cut_in_its_last_part_ends_with_the_same_bits(pairs, tmp_path, weights):
    settings = replace(TINY, weights=weights, adversarial_from=0.3, small_px=32, small_steps=2)
    straight = Run(pairs, tmp_path / "straight", settings)
    assert train(straight)
    steps = iter([False, False, False, False, True])
    assert not train(Run(pairs, tmp_path / "cut", settings), stop=lambda: next(steps))
    resumed = Run.resumed(pairs, tmp_path / "cut", TINY.steps)
    assert resumed.step == 4
    assert train(resumed)
    one, other = weights_of(straight), weights_of(resumed)
    assert set(one) == set(other)
    assert any(name.startswith("critic_adam") for name in one) == weights.need_critic
    assert all(torch.equal(one[name], other[name]) for name in one)
    lines = [json.loads(line) for line in (tmp_path / "straight" / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [3, 6]
    assert ("adversarial" in lines[-1]["losses"]) == weights.need_critic


def test_distil_goes_on_when_called_again_and_tells_how_far_it_is(pairs_folder, tmp_path):
    told = []
    options = DistilOptions(
        pairs=pairs_folder, run=tmp_path / "run", family="0.1", steps=4, batch=2, measure_every=2, resume=True
    )
    stops = iter([False, False, True])
    path = distil(options, told.append, stop=lambda: next(stops))
    assert checkpoint.load(path)[1]["step"] == 2
    assert distil(options, told.append) == path
    assert [line.step for line in told if line.figures] == [2, 4]
    assert told[-1].figures.faces > 0
    assert told[-1].left_s == 0
    assert checkpoint.load(distil(options, told.append))[1]["step"] == 4
    assert [line.step for line in told if line.figures] == [2, 4]


def test_a_checkpoint_of_yesterdays_trainer_is_gone_on_with(pairs, tmp_path):
    old = ("size_px", "batch", "steps", "rate", "warm_up", "decay", "average", "oversample", "bf16", "seed", "threads")
    run = Run(pairs, tmp_path, TINY)
    tensors, state = checkpoint.load(run.save())
    kept = {name: value for name, value in state["settings"].items() if name in (*old, "measure_every", "widths")}
    del state["teacher"], state["taught_px"]
    checkpoint.save(tmp_path / CHECKPOINT, tensors, {**state, "settings": {**kept, "blocks": 1}})
    assert np.isfinite(Run.resumed(pairs, tmp_path, 6).advance()["loss"])


def test_a_checkpoint_is_no_pickle_and_garbage_is_refused(pairs, tmp_path):
    path = Run(pairs, tmp_path, TINY).save()
    content = path.read_bytes()
    assert content[8:9] == b"{"  # safetensors: eight bytes of length, then JSON
    path.write_bytes(content[:1000])
    with pytest.raises(ConfigError, match="not a checkpoint"):
        Run.resumed(pairs, tmp_path, 10)


def test_a_checkpoint_of_another_network_is_refused(pairs, tmp_path):
    path = Run(pairs, tmp_path, TINY).save()
    other = Run(pairs, tmp_path / "other", replace(TINY, widths=(8, 8, 8, 8, 8)))
    with pytest.raises(ConfigError, match="another network"):
        other.start_from(path)


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(pairs, tmp_path):
    run = Run(pairs, tmp_path, TINY)
    with torch.no_grad():
        run.network.head.weight.fill_(float("nan"))
    with pytest.raises(ConfigError, match="the loss became nan"):
        run.advance()


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"size_px": 100}, "multiple of 32"),
        ({"small_steps": 9}, "none of 6 steps"),
        ({"batch": 0}, "below 1"),
        ({"batch": 1, "weights": Weights(warp=1)}, "batch of 2"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(wrong, why):
    with pytest.raises(ConfigError, match=why):
        Settings(**{**asdict(TINY), "weights": Weights(), **wrong})


def test_twins_are_the_same_face_moved_by_less_than_a_hair(pairs):
    batch = batch_of(pairs, np.array([0, 3, 5]), 64, (4,), twins=2)
    assert len(batch.photos) == 5
    assert batch.moves.shape == (2, 2, 3)
    from trainer.distil.steady import moved

    for part in (batch.photos, batch.targets[:, 3:].contiguous()):
        carried, known = moved(part[:2].contiguous(), batch.moves)
        near = (known * (carried - part[3:]).abs()).mean((1, 2, 3))
        far = (part[:2] - part[[4, 3]]).abs().mean((1, 2, 3))
        assert (near < far / 2).all()


def test_state_survives_a_checkpoint_as_it_was(tmp_path):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, checkpoint.pack("a", {"w": torch.arange(3.0)}), {"step": 5})
    tensors, state = checkpoint.load(path)
    assert state == {"step": 5}
    assert torch.equal(checkpoint.unpack("a", tensors)["w"], torch.arange(3.0))


def test_samples_made_ahead_by_threads_are_those_that_a_step_makes_for_itself(pairs):
    settings = replace(TINY, small_px=32, small_steps=1, weights=Weights(warp=1))
    alone, ahead = Batches(pairs, settings, None), Batches(pairs, settings, None, workers=3)
    for step in range(3, TINY.steps):  # a run that goes on begins in the middle
        one, other = alone.at(step), ahead.at(step)
        assert all(torch.equal(getattr(one, part), getattr(other, part)) for part in ("photos", "targets", "moves"))
    ahead.close()


def test_a_device_that_is_not_there_is_refused_before_anything_is_written(pairs_folder, tmp_path):
    with pytest.raises(ConfigError, match="no device"):
        distil(DistilOptions(pairs=pairs_folder, run=tmp_path / "run", device="gpu"))
    assert not (tmp_path / "run").exists()
