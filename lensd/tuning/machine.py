"""What makes a measurement valid: the networks, this machine, and the libraries that are installed."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lensd import __version__
from lensd.engine.cuda import gpu
from lensd.errors import RuntimeMissing
from lensd.lens.manifest import Precision

if TYPE_CHECKING:
    from lensd.lens.package import LensPackage

_DISTRIBUTIONS = ("onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "tensorrt_rtx", "cuda-bindings")
_ACCELERATORS = ("/dev/dri/renderD*", "/dev/accel/accel*")


def precisions(package: LensPackage) -> tuple[Precision, ...]:
    """Return in which precisions a package has its network; none of an overlay."""
    spec = package.manifest.generator
    return () if spec is None else tuple(each for each in get_args(Precision) if spec.variant(each) is not None)


def key_of(package: LensPackage) -> dict[str, Any]:
    """Return the key under which the measurements of a generator hold; JSON can carry it."""
    networks = {each: hashlib.sha256(package.network_in(each)).hexdigest() for each in precisions(package)}
    return {"networks": networks, "machine": machine(), "versions": versions()}


@cache
def machine() -> dict[str, Any]:
    """Return what this machine computes with: processor, GPU and its driver, other accelerators' device files."""
    try:
        found = gpu()
        nvidia = f"{found.name} {found.compute_capability} {found.driver}"
    except RuntimeMissing:
        nvidia = ""
    nodes = [str(path) for pattern in _ACCELERATORS for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    return {"processor": _processor(), "cores": os.cpu_count(), "gpu": nvidia, "accelerators": nodes}


@cache
def versions() -> dict[str, str]:
    """Return the versions of the runtimes that are installed, and of this program; nothing is imported."""
    found = {"snaplens": __version__}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Return the processor's name, and a digest of its abilities: another kernel or hypervisor may hide some."""
    facts = {"model name": platform.machine(), "flags": ""}
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in facts:
            facts[name.strip()] = value.strip()
        elif not line and facts["flags"]:
            break
    return f"{facts['model name']} {hashlib.sha256(facts['flags'].encode()).hexdigest()[:12]}"
