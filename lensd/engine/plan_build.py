"""Build a plan from a network: `python -m lensd.engine.plan_build --runtime R [...] OUTPUT <network.onnx`.

A process of its own does it: it takes up to a minute and gigabytes, and a crash in it must cost no picture. It says how
far it is as one JSON object a line, `{"progress": 0.4}`, and at the end `{"plan_bytes": N}` or `{"error": {...}}`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lensd.engine.batch_dimension import with_any_batch
from lensd.engine.cuda import gpu
from lensd.engine.tensorrt_api import MODULES, Listener, TensorRt, load, progress_monitor
from lensd.engine.timing_cache import TimingCache, timings_file
from lensd.errors import ConfigError, EngineError, LensdError, RuntimeMissing
from lensd.frames import MOST_FACES
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorrt_rtx as api

_NICENESS = 10
TIMINGS, BATCH = "timing cache: ", "batch: "
"""How the log's lines about them begin."""


def build_plan(
    network: bytes,
    runtime: str,
    *,
    compute_capability: str | None = None,
    name: str = "network",
    report: Callable[[float], bool] = lambda _share: True,
    hear: Callable[[str], object] = lambda _line: None,
    timings: Path | None = None,
    faces: int = MOST_FACES,
) -> bytes:
    """Return the plan of `network`, in this process.

    The network says its own precision (types are strong): half-precision weights run in half, quantised ones in INT8.

    Args:
        network: an ONNX file's bytes.
        runtime: "tensorrt", which needs the GPU that the plan is for, or "tensorrt-rtx", which needs none where
            `compute_capability` is given.
        compute_capability: such as "8.9"; None takes this machine's GPU.
        name: how errors call the network.
        report: told the share done, 0..1, perhaps from other threads; False cancels.
        hear: told what TensorRT says meanwhile, a line each; the last line is about the timing cache.
        timings: the folder where kernels' timings are kept; "tensorrt" alone has any. None keeps none.
        faces: how many pictures the plan takes at once, by an optimization profile tuned for one; a network whose first
            side cannot be made free is built for one (TensorRT's log says so).

    Raises:
        RuntimeMissing: not installed, or no GPU where one is needed, or one that the runtime does not know.
        EngineError: TensorRT cannot read or build the network.
        ConfigError: a plan for another GPU was asked of a runtime that has to run on it.
    """
    what = f"{name} in {runtime}"
    here = None if compute_capability and runtime == "tensorrt-rtx" else "{}.{}".format(*gpu().compute_capability)
    if compute_capability not in {None, here} and runtime != "tensorrt-rtx":
        why = f"this GPU has {here}, and TensorRT times its kernels on the GPU itself"
        raise ConfigError(f"compute capability {compute_capability}", why, "--runtime tensorrt-rtx")
    trt = load(runtime)
    listener = Listener(trt, hear)
    builder = trt.Builder(listener.logger)
    config = builder.create_builder_config()
    if runtime == "tensorrt-rtx":
        config.num_compute_capabilities = 1
        config.set_compute_capability(_compute_capability(compute_capability or here or ""), 0)
    cache = None
    if runtime == "tensorrt" and timings is not None:
        cache = TimingCache(config, timings_file(timings, trt.__version__, gpu()))
    monitor = progress_monitor(trt, report)
    config.progress_monitor = monitor
    definition = _definition(trt, builder, config, listener, network, what, faces, hear)
    plan = builder.build_serialized_network(definition, config)
    if plan is None:
        raise EngineError(what, listener.cause("TensorRT built no plan"))
    if cache is not None:
        hear(f"{TIMINGS}{cache.keep()} bytes kept")
    else:
        hear(f"{TIMINGS}none ({'TensorRT for RTX times nothing' if runtime == 'tensorrt-rtx' else 'not asked for'})")
    return bytes(plan)


def _definition(
    trt: TensorRt,
    builder: api.Builder,
    config: api.IBuilderConfig,
    listener: Listener,
    network: bytes,
    what: str,
    faces: int,
    hear: Callable[[str], object],
) -> api.INetworkDefinition:
    """Return the network, read for up to `faces` pictures, or for one where it allows no more."""
    if faces > 1:
        definition = builder.create_network(_strongly_typed(trt))
        try:
            _parse(trt, definition, listener, with_any_batch(network), what)
            _set_profile(builder, config, definition, faces, what)
        except (ValueError, EngineError) as error:
            hear(f"{BATCH}one picture at a time: {error}")
        else:
            hear(f"{BATCH}1 to {faces} pictures")
            return definition
    definition = builder.create_network(_strongly_typed(trt))
    _parse(trt, definition, listener, network, what)
    return definition


def _strongly_typed(trt: TensorRt) -> int:
    """Return the flag by which a network's own types hold: TensorRT 10 wants it, from 11 on there is nothing else."""
    flags = getattr(trt, "NetworkDefinitionCreationFlag", None)
    flag = getattr(flags, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _set_profile(
    builder: api.Builder, config: api.IBuilderConfig, definition: api.INetworkDefinition, faces: int, what: str
) -> None:
    """Have the plan take 1 to `faces` pictures, tuned for one, the usual case."""
    tensor, free = definition.get_input(0), definition.get_output(0).shape
    sides = tuple(tensor.shape[axis] for axis in range(1, len(tensor.shape)))
    if len(free) < 1 or free[0] != -1:
        raise EngineError(what, "its output does not follow the number of pictures")
    profile = builder.create_optimization_profile()
    profile.set_shape(tensor.name, (1, *sides), (1, *sides), (faces, *sides))
    config.add_optimization_profile(profile)


def _parse(trt: TensorRt, definition: api.INetworkDefinition, listener: Listener, network: bytes, what: str) -> None:
    parser = trt.OnnxParser(definition, listener.logger)
    if not parser.parse(network):
        otherwise = parser.get_error(0).desc() if parser.num_errors else "the network cannot be read"
        raise EngineError(what, otherwise.strip().splitlines()[0] if otherwise.strip() else listener.cause("no reason"))


def _compute_capability(text: str) -> api.ComputeCapability:
    import tensorrt_rtx

    known = tensorrt_rtx.ComputeCapability
    name = f"SM{text.replace('.', '')}"
    if "." not in text or not hasattr(known, name):
        versions = ", ".join(f"{n[2:-1]}.{n[-1]}" for n in dir(known) if n.startswith("SM"))
        raise RuntimeMissing(
            "tensorrt-rtx", f"knows no compute capability {text}; it has {versions}", "--runtime onnxruntime"
        )
    found: api.ComputeCapability = getattr(known, name)
    return found


def main(arguments: list[str]) -> int:
    """Build the network on standard input into a file; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m lensd.engine.plan_build", description="Build a TensorRT plan.")
    parser.add_argument("output", type=Path, help="the plan's file")
    parser.add_argument("--runtime", required=True, choices=sorted(MODULES))
    parser.add_argument("--compute-capability", help="such as 8.9; without it, this machine's GPU")
    parser.add_argument("--log", type=Path, default=os.devnull, help="write here what TensorRT says")
    parser.add_argument("--timings", type=Path, help="folder of the timing cache; without it, none is kept")
    parser.add_argument("--name", default="network", help="how errors call the network")
    options = parser.parse_args(arguments)

    def say(**fields: object) -> bool:
        try:
            sys.stdout.write(json.dumps(fields) + "\n")
            sys.stdout.flush()
        except OSError:  # whoever asked is gone
            return False
        return True

    os.nice(_NICENESS)
    try:
        with options.log.open("w", buffering=1) as log:
            plan = build_plan(
                sys.stdin.buffer.read(),
                options.runtime,
                compute_capability=options.compute_capability,
                name=options.name,
                report=lambda share: say(progress=round(share, 3)),
                hear=lambda line: log.write(line.rstrip() + "\n"),
                timings=options.timings,
            )
        write_whole(options.output, plan, mode=0o600)
    except LensdError as error:
        say(error=error.as_dict())
        return error.exit_status
    except OSError as error:
        say(error=EngineError(str(options.output), error.strerror or str(error)).as_dict())
        return EngineError.exit_status
    return 0 if say(plan_bytes=len(plan)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
