"""A plan on the GPU: its memory, its stream, and one CUDA graph that does all of a frame's work."""

from __future__ import annotations

import ctypes
import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from lensd.engine.tensorrt_api import Listener
from lensd.engine.tensors import Terminals, dtype_named
from lensd.errors import EngineError
from lensd.frames import TensorSpec

if TYPE_CHECKING:
    from lensd.engine.cuda import Cuda
    from lensd.engine.tensorrt_api import TensorRt
    from lensd.engine.tensors import Array

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_DTYPES = {"DataType.UINT8": "uint8", "DataType.FLOAT": "float32"}


class PlanRunner:
    """Runs one plan; used by one thread at a time.

    All memory is taken here and given back in `close`, in the opposite order, also when taking it fails half way. A
    frame is copied into page-locked memory, then one launch sends it, runs the network and fetches the result.
    """

    def __init__(self, trt: TensorRt, cuda: Cuda, plan: bytes, what: str) -> None:
        """Load `plan` and make everything ready.

        Args:
            trt: the module that built the plan.
            cuda: CUDA's calls, checked.
            plan: as `plan_build` made it for this GPU; hash and key already checked.
            what: how errors call the engine.

        Raises:
            EngineError: TensorRT refuses the plan, the GPU's memory is full, or the network is not one that the
                frame's path can feed.
        """
        self._cuda, self._what = cuda, what
        self._listener = Listener(trt)
        with ExitStack() as held:
            self._runtime = trt.Runtime(self._listener.logger)
            self._engine = self._there(self._runtime.deserialize_cuda_engine(plan), "TensorRT refuses the plan")
            self._ends = self._terminals(trt)
            self.input, self.output = self._ends.input, self._ends.output
            self._context = self._there(self._engine.create_execution_context(), "no memory to run the plan")
            held.callback(self._forget)
            self._stream = self._hold(held, cuda.stream, cuda.destroy_stream)
            self._done = self._hold(held, cuda.event, cuda.destroy_event)
            self._host_in, self._device_in = self._buffers(held, self.input)
            self._host_out, self._device_out = self._buffers(held, self.output)
            for spec, address in ((self.input, self._device_in), (self.output, self._device_out)):
                if not self._context.set_tensor_address(spec.name, address):
                    raise EngineError(what, self._listener.cause(f"TensorRT refuses the memory of {spec.name!r}"))
            self._host_in[...] = 0
            self._enqueue()  # once outside the graph: TensorRT compiles and allocates at the first run
            cuda.wait(self._done, self._stream)
            self._executable = self._captured(held)
            self._held = held.pop_all()

    def infer(self, x: Array, out: Array) -> None:
        """Run the plan once; `x` and `out` as `ports.Engine.infer` says.

        Raises:
            EngineError: a buffer is not as specified, or the GPU failed (the runner is to be closed).
        """
        self._ends.check(x, out)
        np.copyto(self._host_in, x)
        if self._executable is None:
            self._enqueue()
        else:
            self._cuda.launch(self._executable, self._stream)
        self._cuda.wait(self._done, self._stream)
        np.copyto(out, self._host_out)

    def close(self) -> None:
        """Give everything back; a GPU that is lost is logged, nothing more can be done for it."""
        try:
            self._held.close()
        except EngineError as error:
            _log.warning("closing: %s", error)

    def _terminals(self, trt: TensorRt) -> Terminals:
        inputs: list[TensorSpec] = []
        outputs: list[TensorSpec] = []
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            shape = self._engine.get_tensor_shape(name)
            dtype = dtype_named(self._what, str(self._engine.get_tensor_dtype(name)), _DTYPES)
            kind = inputs if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT else outputs
            kind.append(TensorSpec(name, tuple(shape[axis] for axis in range(len(shape))), dtype))
        return Terminals(self._what, inputs, outputs)

    def _there(self, found: _T | None, otherwise: str) -> _T:
        if found is None:
            raise EngineError(self._what, self._listener.cause(otherwise))
        return found

    @staticmethod
    def _hold(held: ExitStack, take: Any, give_back: Any, *arguments: Any) -> Any:
        taken = take(*arguments)
        held.callback(give_back, taken)
        return taken

    def _buffers(self, held: ExitStack, spec: TensorSpec) -> tuple[Array, int]:
        """Return a tensor's page-locked memory as an array, and its address on the GPU."""
        count = int(np.prod(spec.shape))
        size = count * spec.dtype.itemsize
        host = self._hold(held, self._cuda.host_alloc, self._cuda.host_free, size)
        device = self._hold(held, self._cuda.malloc, self._cuda.free, size)
        memory = (ctypes.c_uint8 * size).from_address(host)
        return np.frombuffer(memoryview(memory), spec.dtype, count).reshape(spec.shape), device

    def _enqueue(self) -> None:
        cuda, stream = self._cuda, self._stream
        cuda.to_device(self._device_in, self._host_in.ctypes.data, self._host_in.nbytes, stream)
        if not self._context.execute_async_v3(int(stream)):
            raise EngineError(self._what, self._listener.cause("TensorRT could not run the plan"))
        cuda.to_host(self._host_out.ctypes.data, self._device_out, self._host_out.nbytes, stream)

    def _captured(self, held: ExitStack) -> Any:
        """Return a frame's work as one executable graph, or None where this network cannot be captured (logged)."""
        try:
            graph = self._graph()
        except EngineError as error:
            _log.warning("%s runs without a CUDA graph: %s", self._what, error.why)
            return None
        try:
            return self._hold(held, self._cuda.instantiate, self._cuda.destroy_executable, graph)
        finally:
            self._cuda.destroy_graph(graph)

    def _graph(self) -> Any:
        self._cuda.begin_capture(self._stream)
        try:
            self._enqueue()
        except EngineError:
            with suppress(EngineError):  # the capture has to end, or the stream is of no more use
                self._cuda.destroy_graph(self._cuda.end_capture(self._stream))
            raise
        return self._cuda.end_capture(self._stream)

    def _forget(self) -> None:
        """Drop TensorRT's objects, the youngest first: the context uses the engine, the engine the runtime."""
        del self._context, self._engine, self._runtime
