"""Which runtime runs a network, and why the others do not."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lensd.engine.cuda import gpu
from lensd.errors import EngineError, RuntimeMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lensd.config import RuntimeChoice
    from lensd.ports import Engine

_log = logging.getLogger(__name__)

_NO_DEVICE_HINT = "ls /dev/dri /dev/accel"


@dataclass(frozen=True, slots=True)
class _Runtime:
    """One row of the table.

    Attributes:
        name: as in `--runtime`.
        engine: "module:Class" of its `ports.Engine`, imported on choice.
        needs: what must be installed: modules, or files inside them.
        install: the command that installs them.
        gpu: it runs on NVIDIA's GPUs only.
        device: the device files of what it runs on, one of which has to be there; empty where none is needed.
        builds: it needs a plan, which takes from a second to a minute to build.
        auto: "auto" takes it unmeasured, where it comes first.
        auto_options: what its engine is told besides, where "auto" asks.
    """

    name: str
    engine: str
    needs: tuple[str, ...]
    install: str
    gpu: bool = False
    device: str = ""
    builds: bool = False
    auto: bool = True
    auto_options: Mapping[str, Any] = field(default_factory=dict)


# In the order in which an unmeasured "auto" asks; the daemon measures (`lensd.tuning`). TensorRT times kernels for up
# to a minute before a plan is there, which nobody waits for unasked; TensorRT for RTX needs a second. OpenVINO runs
# thug-life in 4.5 ms where ONNX Runtime takes 5.5 (one thread, Zen 3), but opens in 1.2 s where that takes 0.3, and
# needs 37 MB more: taken where it was measured, or asked for.
_RUNTIMES: Final = (
    _Runtime(
        "tensorrt",
        "lensd.engine.tensorrt:TensorRtEngine",
        ("tensorrt", "cuda.bindings"),
        "pip install 'snaplens[tensorrt]'",
        gpu=True,
        builds=True,
        auto_options={"may_build": False},
    ),
    _Runtime(
        "tensorrt-rtx",
        "lensd.engine.tensorrt:TensorRtEngine",
        ("tensorrt_rtx", "cuda.bindings"),
        "pip install 'snaplens[tensorrt-rtx]'",
        gpu=True,
        builds=True,
    ),
    _Runtime(
        "onnxruntime-cuda",
        "lensd.engine.onnxruntime:OnnxRuntimeEngine",
        ("onnxruntime", "onnxruntime/capi/libonnxruntime_providers_cuda.so"),
        "pip uninstall onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'",
        gpu=True,
    ),
    _Runtime(
        "openvino",
        "lensd.engine.openvino:OpenVinoEngine",
        ("openvino",),
        "pip install 'snaplens[openvino]'",
        auto=False,
    ),
    _Runtime(
        "openvino-gpu",
        "lensd.engine.openvino:OpenVinoEngine",
        ("openvino",),
        "pip install 'snaplens[openvino]'",
        device="/dev/dri/renderD*",
        auto=False,
    ),
    _Runtime(
        "openvino-npu",
        "lensd.engine.openvino:OpenVinoEngine",
        ("openvino",),
        "pip install 'snaplens[openvino]'",
        device="/dev/accel/accel*",
        auto=False,
    ),
    _Runtime("onnxruntime", "lensd.engine.onnxruntime:OnnxRuntimeEngine", ("onnxruntime",), "pip install onnxruntime"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A runtime as it looks on this machine, before it is tried.

    Attributes:
        runtime: its name.
        available: what it needs is there; only running a network proves more.
        why: why not; empty where available.
        hint: the command that mends it.
    """

    runtime: str
    available: bool
    why: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, and the runtimes that were asked before it."""

    engine: Engine
    refused: tuple[Candidate, ...]


def candidates() -> tuple[Candidate, ...]:
    """Return every runtime in the order of preference, each looked at in milliseconds: no runtime is imported."""
    return tuple(_candidate(row) for row in _RUNTIMES)


def open_engine(
    network: bytes,
    *,
    runtime: RuntimeChoice = "auto",
    name: str = "network",
    may_build: bool = True,
    report: Callable[[float], None] | None = None,
) -> Engine:
    """Return `network` loaded and ready in `runtime`; see `choose`.

    Args:
        network, runtime, name: as `choose`.
        may_build: where `runtime` needs a plan and none is kept, wait for one; else RuntimeMissing says so.
        report: told the share done, 0..1, while that plan is built.

    Raises:
        RuntimeMissing, EngineError: as `choose`.
    """
    if runtime != "auto" and (row := _row(runtime)).builds:
        return _open(row, network, name, may_build=may_build, report=report)
    return choose(network, runtime=runtime, name=name).engine


def needs_plan(runtime: str) -> bool:
    """Say whether a runtime, by its name, runs a plan that has to be built first."""
    return _row(runtime).builds


def builds_for_long(runtime: str) -> bool:
    """Say whether the plan that a runtime needs takes up to a minute to build, which nobody waits for unasked."""
    return _row(runtime).auto_options.get("may_build") is False


def choose(network: bytes, *, runtime: RuntimeChoice = "auto", name: str = "network") -> Choice:
    """Load `network` in the runtime named, or in the first that takes it; the choice and its reasons are logged.

    Args:
        network: an ONNX file's bytes, one fixed uint8 input, one fixed uint8 or float32 output.
        runtime: a runtime's name, which is then the only one tried, or "auto".
        name: how errors and the log call the network.

    Raises:
        RuntimeMissing: the runtime is not installed or has no device; with "auto", none has.
        EngineError: the network itself cannot be used.
    """
    if runtime != "auto":
        return Choice(_open(_row(runtime), network, name), ())
    refused: list[Candidate] = []
    failure: EngineError | None = None
    for row in _RUNTIMES:
        if not row.auto:
            continue
        try:
            engine = _open(row, network, name, **row.auto_options)
        except EngineError as error:
            refused.append(Candidate(row.name, available=False, why=error.why, hint=error.hint))
            failure = error
            continue
        _report(name, engine.runtime, refused)
        return Choice(engine, tuple(refused))
    raise failure or RuntimeMissing(name, "there is no runtime to run it", _RUNTIMES[-1].install)


def _row(runtime: str) -> _Runtime:
    return next(row for row in _RUNTIMES if row.name == runtime)


def _open(row: _Runtime, network: bytes, name: str, **options: Any) -> Engine:
    candidate = _candidate(row)
    if not candidate.available:
        raise RuntimeMissing(row.name, candidate.why, candidate.hint)
    module, _, kind = row.engine.partition(":")
    try:
        factory: Callable[..., Engine] = getattr(import_module(module), kind)
    except (ImportError, OSError) as error:
        raise RuntimeMissing(row.name, f"installed, but does not load: {error}", row.install) from error
    return factory(network, runtime=row.name, name=name, **options)


def _candidate(row: _Runtime) -> Candidate:
    if row.gpu:  # first: without one, installing more is no help
        try:
            gpu()
        except RuntimeMissing as error:
            return Candidate(row.name, available=False, why=error.why, hint=error.hint)
    if row.device and not any(Path("/").glob(row.device.lstrip("/"))):
        return Candidate(row.name, available=False, why=f"there is no {row.device}", hint=_NO_DEVICE_HINT)
    if missing := next((need for need in row.needs if not _installed(need)), ""):
        return Candidate(row.name, available=False, why=f"{missing} is not installed", hint=row.install)
    return Candidate(row.name, available=True)


def _installed(need: str) -> bool:
    """Whether a module, or a file inside one ("module/path"), is there; nothing heavy is imported."""
    module, _, inside = need.partition("/")
    try:
        spec = find_spec(module)
    except ModuleNotFoundError:  # of the package around it
        return False
    if spec is None:
        return False
    return not inside or any((Path(folder) / inside).exists() for folder in spec.submodule_search_locations or ())


def _report(name: str, runtime: str, refused: list[Candidate]) -> None:
    """Say which runtime serves and why not a better one; loudly where a GPU lies idle."""
    try:
        gpu()
        level = logging.WARNING
    except RuntimeMissing:
        level = logging.INFO
    if not refused:
        level = logging.INFO
    reasons = "; ".join(f"{candidate.runtime}: {candidate.why}" for candidate in refused)
    _log.log(level, "%s runs in %s%s", name, runtime, f" ({reasons})" if reasons else "")
