"""Where a run computes, and how it is set up for it."""

from __future__ import annotations

import torch

from lensd.errors import ConfigError


def device_named(name: str, *, bf16: bool = False, threads: int | None = None) -> torch.device:
    """Return the device "auto", "cpu" or "cuda[:N]", made ready.

    Args:
        name: "auto" takes a GPU where there is one.
        bf16: the run will ask for bfloat16.
        threads: CPU threads; torch's own choice where None.

    Raises:
        ConfigError: no such device, or one without bfloat16 where that is asked.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    there = torch.cuda.is_available()
    if name == "auto":
        name = "cuda" if there else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError("device", f"{name!r} is no device", "auto, cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError("device", f"{name!r} is not supported", "auto, cpu or cuda")
    if device.type == "cuda":
        if not there or (device.index or 0) >= torch.cuda.device_count():
            raise ConfigError("device", f"torch finds no {name}", "--device cpu")
        if bf16 and not torch.cuda.is_bf16_supported():
            raise ConfigError("bf16", "this GPU has no bfloat16", "leave --bf16 out")
        torch.backends.cudnn.benchmark = True  # all steps have one shape
        torch.set_float32_matmul_precision("high")
    return device
