"""What a lens costs on this machine: multiplications, parameters, milliseconds a frame in each runtime, and parity."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np

from lensd.engine.select import candidates, open_engine
from lensd.errors import EngineError, LensError
from lensd.evaluation.quality import PSNR_MAX_DB
from lensd.lens.golden import golden_pair
from lensd.lens.manifest import Precision
from lensd.lens.network import check_network

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lensd.config import RuntimeChoice
    from lensd.frames import F32, U8
    from lensd.lens.package import LensPackage
    from lensd.ports import Engine

RUNS, _WARM_UP = 31, 3


@dataclass(frozen=True, slots=True)
class RuntimeCost:
    """One network in one runtime.

    Attributes:
        runtime, precision: what ran.
        median_ms: of 31 frames, the runtimes taking turns, so that another program's load falls on all.
        parity_db: its golden picture against that of float32 in ONNX Runtime, colour times matte and matte; at most 99.
    """

    runtime: str
    precision: str
    median_ms: float
    parity_db: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a generator costs.

    Attributes:
        gmac: multiplications of one frame, 10^9, counted as they are done. parameters: elements of its constants.
        network_mb: the float32 network's file, 10^6 bytes.
        runtimes: those that ran. refused: those that did not, with the reason.
    """

    gmac: float
    parameters: int
    network_mb: float
    runtimes: tuple[RuntimeCost, ...]
    refused: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the figures as JSON carries them."""
        ran = [
            {
                "runtime": row.runtime,
                "precision": row.precision,
                "median_ms": round(row.median_ms, 3),
                "parity_db": round(row.parity_db, 2),
            }
            for row in self.runtimes
        ]
        head = {"gmac": round(self.gmac, 4), "parameters": self.parameters, "network_mb": round(self.network_mb, 3)}
        return {**head, "runtimes": ran, "refused": [{"runtime": name, "why": why} for name, why in self.refused]}


def measure_cost(
    package: LensPackage, tell: Callable[[], None] = lambda: None, also: Sequence[Engine] = ()
) -> Cost | None:
    """Return what the generator in `package` costs; None for an overlay.

    Args:
        package: the lens.
        tell: called after each round of 31.
        also: engines of the same network that the caller has, float32, such as torch on its checkpoint; left open.

    Raises:
        LensError: a network that is not allowed, or a golden pair that cannot be used.
        EngineError: ONNX Runtime itself cannot run it.
    """
    manifest = package.manifest
    if manifest.crop is None or manifest.generator is None:
        return None
    facts = check_network(package.network, manifest.crop.size_px, f"{package.name}.lens/{manifest.generator.network}")
    x, out = golden_pair(package)
    out = out.copy()
    refused = [(row.runtime, row.why) for row in candidates() if not row.available]
    engines: list[tuple[str, str, Engine]] = []
    with ExitStack() as stack:
        reference = stack.enter_context(closing(open_engine(package.network, runtime="onnxruntime")))
        reference.infer(x, out)
        wanted = _seen(out)
        for runtime in (row.runtime for row in candidates() if row.available):
            for precision in get_args(Precision):
                if manifest.generator.variant(precision) is None:
                    continue
                try:
                    engine = _engine(package, manifest.crop.size_px, runtime, precision)
                except (EngineError, LensError) as error:
                    refused.append((f"{runtime}, {precision}", error.why))
                else:
                    engines.append((runtime, precision, stack.enter_context(closing(engine))))
        engines += [(engine.runtime, "float32", engine) for engine in also]
        parities = []
        for _, _, engine in engines:
            engine.infer(x, out)
            parities.append(_psnr_db(_seen(out), wanted))
        times_ms = _take_turns([engine for _, _, engine in engines], x, out, tell)
    rows = [
        RuntimeCost(runtime, precision, ms, parity)
        for (runtime, precision, _), ms, parity in zip(engines, times_ms, parities, strict=True)
    ]
    return Cost(facts.macs / 1e9, facts.parameters, len(package.network) / 1e6, tuple(rows), tuple(refused))


def _engine(package: LensPackage, size_px: int, runtime: str, precision: Precision) -> Engine:
    network = package.network_in(precision)
    check_network(network, size_px, f"{package.name}.lens in {precision}")
    return open_engine(network, runtime=cast("RuntimeChoice", runtime), name=f"lens {package.name}")


def _take_turns(engines: list[Engine], x: U8, out: U8, tell: Callable[[], None]) -> list[float]:
    times: list[list[float]] = [[] for _ in engines]
    for run in range(_WARM_UP + RUNS):
        for engine, taken in zip(engines, times, strict=True):
            begin = time.perf_counter()
            engine.infer(x, out)
            if run >= _WARM_UP:
                taken.append(1e3 * (time.perf_counter() - begin))
        tell()
    return [median(taken) for taken in times]


def _seen(layer: U8) -> F32:
    picture: F32 = layer[0].astype(np.float32)
    picture[..., :3] *= picture[..., 3:] / 255
    return picture


def _psnr_db(a: F32, b: F32) -> float:
    square = float(np.square(a - b).mean())
    return PSNR_MAX_DB if square == 0 else min(PSNR_MAX_DB, 10 * float(np.log10(255**2 / square)))
