"""A small GPU that is not there: the calls of CUDA and TensorRT that an engine makes, with a ledger of what is held.

Device memory is host memory, a stream runs at once, a capture records; the network is y = 255 - x. `fail_at` makes the
n-th call answer with an error, as a GPU that is full or lost does.
"""
# ruff: noqa: N802, N815 — the names are CUDA's and TensorRT's

from __future__ import annotations

import ctypes
from types import SimpleNamespace

OUT_OF_MEMORY = 2
INVALID_VALUE = 1


class FakeCuda:
    """Stands for `cuda.bindings.runtime`."""

    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice="to device", cudaMemcpyDeviceToHost="to host")
    cudaStreamCaptureMode = SimpleNamespace(cudaStreamCaptureModeThreadLocal="thread local")

    def __init__(self, fail_at: int | None = None) -> None:
        self.calls: list[str] = []
        self.held: dict[int, str] = {}
        self.given_back: list[str] = []
        self.fail_at = fail_at
        self.recording: list | None = None
        self._memory: dict[int, ctypes.Array] = {}
        self._graphs: dict[int | None, list] = {}
        self._next = 1000

    def _call(self, name: str) -> int:
        self.calls.append(name)
        return OUT_OF_MEMORY if len(self.calls) == self.fail_at else 0

    def _take(self, name: str, kind: str, handle: int | None = None) -> tuple:
        if code := self._call(name):
            return code, None
        self._next += 1
        handle = self._next if handle is None else handle
        self.held[handle] = kind
        return 0, handle

    def _give(self, name: str, kind: str, handle: int) -> tuple:
        code = self._call(name)
        if self.held.get(handle) != kind:
            return (INVALID_VALUE,)
        self.given_back.append(self.held.pop(handle))  # a failing call of this kind still ends the handle
        return (code,)

    def _allocate(self, name: str, kind: str, size: int) -> tuple:
        memory = (ctypes.c_uint8 * size)()
        address = ctypes.addressof(memory)
        self._memory[address] = memory
        return self._take(name, kind, address)

    def _do(self, name: str, work) -> int:
        if code := self._call(name):
            return code
        if self.recording is None:
            work()
        else:
            self.recording.append(work)
        return 0

    def cudaMalloc(self, size):
        return self._allocate("cudaMalloc", "device memory", size)

    def cudaFree(self, address):
        return self._give("cudaFree", "device memory", address)

    def cudaHostAlloc(self, size, flags):
        return self._allocate("cudaHostAlloc", "host memory", size)

    def cudaFreeHost(self, address):
        return self._give("cudaFreeHost", "host memory", address)

    def cudaStreamCreateWithFlags(self, flags):
        return self._take("cudaStreamCreateWithFlags", "stream")

    def cudaStreamDestroy(self, stream):
        return self._give("cudaStreamDestroy", "stream", stream)

    def cudaEventCreateWithFlags(self, flags):
        return self._take("cudaEventCreateWithFlags", "event")

    def cudaEventDestroy(self, event):
        return self._give("cudaEventDestroy", "event", event)

    def cudaEventRecord(self, event, stream):
        return (self._call("cudaEventRecord"),)

    def cudaEventSynchronize(self, event):
        return (self._call("cudaEventSynchronize"),)

    def cudaMemcpyAsync(self, to, source, size, kind, stream):
        device = to if kind == "to device" else source
        if self.held.get(device) != "device memory" or self.held.get(stream) != "stream":
            return (INVALID_VALUE,)
        return (self._do(f"cudaMemcpyAsync {kind}", lambda: ctypes.memmove(to, source, size)),)

    def cudaStreamBeginCapture(self, stream, mode):
        if code := self._call("cudaStreamBeginCapture"):
            return (code,)
        self.recording = []
        return (0,)

    def cudaStreamEndCapture(self, stream):
        recorded, self.recording = self.recording, None
        code, graph = self._take("cudaStreamEndCapture", "graph")
        self._graphs[graph] = recorded
        return code, graph

    def cudaGraphInstantiate(self, graph, flags):
        code, executable = self._take("cudaGraphInstantiate", "executable")
        self._graphs[executable] = self._graphs[graph]
        return code, executable

    def cudaGraphDestroy(self, graph):
        return self._give("cudaGraphDestroy", "graph", graph)

    def cudaGraphLaunch(self, executable, stream):
        if self.held.get(executable) != "executable":
            return (INVALID_VALUE,)
        return (self._do("cudaGraphLaunch", lambda: [work() for work in self._graphs[executable]]),)

    def cudaGraphExecDestroy(self, executable):
        return self._give("cudaGraphExecDestroy", "executable", executable)

    def cudaGetErrorName(self, code):
        return 0, {OUT_OF_MEMORY: b"cudaErrorMemoryAllocation"}.get(code, b"cudaErrorInvalidValue")

    def cudaGetErrorString(self, code):
        return 0, {OUT_OF_MEMORY: b"out of memory"}.get(code, b"invalid argument")


class FakeTensorRt:
    """Stands for the module; its one plan is b"plan", its context works on `cuda`'s memory."""

    __version__ = "11.4.0"
    DataType = SimpleNamespace(UINT8="DataType.UINT8", FLOAT="DataType.FLOAT", HALF="DataType.HALF")
    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")

    class ILogger:
        ERROR, INTERNAL_ERROR = "error", "internal error"

    def __init__(
        self, cuda: FakeCuda, *, dtype: str = "DataType.UINT8", runs: bool = True, context: bool = True, faces: int = 1
    ) -> None:
        self.cuda, self.dtype, self.runs, self.context, self.faces = cuda, dtype, runs, context, faces

    def Runtime(self, logger):
        return _Runtime(self, logger)


class _Runtime:
    def __init__(self, module, logger):
        self.module, self.logger = module, logger

    def deserialize_cuda_engine(self, plan):
        if plan != b"plan":
            self.logger.log("error", "Serialization assertion magicTag == kMAGIC failed.\nmore")
            return None
        return _Engine(self)


class _Engine:
    num_io_tensors = 2

    def __init__(self, runtime):
        self.runtime = runtime

    def get_tensor_name(self, index):
        return "xy"[index]

    def get_tensor_mode(self, name):
        return "in" if name == "x" else "out"

    def get_tensor_shape(self, name):
        return (1 if self.runtime.module.faces == 1 else -1, 4, 4, 3)

    def get_tensor_profile_shape(self, name, profile):
        return (1, 4, 4, 3), (1, 4, 4, 3), (self.runtime.module.faces, 4, 4, 3)

    def get_tensor_dtype(self, name):
        return self.runtime.module.dtype

    def create_execution_context(self):
        return _Context(self) if self.runtime.module.context else None


class _Context:
    def __init__(self, engine):
        self.engine, self.addresses, self.count = engine, {}, 1

    def set_input_shape(self, name, shape):
        self.count = shape[0]
        return 1 <= self.count <= self.engine.runtime.module.faces

    def set_tensor_address(self, name, memory):
        self.addresses[name] = memory
        return self.engine.runtime.module.cuda.held.get(memory) == "device memory"

    def execute_async_v3(self, stream):
        module = self.engine.runtime.module
        if not module.runs or module.cuda.held.get(stream) != "stream":
            self.engine.runtime.logger.log("error", "Error Code 2: the kernel failed")
            return False
        source, to = (ctypes.cast(self.addresses[name], ctypes.POINTER(ctypes.c_uint8)) for name in "xy")

        def work():
            for index in range(48 * self.count):
                to[index] = 255 - source[index]

        return module.cuda._do("execute_async_v3", work) == 0
