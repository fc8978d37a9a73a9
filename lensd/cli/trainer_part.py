"""What lensd's own verbs leave to the trainer, found by name among the entry points; it may be missing."""

from __future__ import annotations

import importlib.metadata
from typing import Any

from lensd.errors import ConfigError


def trainer_part(name: str, wanted_for: str) -> Any:
    """Return the trainer's object called `name`.

    Raises:
        ConfigError: the trainer, or torch, is not installed; the message names `wanted_for` and the extra.
    """
    for point in importlib.metadata.entry_points(group="lensd.trainer", name=name):
        try:
            return point.load()
        except ImportError:
            break
    raise ConfigError(wanted_for, "needs the trainer, which is not installed", "pip install 'snaplens[trainer]'")
