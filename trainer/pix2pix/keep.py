"""A run's checkpoints: the newest K and the best, each a whole file of tensors with the options beside them as JSON."""

from __future__ import annotations

import math
import os
import re
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lensd.errors import ConfigError
from lensd.whole_file import whole_file
from trainer import checkpoint
from trainer.checkpoint import unpack
from trainer.pix2pix.options import Options

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["BEST", "State", "load", "newest", "numbered", "save", "unpack"]

BEST = "best.safetensors"
_NAME = re.compile(r"checkpoint-(\d{8,})\.safetensors")
_KIND = "pix2pix"


@dataclass(frozen=True, slots=True)
class State:
    """What a checkpoint says beside its tensors.

    Attributes:
        options: of the run.
        step: steps done.
        pictures: digest of the names that it was taught from, in their order.
        best: lowest L1 at a checkpoint so far; infinite where there is none.
        pace: of the schedule, `Pace.state`.
    """

    options: Options
    step: int
    pictures: str = ""
    best: float = math.inf
    pace: dict[str, Any] = field(default_factory=dict)


def numbered(folder: Path) -> list[Path]:
    """Return the run's numbered checkpoints, the oldest first."""
    found = [(int(match[1]), path) for path in folder.glob("*.safetensors") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def path_of(folder: Path, step: int) -> Path:
    """Return the path of the run's checkpoint after `step` steps."""
    return folder / f"checkpoint-{step:08d}.safetensors"


def for_good(path: Path, epoch: int) -> Path:
    """Keep a checkpoint under its epoch's name, too, which is never let go; return that path.

    Raises:
        OSError: it cannot be written.
    """
    kept = path.with_name(f"epoch-{epoch:05d}.safetensors")
    with whole_file(kept) as temporary:
        temporary.unlink(missing_ok=True)
        try:
            os.link(path, temporary)  # no second copy on the disk as long as both are there
        except OSError:
            shutil.copyfile(path, temporary)
    return kept


def newest(folder: Path) -> Path:
    """Return the run's newest checkpoint.

    Raises:
        ConfigError: there is none.
    """
    if not (found := numbered(folder)):
        raise ConfigError(str(folder), "holds no checkpoint", "lensd train --help")
    return found[-1]


def save(folder: Path, tensors: dict[str, Tensor], state: State, *, best: bool) -> Path:
    """Write a checkpoint, whole; then let the oldest go.

    Args:
        folder: of the run.
        tensors: by name.
        state: what goes beside them.
        best: write it as the best, too.

    Returns:
        Its path.

    Raises:
        OSError: it cannot be written; those before are all there.
    """
    told = {**asdict(state), "kind": _KIND, "best": None if math.isinf(state.best) else state.best}
    path = path_of(folder, state.step)
    checkpoint.save(path, tensors, told)
    if best:
        checkpoint.save(folder / BEST, tensors, told)
    for old in numbered(folder)[: -state.options.keep]:
        if old != path:
            old.unlink()
    return path


def is_ours(path: Path) -> bool:
    """Say whether `path` is a checkpoint of a pix2pix run, or the folder of one."""
    if path.is_dir():
        return bool(numbered(path))
    try:
        return checkpoint.load_state(path).get("kind") == _KIND
    except ConfigError:
        return False


def load(path: Path) -> tuple[dict[str, Tensor], State]:
    """Read a checkpoint: a file, or a run's folder (its newest).

    Raises:
        ConfigError: none there, damaged, or of something else than pix2pix.
    """
    file = newest(path) if path.is_dir() else path
    tensors, told = checkpoint.load(file)
    if told.get("kind") != _KIND:
        raise ConfigError(str(file), "is not of pix2pix", "a checkpoint that `lensd train` wrote")
    try:
        best = math.inf if told["best"] is None else float(told["best"])
        options, pace = Options.of(told["options"]), dict(told.get("pace", {}))
        return tensors, State(options, int(told["step"]), str(told["pictures"]), best, pace)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(file), f"its state is not a pix2pix run's ({error})") from error
