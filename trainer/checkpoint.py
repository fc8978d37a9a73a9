"""A training run's state in one file: tensors as safetensors, the rest as JSON in its header. No pickle anywhere."""

from __future__ import annotations

import errno
import json
import os
import re
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lensd.errors import ConfigError
from lensd.whole_file import whole_file

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

_KEY = "snaplens"


def save(path: Path, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all.

    Args:
        path: the file.
        tensors: by name.
        state: anything JSON can hold.

    Raises:
        OSError: the folder cannot be written, or the disk is full; the old checkpoint is as it was.
    """
    with whole_file(path) as temporary:
        apart = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        try:
            save_file(apart, temporary, metadata={_KEY: json.dumps(state)})
        except SafetensorError as error:  # a full disk, in the library's words: "... (os error 28)"
            found = re.search(r"os error (\d+)", str(error))
            number = int(found[1]) if found else errno.EIO
            raise OSError(number, os.strerror(number), str(path)) from error


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save` wrote beside the tensors, and none of them.

    Raises:
        ConfigError: as `load`.
    """
    try:
        with safe_open(str(path), framework="np") as file:
            state = json.loads(file.metadata()[_KEY])
            if isinstance(state, dict):
                return state
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(path), f"not a checkpoint of this trainer ({error})") from error
    raise ConfigError(str(path), "not a checkpoint of this trainer")


def load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        ConfigError: there is no such file, or it is not a checkpoint of this trainer.
    """
    try:
        with safe_open(str(path), framework="pt") as file:
            state = json.loads(file.metadata()[_KEY])
            return {name: file.get_tensor(name) for name in file.keys()}, state  # noqa: SIM118 (no mapping)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(str(path), f"not a checkpoint of this trainer ({error})") from error


def pack(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors under `prefix.name`."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def unpack(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors that `pack` put under `prefix`."""
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def pack_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return an optimizer's tensors by parameter number and name; the groups' settings come from the run's."""
    state = optimizer.state_dict()["state"]
    return {f"optimizer.{number}.{name}": value for number, slot in state.items() for name, value in slot.items()}


def unpack_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Put back what `pack_optimizer` took; the optimizer has the same parameters."""
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in unpack("optimizer", tensors).items():
        number, name = key.split(".", 1)
        slots.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": slots, "param_groups": optimizer.state_dict()["param_groups"]})
