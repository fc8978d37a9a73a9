"""A run's checkpoints: the newest K and the best, each a whole file of tensors with the options beside them as JSON."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.errors import ConfigError
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
    """

    options: Options
    step: int
    pictures: str = ""
    best: float = math.inf


def numbered(folder: Path) -> list[Path]:
    """Return the run's numbered checkpoints, the oldest first."""
    found = [(int(match[1]), path) for path in folder.glob("*.safetensors") if (match := _NAME.fullmatch(path.name))]
    return [path for _, path in sorted(found)]


def newest(folder: Path) -> Path:
    """Return the run's newest checkpoint.

    Raises:
        ConfigError: there is none.
    """
    if not (found := numbered(folder)):
        raise ConfigError(str(folder), "holds no checkpoint", "lensd pix2pix train --help")
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
    path = folder / f"checkpoint-{state.step:08d}.safetensors"
    checkpoint.save(path, tensors, told)
    if best:
        checkpoint.save(folder / BEST, tensors, told)
    for old in numbered(folder)[: -state.options.keep]:
        if old != path:
            old.unlink()
    return path


def load(path: Path) -> tuple[dict[str, Tensor], State]:
    """Read a checkpoint: a file, or a run's folder (its newest).

    Raises:
        ConfigError: none there, damaged, or of something else than pix2pix.
    """
    file = newest(path) if path.is_dir() else path
    tensors, told = checkpoint.load(file)
    if told.get("kind") != _KIND:
        raise ConfigError(str(file), "is not of pix2pix", "a checkpoint that `lensd pix2pix train` wrote")
    try:
        best = math.inf if told["best"] is None else float(told["best"])
        return tensors, State(Options.of(told["options"]), int(told["step"]), str(told["pictures"]), best)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(file), f"its state is not a pix2pix run's ({error})") from error
