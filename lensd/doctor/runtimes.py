"""The runtimes, and every learned lens proved in each that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lensd.doctor.report import Finding
from lensd.engine.cuda import gpu
from lensd.engine.select import candidates
from lensd.errors import LensdError, RuntimeMissing
from lensd.lens.catalogue import read_catalogue
from lensd.tuning.prove import prove_apart

if TYPE_CHECKING:
    from collections.abc import Iterator

_ON_GPU = ("tensorrt", "tensorrt-rtx", "onnxruntime-cuda")
PROOF_S = 90.0  # TensorRT may have to build a plan first
_PERIOD_MS = 1000 / 30


def graphics() -> Iterator[Finding]:
    """The GPU and its driver; that there is none is no fault."""
    try:
        found = gpu()
    except RuntimeMissing as error:
        yield Finding("gpu", "ok", f"none that CUDA shows: {error.why}")
        return
    capability = "{}.{}".format(*found.compute_capability)
    driver = f"{found.driver // 1000}.{found.driver % 1000 // 10}"
    yield Finding("gpu", "ok", f"{found.name}, compute capability {capability}, a driver for CUDA {driver}")


def runtimes() -> Iterator[Finding]:
    """What is installed and has a device; where a GPU lies idle, the command that puts it to work."""
    found = candidates()
    try:
        idle = "" if any(each.available and each.runtime in _ON_GPU for each in found) else gpu().name
    except RuntimeMissing:
        idle = ""
    for each in found:
        name = f"runtime {each.runtime}"
        if each.available:
            yield Finding(name, "ok", "is here")
        elif each.runtime == "onnxruntime":
            yield Finding(name, "fail", each.why, each.hint)
        elif idle and each.runtime == "tensorrt-rtx":
            yield Finding(name, "warn", f"{idle} lies idle: {each.why}", each.hint)
        else:
            yield Finding(name, "ok", f"not used: {each.why}")


def lenses() -> Iterator[Finding]:
    """Every lens package that there is, and every learned one on its golden pair in every runtime that is there."""
    catalogue = read_catalogue()
    for skipped in catalogue.skipped:
        why = f"{skipped.error.what}: {skipped.error.why}"
        yield Finding(f"lens {skipped.path.name}", "fail", why, skipped.error.hint or "lensd lenses")
    there = [each.runtime for each in candidates() if each.available]
    for lens in catalogue.lenses:
        if lens.kind != "generator" or lens.path is None:
            continue
        for runtime in there:
            name = f"lens {lens.name} in {runtime}"
            try:
                proof = prove_apart(lens.path, runtime, PROOF_S)
            except LensdError as error:
                yield Finding(name, "fail", f"{error.what}: {error.why}", error.hint)
                continue
            detail = f"golden pair {proof.psnr_db:g} dB, {proof.best_ms:g} ms a frame"
            slow = proof.best_ms > _PERIOD_MS
            yield Finding(name, "warn" if slow else "ok", detail + (", too slow for 30 a second" if slow else ""))
