"""The GPU: what is there, and the few CUDA calls that an engine needs, every one checked.

What is there is asked of the driver's own library through ctypes: that needs no package, takes a millisecond, and
stops at `cuInit`. TensorRT without a driver does not stop: its runtime object is dead and then crashes the process.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from lensd.errors import EngineError, RuntimeMissing

if TYPE_CHECKING:
    from collections.abc import Callable

_DRIVER_HINT = "install NVIDIA's driver (sudo apt install nvidia-driver, or ubuntu-drivers install), then reboot"
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR
_NO_DEVICE = 100
_BLOCKING_SYNC, _DISABLE_TIMING = 1, 2  # cudaEventBlockingSync, cudaEventDisableTiming
_NON_BLOCKING = 1  # cudaStreamNonBlocking


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU that CUDA shows (CUDA_VISIBLE_DEVICES chooses).

    Attributes:
        name: as the driver says it, such as "NVIDIA GeForce RTX 4070".
        compute_capability: major and minor, (8, 9) for that one.
        driver: the CUDA version that the driver brings, 13010 for 13.1.
    """

    name: str
    compute_capability: tuple[int, int]
    driver: int


@cache
def gpu() -> Gpu:
    """Return the GPU that engines run on.

    Raises:
        RuntimeMissing: no driver, or no device; says what `cuInit` answered.
    """
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise RuntimeMissing("CUDA", "NVIDIA's driver is not installed (no libcuda.so.1)", _DRIVER_HINT) from error
    if (code := library.cuInit(0)) != 0:
        why = "the driver sees no GPU" if code == _NO_DEVICE else f"cuInit failed: {_driver_error(library, code)}"
        raise RuntimeMissing("CUDA", why, "nvidia-smi")
    device, major, minor, driver = (ctypes.c_int() for _ in range(4))
    name = ctypes.create_string_buffer(256)
    for code in (
        library.cuDeviceGet(ctypes.byref(device), 0),
        library.cuDeviceGetName(name, len(name), device),
        library.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device),
        library.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device),
        library.cuDriverGetVersion(ctypes.byref(driver)),
    ):
        if code != 0:
            raise RuntimeMissing("CUDA", f"the GPU does not answer: {_driver_error(library, code)}", "nvidia-smi")
    return Gpu(name.value.decode(errors="replace"), (major.value, minor.value), driver.value)


def _driver_error(library: ctypes.CDLL, code: int) -> str:
    text = ctypes.c_char_p()
    library.cuGetErrorName(code, ctypes.byref(text))
    return f"{(text.value or b'unknown error').decode()} ({code})"


class Cuda:
    """CUDA's runtime calls with their error codes turned into EngineError.

    Handles and addresses are what `cuda.bindings.runtime` gives: streams, events and graphs opaque, memory as integers.
    """

    def __init__(self, runtime: Any, what: str) -> None:
        """Take `cuda.bindings.runtime`; `what` is how errors call the engine."""
        self._runtime, self._what = runtime, what

    def _call(self, function: Callable[..., tuple[Any, ...]], *arguments: Any) -> Any:
        code, *values = function(*arguments)
        if int(code) != 0:
            _, name = self._runtime.cudaGetErrorName(code)
            _, text = self._runtime.cudaGetErrorString(code)
            why = f"{function.__name__}: {text.decode()} ({name.decode()})"
            raise EngineError(self._what, why, "nvidia-smi")
        return values[0] if values else None

    def malloc(self, size: int) -> int:
        """Return the address of `size` new bytes of the GPU's memory."""
        return int(self._call(self._runtime.cudaMalloc, size))

    def free(self, address: int) -> None:
        """Give `malloc`'s memory back."""
        self._call(self._runtime.cudaFree, address)

    def host_alloc(self, size: int) -> int:
        """Return the address of `size` new bytes of page-locked memory, which the GPU reads without a copy between."""
        return int(self._call(self._runtime.cudaHostAlloc, size, 0))

    def host_free(self, address: int) -> None:
        """Give `host_alloc`'s memory back."""
        self._call(self._runtime.cudaFreeHost, address)

    def stream(self) -> Any:
        """Return a new stream that does not wait for the default one."""
        return self._call(self._runtime.cudaStreamCreateWithFlags, _NON_BLOCKING)

    def destroy_stream(self, stream: Any) -> None:
        """End a stream."""
        self._call(self._runtime.cudaStreamDestroy, stream)

    def event(self) -> Any:
        """Return a new event whose waiter sleeps: waiting on a stream turns in a loop and eats the core."""
        return self._call(self._runtime.cudaEventCreateWithFlags, _BLOCKING_SYNC | _DISABLE_TIMING)

    def destroy_event(self, event: Any) -> None:
        """End an event."""
        self._call(self._runtime.cudaEventDestroy, event)

    def to_device(self, device: int, host: int, size: int, stream: Any) -> None:
        """Queue a copy to the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._call(self._runtime.cudaMemcpyAsync, device, host, size, kind, stream)

    def to_host(self, host: int, device: int, size: int, stream: Any) -> None:
        """Queue a copy from the GPU."""
        kind = self._runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._call(self._runtime.cudaMemcpyAsync, host, device, size, kind, stream)

    def wait(self, event: Any, stream: Any) -> None:
        """Sleep until everything queued on `stream` is done; errors of that work are raised here."""
        self._call(self._runtime.cudaEventRecord, event, stream)
        self._call(self._runtime.cudaEventSynchronize, event)

    def begin_capture(self, stream: Any) -> None:
        """From here on, what is queued on `stream` is written into a graph in place of being run."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call(self._runtime.cudaStreamBeginCapture, stream, mode)

    def end_capture(self, stream: Any) -> Any:
        """Return the graph of what was queued."""
        return self._call(self._runtime.cudaStreamEndCapture, stream)

    def instantiate(self, graph: Any) -> Any:
        """Return `graph` made ready to launch."""
        return self._call(self._runtime.cudaGraphInstantiate, graph, 0)

    def destroy_graph(self, graph: Any) -> None:
        """Free a graph; what was made ready from it stays."""
        self._call(self._runtime.cudaGraphDestroy, graph)

    def launch(self, executable: Any, stream: Any) -> None:
        """Queue all of a graph with one call."""
        self._call(self._runtime.cudaGraphLaunch, executable, stream)

    def destroy_executable(self, executable: Any) -> None:
        """Free what `instantiate` returned."""
        self._call(self._runtime.cudaGraphExecDestroy, executable)
