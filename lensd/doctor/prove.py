"""Prove a lens in a runtime: the golden pair comes out, and how fast.

In a process of its own, `python -m lensd.doctor.prove RUNTIME PACKAGE`, a runtime that crashes or hangs costs nothing
but that process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from lensd.config import RuntimeChoice
from lensd.engine.select import open_engine
from lensd.errors import EngineError, LensdError, LensError
from lensd.lens.golden import check_golden, golden_pair
from lensd.lens.network import check_network
from lensd.lens.package import open_package

if TYPE_CHECKING:
    from lensd.lens.manifest import Precision
    from lensd.lens.package import LensPackage
    from lensd.ports import Engine

_RUNS = 15


@dataclass(frozen=True, slots=True)
class Proof:
    """A lens that comes out right in a runtime.

    Attributes:
        runtime: what ran it, also where "auto" was asked for.
        psnr_db: how near to the golden picture, 99 where equal.
        best_ms: the quickest of 15 frames, from the caller's buffer into the caller's; other programs slow the rest.
    """

    runtime: str
    psnr_db: float
    best_ms: float


def prove(package: LensPackage, runtime: RuntimeChoice, precision: Precision = "float32") -> Proof:
    """Run the golden pair of a generator in `runtime`, with its network in `precision`.

    Raises:
        LensError: not a generator, a network that is not allowed, or another picture than the golden one.
        EngineError: the runtime is missing or cannot run the network.
    """
    manifest = package.manifest
    if manifest.crop is None or manifest.generator is None:
        raise LensError(f"lens {package.name}", f"is of kind {manifest.kind} and has no network", "lensd lenses")
    network = package.network_in(precision)
    check_network(network, manifest.crop.size_px, f"{package.name}.lens in {precision}")
    with closing(open_engine(network, runtime=runtime, name=f"lens {package.name}")) as engine:
        return prove_engine(package, engine, precision)


def prove_engine(package: LensPackage, engine: Engine, precision: Precision = "float32") -> Proof:
    """Run the golden pair of a generator in `engine`, which has its network in `precision`; the caller closes it.

    Raises:
        LensError: another picture than the golden one.
        EngineError: the network could not be run.
    """
    result = check_golden(package, engine, precision)
    x, out = golden_pair(package)
    times_ms = []
    for _ in range(_RUNS):
        begin = time.perf_counter()
        engine.infer(x, out)
        times_ms.append(1e3 * (time.perf_counter() - begin))
    return Proof(engine.runtime, round(min(result.psnr_db, 99.0), 1), round(min(times_ms), 2))


def prove_apart(path: Path, runtime: str, timeout_s: float) -> Proof:
    """Do `prove` with the package at `path` in a process of its own.

    Raises:
        LensdError: as `prove`; EngineError also where the process crashed or took longer than `timeout_s`.
    """
    what = f"{path.name} in {runtime}"
    command = [sys.executable, "-m", "lensd.doctor.prove", runtime, str(path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise EngineError(what, f"gave no picture within {timeout_s:g} s") from None
    last = done.stdout.strip().splitlines()[-1:]
    answer = json.loads(last[0]) if last and last[0].startswith("{") else {}
    if "psnr_db" in answer:
        return Proof(**answer)
    if "why" in answer:
        raise LensdError(answer["what"], answer["why"], answer["hint"])
    said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
    why = f"crashed: killed by signal {-done.returncode}" if done.returncode < 0 else f"crashed: {said[0]}"
    raise EngineError(what, why, "lensd run --runtime onnxruntime")


def main(arguments: list[str]) -> int:
    """Prove one package in one runtime and write the proof, or the error, as one JSON object."""
    if len(arguments) != 2 or arguments[0] not in get_args(RuntimeChoice):
        sys.stderr.write(f"usage: python -m lensd.doctor.prove {'|'.join(get_args(RuntimeChoice))} PACKAGE\n")
        return 2
    try:
        proof = prove(open_package(Path(arguments[1])), cast("RuntimeChoice", arguments[0]))
    except LensdError as error:
        sys.stdout.write(json.dumps(error.as_dict()) + "\n")
        return error.exit_status
    sys.stdout.write(json.dumps(asdict(proof)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
