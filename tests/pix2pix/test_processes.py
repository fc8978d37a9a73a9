import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lensd.errors import ConfigError
from tests.pix2pix.conftest import TINY
from tests.pix2pix.two_processes import KINDS, three_steps
from trainer.pix2pix import keep
from trainer.pix2pix.model import Model
from trainer.pix2pix.ranks import Ranks

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Two:
    """What two processes left, and said."""

    folder: Path
    told: str
    wrong: str
    status: int


@pytest.fixture(scope="module")
def two(pair_folder, tmp_path_factory) -> Two:
    """Everything that two processes are asked: one start of them takes five seconds of a core."""
    out = tmp_path_factory.mktemp("two")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    process = subprocess.Popen(
        [*torchrun, ROOT / "tests/pix2pix/two_processes.py", pair_folder, out, "--save-freq=1000000"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        ends = time.monotonic() + 120
        while not (out / "run/index.html").exists() and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)  # as Ctrl-C does
        told, wrong = process.communicate(timeout=60)
    finally:
        process.kill()
    return Two(out, told, wrong, process.returncode)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_two_processes_are_one_with_the_doubled_batch(name, two, pair_folder, tmp_path):
    theirs = load_file(two.folder / f"{name}.safetensors")
    ours = three_steps(replace(KINDS[name], batch_size=4), tmp_path, pair_folder, Ranks())
    assert set(ours) == set(theirs)
    assert {value.dtype for value in theirs.values()} == {torch.float64}
    assert max(float((ours[key] - value).abs().max()) for key, value in theirs.items()) < 1e-5
    assert max(float(value.abs().max()) for key, value in ours.items() if key.endswith("gradient")) > 1e-2


def test_processes_have_shares_that_do_not_overlap(two):
    first, second = ((two.folder / f"shard{rank}").read_text().split() for rank in range(2))
    assert len({*first, *second}) == len(first) + len(second) == 4


def test_two_processes_go_on_after_a_cut_bit_for_bit_and_the_first_alone_writes(two):
    one, other = (keep.load(two.folder / name) for name in ("straight", "cut"))
    assert one[1].step == other[1].step == 6
    assert "process1.random.cpu" in one[0]
    assert not torch.equal(one[0]["random.cpu"], one[0]["process1.random.cpu"])  # they do not drop the same
    assert {"pool.held", "process1.pool.held"} < set(one[0])
    assert set(one[0]) == set(other[0])
    assert [name for name in one[0] if not torch.equal(one[0][name], other[0][name])] == []
    assert [path.name for path in keep.numbered(two.folder / "straight")] == ["checkpoint-00000006.safetensors"]
    assert not (two.folder / "unwritten").exists()


def test_a_full_disk_at_the_first_ends_both_and_leaves_the_last_good_checkpoint(two):
    first, second = ((two.folder / f"told{rank}").read_text() for rank in range(2))
    assert "the last good checkpoint is checkpoint-00000002.safetensors" in first
    assert "the first process cannot write there" in second
    (left,) = keep.numbered(two.folder / "full")
    assert keep.load(left)[1].step == 2


def test_batch_norm_over_processes_without_gpus_is_refused():
    ranks = Ranks()
    ranks.size = 2
    with pytest.raises(ConfigError, match="no SyncBatchNorm on a CPU"):
        Model(replace(TINY, norm="batch"), 10, torch.device("cpu"), ranks=ranks)


def test_ctrl_c_ends_all_processes_saved_and_one_of_them_says_so(two):
    assert two.told.count("5 pairs, ") == two.told.count("2 processes") == 1, two.wrong
    assert two.told.count("stopped, and saved") == 1
    assert "Traceback (most recent call last)" not in two.told
    (saved,) = keep.numbered(two.folder / "run")
    assert keep.load(saved)[1].step >= 2
    assert re.search(r"checkpoint-\d{8}\.safetensors", two.told)[0] == saved.name
