"""TensorRT and TensorRT for RTX, on NVIDIA's GPUs."""

from __future__ import annotations

import hashlib
import logging
import time
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from lensd.engine.cuda import Cuda, Gpu, gpu
from lensd.engine.gpu_memory import GpuMemory
from lensd.engine.plan_cache import PlanCache, PlanKey
from lensd.engine.plan_process import PlanBuild
from lensd.engine.plan_runner import PlanRunner
from lensd.engine.tensorrt_api import load
from lensd.errors import EngineError, RuntimeMissing
from lensd.frames import MOST_FACES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.frames import F32, U8, TensorSpec

_log = logging.getLogger(__name__)


def plan_key(network: bytes, runtime: str, version: str, device: Gpu) -> PlanKey:
    """Return what the plan of `network` is kept under; `version` is that of the runtime's module."""
    return PlanKey(
        network_sha256=hashlib.sha256(network).hexdigest(),
        runtime=runtime,
        version=version,
        compute_capability="{}.{}".format(*device.compute_capability),
        gpu=device.name if runtime == "tensorrt" else "",
        driver=device.driver,
        flags=(f"faces={MOST_FACES}", "strongly typed"),
    )


class TensorRtEngine:
    """A network in TensorRT or TensorRT for RTX; a `ports.Engine`."""

    def __init__(
        self,
        network: bytes,
        *,
        runtime: str = "tensorrt",
        name: str = "network",
        may_build: bool = True,
        plan: bytes | None = None,
        report: Callable[[float], None] | None = None,
    ) -> None:
        """Load `network`, an ONNX file's bytes, by its kept plan, or by one built now in another process.

        Args:
            network: one fixed uint8 input, one fixed uint8 or float32 output; its weights' types are kept.
            runtime: "tensorrt" or "tensorrt-rtx".
            name: how errors call the network.
            may_build: wait for a plan where none is kept: up to a minute with "tensorrt", a second with "tensorrt-rtx".
            report: told the share done, 0..1, while a plan is built.
            plan: one that was just built of `network` for this GPU, and is still to be proved: it is not kept here.

        Raises:
            RuntimeMissing: no driver, no GPU, no module, or no plan and `may_build` is false.
            EngineError: TensorRT cannot build or run the network, or the GPU's memory is full.
        """
        device = gpu()  # cuInit, before anything of TensorRT: without a GPU its runtime would crash the process
        self._name, self._runtime, self._what = name, runtime, f"{name} in {runtime}"
        trt, bindings = load(runtime), _cuda_bindings(runtime)
        cuda, memory = Cuda(bindings, self._what), _shared_memory(bindings)
        if plan is not None:
            self._runner = PlanRunner(trt, cuda, plan, self._what, memory)
            return
        cache, key = PlanCache(), plan_key(network, runtime, trt.__version__, device)
        if (plan := cache.load(key)) is not None:
            try:
                self._runner = PlanRunner(trt, cuda, plan, self._what, memory)
            except EngineError as error:
                if not may_build:
                    raise  # a full GPU, as a rule
                _log.warning("%s: the kept plan is of no use: %s", self._what, error.why)
            else:
                return
        if not may_build:
            raise RuntimeMissing(
                runtime,
                "no plan for this network yet",
                f"lensd export {name.removeprefix('lens ')} --runtime {runtime}",
            )
        plan = self._built(network, report)
        self._runner = PlanRunner(trt, cuda, plan, self._what, memory)
        cache.store(key, plan)

    def _built(self, network: bytes, report: Callable[[float], None] | None) -> bytes:
        begin = time.monotonic()
        build = PlanBuild(network, self._runtime, name=self._name)
        try:
            plan = build.result(report or (lambda _share: None))
        finally:
            build.close()
        _log.info("%s: plan built in %.1f s, %.1f MB", self._what, time.monotonic() - begin, len(plan) / 1e6)
        return plan

    @property
    def runtime(self) -> str:
        """Its name: tensorrt or tensorrt-rtx."""
        return self._runtime

    @property
    def input(self) -> TensorSpec:
        """What goes in."""
        return self._runner.input

    @property
    def output(self) -> TensorSpec:
        """What comes out."""
        return self._runner.output

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once.

        Raises:
            EngineError: a buffer is not as specified, or the GPU failed (the engine is to be closed).
        """
        self._runner.infer(x, out)

    @property
    def faces(self) -> int:
        """How many pictures `infer_many` takes at once."""
        return self._runner.faces

    def infer_many(self, x: U8, out: U8) -> None:
        """Run the network once for several pictures, as `ports.BatchEngine`.

        Raises:
            EngineError: as `infer`.
        """
        self._runner.infer(x, out)

    def close(self) -> None:
        """Give the GPU's memory back."""
        self._runner.close()


def keep_plan(network: bytes, runtime: str, plan: bytes) -> Path:
    """Keep a plan that was built for this machine's GPU, where `TensorRtEngine` finds it; return its file.

    Raises:
        RuntimeMissing: no GPU, or the runtime is not installed.
    """
    cache, key = PlanCache(), plan_key(network, runtime, load(runtime).__version__, gpu())
    cache.store(key, plan)
    return cache.path(key)


@cache
def _shared_memory(bindings: object) -> GpuMemory:
    """Return this process's memory for pictures on the GPU; the lenses that come one after the other share it."""
    return GpuMemory(Cuda(bindings, "the GPU"))


def _cuda_bindings(runtime: str) -> object:
    try:
        return import_module("cuda.bindings.runtime")
    except (ImportError, OSError, RuntimeError) as error:
        hint = f"pip install 'snaplens[{runtime}]'"
        raise RuntimeMissing(runtime, f"cuda.bindings does not load: {error}", hint) from error
