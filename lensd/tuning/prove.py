"""Prove a lens in a runtime: the golden pair comes out, and how fast.

In a process of its own, `python -m lensd.tuning.prove RUNTIME PACKAGE`, a runtime that crashes or hangs costs nothing
but that process. It says how far a plan's build is as `{"progress": 0.4}`, a line each, and last the proof or the
error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
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
from lensd.lens.manifest import Precision
from lensd.lens.network import check_network
from lensd.lens.package import open_package
from lensd.parent import die_with_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lensd.lens.package import LensPackage
    from lensd.ports import Engine

_RUNS = 15
_NICENESS = 10


@dataclass(frozen=True, slots=True)
class Proof:
    """A lens that comes out right in a runtime.

    Attributes:
        runtime: what ran it, also where "auto" was asked for.
        psnr_db: how near to the golden picture, 99 where equal.
        best_ms: the quickest of 15 frames, from the caller's buffer into the caller's; other programs slow the rest.
        cpu_ms: the least processor time of 15 frames, all threads together: what a frame costs, however busy the
            machine is.
        load_ms: processor time from nothing to ready to draw, the runtime's own import included.
        network_sha256: of the network that was run.
    """

    runtime: str
    psnr_db: float
    best_ms: float
    cpu_ms: float
    load_ms: float
    network_sha256: str


def prove(
    package: LensPackage,
    runtime: RuntimeChoice,
    precision: Precision = "float32",
    report: Callable[[float], None] | None = None,
) -> Proof:
    """Run the golden pair of a generator in `runtime`, with its network in `precision`.

    Args:
        package: whose lens.
        runtime: which is to run it.
        precision: which of its networks.
        report: told the share done, 0..1, while a plan has to be built first.

    Raises:
        LensError: not a generator, a network that is not allowed, or another picture than the golden one.
        EngineError: the runtime is missing or cannot run the network.
    """
    manifest = package.manifest
    if manifest.crop is None or manifest.generator is None:
        raise LensError(f"lens {package.name}", f"is of kind {manifest.kind} and has no network", "lensd lenses")
    network = package.network_in(precision)
    check_network(network, manifest.crop.size_px, f"{package.name}.lens in {precision}")
    begin = time.process_time()
    with closing(open_engine(network, runtime=runtime, name=f"lens {package.name}", report=report)) as engine:
        return prove_engine(package, engine, precision, begin)


def prove_engine(
    package: LensPackage, engine: Engine, precision: Precision = "float32", begin: float | None = None
) -> Proof:
    """Run the golden pair of a generator in `engine`, which has its network in `precision`; the caller closes it.

    `begin` is when its loading began, by `time.process_time`; without it the loading counts as nothing.

    Raises:
        LensError: another picture than the golden one.
        EngineError: the network could not be run.
    """
    result = check_golden(package, engine, precision)
    load_ms = 0.0 if begin is None else 1e3 * (time.process_time() - begin)
    x, out = golden_pair(package)
    times_ms, cpu_ms = [], []
    for _ in range(_RUNS):
        begin, cpu = time.perf_counter(), time.process_time()
        engine.infer(x, out)
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        times_ms.append(1e3 * (time.perf_counter() - begin))
    return Proof(
        engine.runtime,
        round(min(result.psnr_db, 99.0), 1),
        round(min(times_ms), 2),
        round(min(cpu_ms), 2),
        round(load_ms),
        hashlib.sha256(package.network_in(precision)).hexdigest(),
    )


def command(runtime: str, path: Path, precision: str = "float32", *, beside: bool = False) -> list[str]:
    """Return the command line that proves the package at `path`; `beside` a lens that runs it gives way to all else."""
    line = [sys.executable, "-m", "lensd.tuning.prove", runtime, str(path), "--precision", precision]
    return [*line, "--beside"] if beside else line


def answer_of(what: str, output: str, complaints: str, status: int) -> Proof:
    """Return the proof that such a process has written.

    Args:
        what: how errors call it.
        output, complaints: all that it wrote to standard output and to standard error.
        status: how it ended.

    Raises:
        LensdError: as `prove`; EngineError also where the process crashed.
    """
    last = output.strip().splitlines()[-1:]
    answer = json.loads(last[0]) if last and last[0].startswith("{") else {}
    if "psnr_db" in answer:
        return Proof(**answer)
    if "why" in answer:
        raise LensdError(answer["what"], answer["why"], answer["hint"])
    said = complaints.strip().splitlines()[-1:] or [f"exit status {status}"]
    why = f"crashed: killed by signal {-status}" if status < 0 else f"crashed: {said[0]}"
    raise EngineError(what, why, "lensd run --runtime onnxruntime")


def prove_apart(path: Path, runtime: str, timeout_s: float) -> Proof:
    """Do `prove` with the package at `path` in a process of its own.

    Raises:
        LensdError: as `prove`; EngineError also where the process crashed or took longer than `timeout_s`.
    """
    what = f"{path.name} in {runtime}"
    line = command(runtime, path)
    try:
        done = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        raise EngineError(what, f"gave no picture within {timeout_s:g} s") from None
    return answer_of(what, done.stdout, done.stderr, done.returncode)


def main(arguments: list[str]) -> int:
    """Prove one package in one runtime and write the proof, or the error, as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m lensd.tuning.prove", description="Prove a lens in a runtime.")
    parser.add_argument("runtime", choices=get_args(RuntimeChoice))
    parser.add_argument("package", type=Path)
    parser.add_argument("--precision", choices=get_args(Precision), default="float32")
    parser.add_argument("--beside", action="store_true", help="give way to all else, and end with who asked")
    options = parser.parse_args(arguments)
    if options.beside:
        die_with_parent()
        os.nice(_NICENESS)

    def say(answer: Mapping[str, object]) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    try:
        proof = prove(
            open_package(options.package),
            cast("RuntimeChoice", options.runtime),
            cast("Precision", options.precision),
            lambda share: say({"progress": round(share, 3)}),
        )
    except LensdError as error:
        say(error.as_dict())
        return error.exit_status
    say(asdict(proof))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
