import json
import re
import resource
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lensd.errors import ConfigError, MediaError
from tests.pix2pix.conftest import TINY, write_rgb
from trainer import checkpoint
from trainer.pix2pix import keep
from trainer.pix2pix.data import Pictures, read_pictures
from trainer.pix2pix.devices import precision_for
from trainer.pix2pix.options import Options
from trainer.pix2pix.paint import paint_folder
from trainer.pix2pix.train import OPTIONS, Run, train

# Dropout, batch norm, a schedule, crops, mirrors, odd batches: all that could go another way after a cut.
RESTLESS = replace(
    TINY,
    generator="unet_64",
    scale_size=70,
    crop_size=64,
    batch_size=2,
    max_steps=40,
    schedule="linear",
    ema=0.9,
    display_freq=7,
    progress_freq=9,
)


@pytest.fixture(scope="module")
def pictures(pair_folder) -> Pictures:
    return read_pictures(pair_folder, 70, "AtoB")


@pytest.fixture(scope="module")
def small(pair_folder) -> Pictures:
    return read_pictures(pair_folder, 36, "AtoB")


def until(run: Run, step: int):
    return lambda: run.model.step >= step


def test_forty_steps_are_twenty_and_twenty_over_a_restart_bit_for_bit(pictures, tmp_path):
    straight = Run(RESTLESS, tmp_path / "straight", pictures)
    assert train(straight)
    first = Run(RESTLESS, tmp_path / "cut", pictures)
    assert not train(first, stop=until(first, 20))
    torch.manual_seed(99)  # as another process would have it
    tensors, state = keep.load(tmp_path / "cut")
    assert state.step == 20
    second = Run(state.options, tmp_path / "cut", pictures)
    second.restore(tensors, state)
    assert train(second)
    one, other = (keep.load(tmp_path / name)[0] for name in ("straight", "cut"))
    assert set(one) == set(other)
    for kind in ("generator.", "discriminator.", "average.", "generator_adam.", "discriminator_adam.", "random."):
        assert any(name.startswith(kind) for name in one)
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def test_in_bfloat16_with_a_pool_and_a_plateau_a_restart_is_as_exact(pictures, tmp_path):
    options = replace(RESTLESS, precision="bf16", pool_size=3, schedule="plateau", max_steps=8)
    assert train(Run(options, tmp_path / "straight", pictures))
    first = Run(options, tmp_path / "cut", pictures)
    assert not train(first, stop=until(first, 4))
    torch.manual_seed(99)
    tensors, state = keep.load(tmp_path / "cut")
    assert state.pace["count"] == 1  # in the midst of an epoch of three steps
    second = Run(state.options, tmp_path / "cut", pictures)
    second.restore(tensors, state)
    assert train(second)
    one, other = (keep.load(tmp_path / name) for name in ("straight", "cut"))
    assert one[1].pace == other[1].pace
    assert one[1].options.precision == "bf16"
    assert [name for name in one[0] if not torch.equal(one[0][name], other[0][name])] == []


def test_precision_is_decided_once_and_written_down(small, tmp_path):
    assert Run(replace(TINY, precision="auto"), tmp_path, small).options.precision in ("bf16", "fp32")
    assert precision_for("fp32", torch.device("cpu")) == "fp32"


def test_epochs_checkpoints_are_never_let_go(small, tmp_path):
    run = Run(replace(TINY, max_steps=16, save_epoch_freq=1, keep=1), tmp_path, small)  # 5 steps an epoch
    assert train(run)
    assert [path.name for path in keep.numbered(tmp_path)] == ["checkpoint-00000016.safetensors"]
    kept = sorted(path for path in tmp_path.glob("epoch-*"))
    assert [path.name for path in kept] == [f"epoch-0000{number}.safetensors" for number in (1, 2, 3)]
    assert [keep.load(path)[1].step for path in kept] == [5, 10, 15]


def test_traces_are_written_where_they_are_due(small, tmp_path):
    assert train(Run(replace(TINY, max_steps=4, trace_freq=3), tmp_path, small))
    (trace,) = (tmp_path / "traces").iterdir()
    assert trace.name == "00000003.json"
    names = {event.get("name", "") for event in json.loads(trace.read_text())["traceEvents"]}
    assert any("convolution_backward" in name for name in names)


def test_the_newest_and_the_best_checkpoints_are_kept(small, tmp_path):
    run = Run(replace(TINY, max_steps=12, save_freq=2, keep=2), tmp_path, small)
    assert train(run)
    assert [path.name for path in keep.numbered(tmp_path)] == [
        "checkpoint-00000010.safetensors",
        "checkpoint-00000012.safetensors",
    ]
    _, best = keep.load(tmp_path / keep.BEST)
    assert best.best == run.best > 0
    assert Options.from_json((tmp_path / OPTIONS).read_text()) == run.options


def test_held_out_pairs_say_which_checkpoint_is_the_best(small, pair_folder, tmp_path):
    held_out = read_pictures(pair_folder, 32, "AtoB")
    run = Run(replace(TINY, max_steps=4, save_freq=2), tmp_path, small, held_out=held_out)
    assert train(run)
    assert 0.05 < run.best < 1.5


def test_a_seed_is_drawn_and_written_down(small, tmp_path):
    runs = [Run(replace(TINY, seed=None, max_steps=1), tmp_path / str(n), small) for n in range(2)]
    assert runs[0].options.seed != runs[1].options.seed
    assert train(runs[0])
    assert keep.load(runs[0].folder)[1].options.seed == runs[0].options.seed


def test_what_is_no_number_ends_the_run_and_names_the_last_good_checkpoint(small, tmp_path):
    run = Run(replace(TINY, max_steps=9, save_freq=3), tmp_path, small)

    def spoil() -> bool:
        if run.model.step == 4:
            next(run.model.generator.parameters()).data[0] = float("nan")
        return False

    with pytest.raises(ConfigError, match=r"no number.*step 5.*checkpoint-00000003"):
        train(run, stop=spoil)
    tensors, state = keep.load(tmp_path)
    assert state.step == 3
    assert all(bool(torch.isfinite(value.float()).all()) for value in tensors.values())


def test_a_full_disk_ends_the_run_and_leaves_the_last_good_checkpoint(small, tmp_path):
    run = Run(replace(TINY, max_steps=9, save_freq=3), tmp_path, small)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> bool:
        if run.model.step == 4:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # as if so much were left
        return False

    try:
        with pytest.raises(MediaError, match=r"cannot be written.*checkpoint-00000003"):
            train(run, stop=fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert keep.load(tmp_path)[1].step == 3
    left = {path.name for path in tmp_path.iterdir()}  # no half of a file
    assert left == {"checkpoint-00000003.safetensors", keep.BEST, OPTIONS}


def test_checkpoints_of_something_else_are_refused(small, tmp_path):
    checkpoint.save(tmp_path / "lens.safetensors", {"network.x": torch.zeros(1)}, {"step": 1})
    with pytest.raises(ConfigError, match="not of pix2pix"):
        keep.load(tmp_path / "lens.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}")
    with pytest.raises(ConfigError, match="not a checkpoint"):
        keep.load(tmp_path / "cut.safetensors")
    with pytest.raises(ConfigError, match="holds no checkpoint"):
        keep.load(tmp_path)
    run = Run(replace(TINY, max_steps=1), tmp_path / "run", small)
    assert train(run)
    with pytest.raises(ConfigError, match="other networks"):
        Run(replace(TINY, ngf=8), tmp_path / "other", small).restore(*keep.load(tmp_path / "run"))
    assert not (tmp_path / "other").exists()


def test_the_page_shows_step_name_input_output_and_target(small, tmp_path):
    assert train(Run(replace(TINY, max_steps=4, display_freq=2), tmp_path, small))
    page = (tmp_path / "index.html").read_text()
    assert page.count("<tr>") == 3
    assert page.count("<img") == 6
    assert "<td>2<td>" in page
    shown = sorted(path.name for path in (tmp_path / "images").iterdir())
    assert len(shown) == 6
    assert re.fullmatch(r"00000002-pair \d-inputs\.png", shown[0])
    # The name is that of the picture that is shown: its target, cut and mirrored, has the pair's own colours.
    number = small.names.index(shown[0].removeprefix("00000002-").removesuffix("-inputs.png"))
    pixels = np.asarray(Image.open(tmp_path / "images" / shown[0])).astype(int)
    cuts = small.pixels[number, ..., :3].numpy().astype(int)
    wanted = [cuts[y : y + 32, x : x + 32][:, ::way] for y in range(5) for x in range(5) for way in (1, -1)]
    assert min(abs(cut - pixels).max() for cut in wanted) == 0


def test_progress_says_speed_time_left_and_losses(small, tmp_path):
    lines = []
    assert train(Run(replace(TINY, max_steps=4, progress_freq=2), tmp_path, small), tell=lines.append)
    assert [line.step for line in lines] == [2, 4]
    assert lines[0].images_per_s > 0 < lines[0].left_s
    assert set(lines[0].losses) == {"discriminator_loss", "generator_loss_GAN", "generator_loss_L1"}
    kept = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    assert [line["step"] for line in kept] == [2, 4]


def test_pairs_and_single_pictures_are_painted(small, pair_folder, tmp_path):
    assert train(Run(replace(TINY, max_steps=2), tmp_path / "run", small))
    assert paint_folder(tmp_path / "run", pair_folder, tmp_path / "out") == 5
    assert len(list((tmp_path / "out/images").iterdir())) == 15
    assert "pair%200-outputs.png" in (tmp_path / "out/index.html").read_text()
    (tmp_path / "alone").mkdir()
    left = read_pictures(pair_folder, 32, "AtoB").pixels[0, ..., :3].numpy()
    write_rgb(tmp_path / "alone/<b>.png", left)
    assert paint_folder(tmp_path / "run", tmp_path / "alone", tmp_path / "one", single=True, aspect_ratio=2) == 1
    page = (tmp_path / "one/index.html").read_text()
    assert "<b>" not in page
    assert page.count("<img") == 2
    with Image.open(tmp_path / "one/images/<b>-outputs.png") as wide:
        assert wide.size == (64, 32)
    paint_folder(tmp_path / "run", pair_folder, tmp_path / "again")
    pictures = [tmp_path / name / "images/pair 1-outputs.png" for name in ("out", "again")]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_grey_pictures_are_coloured(pair_folder, tmp_path):
    options = replace(TINY, lab_colorization=True, max_steps=2, display_freq=1)
    run = Run(options, tmp_path / "run", read_pictures(pair_folder, 36, "AtoB", single=True))
    assert train(run)
    assert paint_folder(tmp_path / "run", pair_folder, tmp_path / "out") == 5
    given, target = (
        np.asarray(Image.open(tmp_path / f"out/images/pair 1-{kind}.png")) for kind in ("inputs", "targets")
    )
    assert np.array_equal(given[..., 0], given[..., 2])
    assert not np.array_equal(target[..., 0], target[..., 2])
