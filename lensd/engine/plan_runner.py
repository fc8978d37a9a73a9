"""A plan on the GPU: its memory, its stream, and one CUDA graph that does all of a frame's work."""

from __future__ import annotations

import ctypes
import logging
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from lensd.engine.tensorrt_api import Listener
from lensd.engine.tensors import Terminals, dtype_named
from lensd.errors import EngineError
from lensd.frames import TensorSpec

if TYPE_CHECKING:
    from lensd.engine.cuda import Cuda
    from lensd.engine.gpu_memory import GpuMemory, Kind
    from lensd.engine.tensorrt_api import TensorRt
    from lensd.engine.tensors import Array

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
_KINDS: tuple[Kind, Kind] = ("host", "device")
_DTYPES = {"DataType.UINT8": "uint8", "DataType.FLOAT": "float32"}


class _Run(NamedTuple):
    """What runs the plan for one number of pictures: a context of its own, because a graph keeps its context's shapes.

    Attributes:
        pictures: how many.
        context: TensorRT's, with the shapes set.
        executable: the captured graph; None where it could not be captured.
    """

    pictures: int
    context: Any
    executable: Any


class PlanRunner:
    """Runs one plan; used by one thread at a time.

    All that is taken here is given back in `close`, in the opposite order, also when taking it fails half way; the
    memory for pictures goes to the next lens, but after an error of the GPU. A frame is copied into page-locked
    memory, then one launch sends it, runs the network and fetches the result.

    Attributes:
        input, output: of a run for one picture.
        faces: how many pictures a run takes at most.
    """

    def __init__(self, trt: TensorRt, cuda: Cuda, plan: bytes, what: str, memory: GpuMemory) -> None:
        """Load `plan` and make everything ready.

        Args:
            trt: the module that built the plan.
            cuda: CUDA's calls, checked.
            plan: as `plan_build` made it for this GPU; hash and key already checked.
            what: how errors call the engine.
            memory: where memory for pictures comes from and goes to.

        Raises:
            EngineError: TensorRT refuses the plan, the GPU's memory is full, or the network is not one that the
                frame's path can feed.
        """
        self._cuda, self._what, self._memory = cuda, what, memory
        self._listener = Listener(trt)
        self._contexts: list[Any] = []
        self._broken = True  # until all is ready: what fails half way is not passed on
        with ExitStack() as held:
            self._runtime = trt.Runtime(self._listener.logger)
            self._engine = self._there(self._runtime.deserialize_cuda_engine(plan), "TensorRT refuses the plan")
            held.callback(self._forget)
            self.faces, self._ends = self._terminals(trt)
            self.input, self.output = self._ends[1].input, self._ends[1].output
            self._stream = self._hold(held, cuda.stream, cuda.destroy_stream)
            self._done = self._hold(held, cuda.event, cuda.destroy_event)
            self._host_in, self._device_in = self._buffers(held, self.input)
            self._host_out, self._device_out = self._buffers(held, self.output)
            self._host_in[...] = 0
            self._runs = [self._run(held, count) for count in _counts(self.faces)]
            self._held = held.pop_all()
        self._broken = False

    def infer(self, x: Array, out: Array) -> None:
        """Run the plan once for `len(x)` pictures, 1 to `faces`; else `x` and `out` as `ports.Engine.infer` says.

        Raises:
            EngineError: a buffer is not as specified, or the GPU failed (the runner is to be closed).
        """
        count = min(max(len(x), 1), self.faces)
        self._ends[count].check(x, out)
        run = next(run for run in self._runs if run.pictures >= count)
        np.copyto(self._host_in[:count], x)
        try:
            if run.executable is None:
                self._enqueue(run.context, run.pictures)
            else:
                self._cuda.launch(run.executable, self._stream)
            self._cuda.wait(self._done, self._stream)
        except EngineError:
            self._broken = True
            raise
        np.copyto(out, self._host_out[:count])

    def close(self) -> None:
        """Give everything back; a GPU that is lost is logged, nothing more can be done for it."""
        for give_back in (self._held.close, self._memory.clear if self._broken else None):
            try:
                if give_back is not None:
                    give_back()
            except EngineError as error:
                _log.warning("closing: %s", error)

    def _terminals(self, trt: TensorRt) -> tuple[int, dict[int, Terminals]]:
        """Return how many pictures the plan takes, and its ends for each number of them."""
        faces, found = 1, []
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            dims = self._engine.get_tensor_shape(name)
            shape = tuple(dims[axis] for axis in range(len(dims)))
            dtype = dtype_named(self._what, str(self._engine.get_tensor_dtype(name)), _DTYPES)
            is_input = self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
            if is_input and shape and shape[0] == -1:
                faces = self._engine.get_tensor_profile_shape(name, 0)[2][0]
            found.append((is_input, name, shape, dtype))

        def ends(count: int) -> Terminals:
            specs = [
                (is_input, TensorSpec(name, (count, *shape[1:]) if shape[:1] == (-1,) else shape, dtype))
                for is_input, name, shape, dtype in found
            ]
            inputs, outputs = ([spec for is_input, spec in specs if is_input is wanted] for wanted in (True, False))
            return Terminals(self._what, inputs, outputs)

        return faces, {count: ends(count) for count in range(1, faces + 1)}

    def _run(self, held: ExitStack, count: int) -> _Run:
        """Return what runs the plan for `count` pictures, warmed up."""
        context = self._there(self._engine.create_execution_context(), "no memory to run the plan")
        self._contexts.append(context)
        shape = (count, *self.input.shape[1:])
        if self.faces > 1 and not context.set_input_shape(self.input.name, shape):
            raise EngineError(self._what, self._listener.cause(f"TensorRT refuses {count} pictures"))
        for spec, address in ((self.input, self._device_in), (self.output, self._device_out)):
            if not context.set_tensor_address(spec.name, address):
                raise EngineError(self._what, self._listener.cause(f"TensorRT refuses the memory of {spec.name!r}"))
        self._enqueue(context, count)  # once outside the graph: TensorRT compiles and allocates at the first run
        self._cuda.wait(self._done, self._stream)
        return _Run(count, context, self._captured(held, context, count))

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
        """Return page-locked memory for as many pictures as a run takes, as an array, and its address on the GPU."""
        shape = (self.faces, *spec.shape[1:]) if self.faces > 1 else spec.shape
        count = int(np.prod(shape))
        size = count * spec.dtype.itemsize
        host, device = (self._memory_for(held, kind, size) for kind in _KINDS)
        memory = (ctypes.c_uint8 * size).from_address(host)
        return np.frombuffer(memoryview(memory), spec.dtype, count).reshape(shape), device

    def _memory_for(self, held: ExitStack, kind: Kind, size: int) -> int:
        address = self._memory.take(kind, size)

        def give_back() -> None:
            if self._broken:
                self._memory.drop(kind, address)
            else:
                self._memory.give(kind, size, address)

        held.callback(give_back)
        return address

    def _enqueue(self, context: Any, count: int) -> None:
        cuda, stream = self._cuda, self._stream
        x, out = self._host_in[:count], self._host_out[:count]
        cuda.to_device(self._device_in, x.ctypes.data, x.nbytes, stream)
        if not context.execute_async_v3(int(stream)):
            raise EngineError(self._what, self._listener.cause("TensorRT could not run the plan"))
        cuda.to_host(out.ctypes.data, self._device_out, out.nbytes, stream)

    def _captured(self, held: ExitStack, context: Any, count: int) -> Any:
        """Return a frame's work as one executable graph, or None where this network cannot be captured (logged)."""
        try:
            graph = self._graph(context, count)
        except EngineError as error:
            _log.warning("%s runs without a CUDA graph: %s", self._what, error.why)
            return None
        try:
            return self._hold(held, self._cuda.instantiate, self._cuda.destroy_executable, graph)
        finally:
            self._cuda.destroy_graph(graph)

    def _graph(self, context: Any, count: int) -> Any:
        self._cuda.begin_capture(self._stream)
        try:
            self._enqueue(context, count)
        except EngineError:
            with suppress(EngineError):  # the capture has to end, or the stream is of no more use
                self._cuda.destroy_graph(self._cuda.end_capture(self._stream))
            raise
        return self._cuda.end_capture(self._stream)

    def _forget(self) -> None:
        """Drop TensorRT's objects, the youngest first: the contexts use the engine, the engine the runtime."""
        while self._contexts:
            self._contexts.pop()
        self._runs = []
        del self._engine, self._runtime


def _counts(faces: int) -> list[int]:
    """Return the numbers of pictures that have a graph: 1, 2, 4 up to `faces`; three are run as four."""
    return [*(1 << power for power in range(faces.bit_length()) if 1 << power < faces), faces]
