"""Options of other systems that are several of ours, or another's value."""

from __future__ import annotations

from typing import Any

from lensd.errors import ConfigError
from trainer.pix2pix.discriminators import PATCHES


def ours(given: dict[str, Any]) -> dict[str, Any]:
    """Return options as `Options` has them, from those of the field that mean several of ours or another's value.

    Raises:
        ConfigError: two that say different things.
    """
    given = dict(given)
    epochs, kind, layers = (given.pop(name, None) for name in ("n_epochs", "net_d", "n_layers_d"))
    if given.pop("bf16", False) and given.setdefault("precision", "bf16") != "bf16":
        raise ConfigError("bf16", f"and --precision {given['precision']} say different things", "leave one out")
    if epochs is not None:
        if "max_epochs" in given or "max_steps" in given:
            raise ConfigError("n_epochs", "and max_epochs or max_steps say different things", "leave one out")
        given["max_epochs"] = epochs + given.get("n_epochs_decay", 0)
    if given.get("n_epochs_decay"):
        given.setdefault("schedule", "linear")
    if layers is not None and kind in ("basic", "pixel"):
        raise ConfigError("n_layers_D", f"{kind} has its own", "--netD n_layers")
    if kind is not None or layers is not None:
        if "patch" in given:
            raise ConfigError("netD", "and patch say different things", "leave one out")
        given["patch"] = _patch(kind, layers)
    return given


def _patch(kind: str | None, layers: int | None) -> int:
    halvings = {"basic": 3, "pixel": 0}.get(kind or "", layers or 3)
    return next(patch for patch, number in PATCHES.items() if number == halvings)
