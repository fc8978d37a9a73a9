"""TensorRT's Python API, the same for the full TensorRT and for TensorRT for RTX."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from lensd.errors import RuntimeMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    import tensorrt_rtx as api

_log = logging.getLogger(__name__)

# Named here so that the environment, not an exception from C++, decides: the name of the module, and its extra.
MODULES = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}


class TensorRt(Protocol):
    """What both modules have of what is used here; mypy holds the real modules' stubs against it."""

    __version__: str
    DataType: type[api.DataType]
    TensorIOMode: type[api.TensorIOMode]
    ILogger: type[api.ILogger]
    IProgressMonitor: type[api.IProgressMonitor]
    OnnxParser: type[api.OnnxParser]
    Builder: type[api.Builder]
    Runtime: type[api.Runtime]


def load(runtime: str) -> TensorRt:
    """Return the module of "tensorrt" or "tensorrt-rtx".

    Raises:
        RuntimeMissing: not installed, or its libraries do not load.
    """
    try:
        if runtime == "tensorrt-rtx":
            import tensorrt_rtx

            return tensorrt_rtx
        import tensorrt
    except (ImportError, OSError, RuntimeError) as error:
        raise RuntimeMissing(
            runtime, f"its module does not load: {error}", f"pip install 'snaplens[{runtime}]'"
        ) from error
    return tensorrt


class Listener:
    """Hears what TensorRT logs: that is where its errors are, calls only answer None or False."""

    def __init__(self, trt: TensorRt, hear: Callable[[str], object] = lambda _line: None) -> None:
        """Make `logger`, to be given to TensorRT's objects; it has to live as long as they do.

        `hear` is told all that TensorRT says but its details, a line each, perhaps from other threads.
        """
        self._errors: list[str] = []
        grave = (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR)

        def log(_logger: api.ILogger, severity: object, message: str) -> None:
            if (level := getattr(severity, "name", "")) != "VERBOSE":
                hear(f"{level}: {message}")
            if severity in grave:
                self._errors.append(message)
                _log.debug("TensorRT: %s", message)

        self.logger: api.ILogger = type("Logger", (trt.ILogger,), {"log": log})()

    def cause(self, otherwise: str) -> str:
        """Return the first error since the last call (later ones follow from it), and forget them."""
        errors, self._errors = self._errors, []
        return errors[0].strip().splitlines()[0] if errors and errors[0].strip() else otherwise


def progress_monitor(trt: TensorRt, report: Callable[[float], bool]) -> api.IProgressMonitor:
    """Return a monitor that calls `report` with the share done, 0..1 and never less than before; False cancels.

    TensorRT's phases nest: a step of the outer one is as far as the phases inside it.
    """
    phases: list[list[Any]] = []  # [name, steps, done], the outermost first
    most = 0.0

    def share() -> float:
        inner = 0.0
        for _, steps, done in reversed(phases):
            inner = min((done + inner) / steps, 1.0)
        return inner

    def phase_start(_monitor: object, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        while phases and phases[-1][0] != parent_phase:
            phases.pop()
        phases.append([phase_name, max(num_steps, 1), 0])

    def step_complete(_monitor: object, phase_name: str, step: int) -> bool:
        nonlocal most
        for phase in phases:
            if phase[0] == phase_name:
                phase[2] = step + 1
        most = max(most, share())
        return report(most)

    def phase_finish(_monitor: object, phase_name: str) -> None:
        while any(phase[0] == phase_name for phase in phases):
            phases.pop()

    members = {"phase_start": phase_start, "step_complete": step_complete, "phase_finish": phase_finish}
    monitor: api.IProgressMonitor = type("Monitor", (trt.IProgressMonitor,), members)()
    return monitor
