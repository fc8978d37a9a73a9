"""Where a run computes, and how it is set up for it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import torch

from lensd.errors import ConfigError

# x86 with AVX-512 or AMX, ARM: what multiplies bfloat16. Without them it is widened, and slower than float32.
_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}


def device_named(name: str, *, threads: int | None = None) -> torch.device:
    """Return the device "auto", "cpu" or "cuda[:N]", made ready.

    Args:
        name: "auto" takes a GPU where there is one.
        threads: CPU threads; torch's own choice where None.

    Raises:
        ConfigError: no such device.
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
        torch.backends.cudnn.benchmark = True  # all steps have one shape
        torch.set_float32_matmul_precision("high")
    return device


def precision_for(wanted: str, device: torch.device) -> str:
    """Return "fp32", "bf16" or "fp64": what is `wanted`, or for "auto" bf16 where `device` has instructions for it.

    Raises:
        ConfigError: bfloat16 is wanted of a GPU that has none.
    """
    there = torch.cuda.is_bf16_supported(including_emulation=False) if device.type == "cuda" else _cpu_has_bf16()
    if wanted == "auto":
        return "bf16" if there else "fp32"
    if wanted == "bf16" and device.type == "cuda" and not there:
        raise ConfigError("precision", "this GPU has no bfloat16", "--precision fp32")
    return wanted


def compiles(device: torch.device) -> bool:
    """Say whether torch.compile is worth its minutes: on a GPU, for which Triton makes the code."""
    return device.type == "cuda" and find_spec("triton") is not None


def _cpu_has_bf16() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    listed = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return bool(_FLAGS & set(listed.split()))
