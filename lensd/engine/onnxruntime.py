"""ONNX Runtime, on the processor and on CUDA."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING, Any

import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as native

from lensd.engine.cuda import gpu
from lensd.engine.tensors import Terminals, dtype_named, first_line
from lensd.errors import EngineError, RuntimeMissing
from lensd.frames import TensorSpec

if TYPE_CHECKING:
    from lensd.frames import F32, U8

CUDA_HINT = "pip uninstall onnxruntime && pip install 'onnxruntime-gpu[cuda,cudnn]'"
_PROVIDERS = {"onnxruntime": "CPUExecutionProvider", "onnxruntime-cuda": "CUDAExecutionProvider"}
_DTYPES = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}
_FATAL_ONLY = 4
# ONNX Runtime's exceptions have no root of their own.
_ERRORS: tuple[type[Exception], ...] = (
    *(kind for kind in vars(native).values() if isinstance(kind, type) and issubclass(kind, Exception)),
    RuntimeError,
    ValueError,
)


def _cause(error: Exception) -> str:
    """Return ONNX Runtime's first line without its own name and number before it."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", first_line(error)).strip()


class OnnxRuntimeEngine:
    """A network in ONNX Runtime; a `ports.Engine`.

    One thread that does not spin: with two, and the other core busy, a spinning pool took 16 ms where one thread takes
    8. The arena stays on: for a network of 0.6 GMAC switching it off, or trimming it after each run, cost 5 to 14 MB
    more resident size and no less time (6.7 ms, 78 MB with it; Zen 3, ONNX Runtime 1.32). What is left at its default
    changes nothing: denormals as zero, memory patterns, allocators for the whole process or for constants, cleaned up
    Q/DQ pairs all lie within 2 % (a Zen 5, the lens in float32 and INT8, the tracker); without the channel blocks of
    the last optimization level the lens takes 5.7 ms for 3.9.
    """

    def __init__(self, network: bytes, *, runtime: str = "onnxruntime", name: str = "network") -> None:
        """Load `network`, an ONNX file's bytes; they need not be kept.

        Args:
            network: one fixed uint8 input, one fixed uint8 or float32 output.
            runtime: "onnxruntime" or "onnxruntime-cuda".
            name: how errors call the network.

        Raises:
            RuntimeMissing: CUDA was asked for and is not there, or would not run all of the network.
            EngineError: the network is corrupt, or not one that the frame's path can feed.
        """
        self._what = f"{name} in {runtime}"
        self._runtime = runtime
        provider = _PROVIDERS[runtime]
        if provider not in ort.get_available_providers():
            raise RuntimeMissing(runtime, "this build of ONNX Runtime has no CUDA", CUDA_HINT)
        if runtime == "onnxruntime-cuda":
            gpu()
            with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
                ort.preload_dlls(msvc=False)
        self._session = self._open(network, provider)
        inputs = [self._spec(node) for node in self._session.get_inputs()]
        outputs = [self._spec(node) for node in self._session.get_outputs()]
        self._ends = Terminals(self._what, inputs, outputs)
        self._binding = self._session.io_binding()

    def _open(self, network: bytes, provider: str) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = _FATAL_ONLY  # what is an error is raised as well
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if provider != "CPUExecutionProvider":
            # A node left to the processor would copy tensors to and fro in every frame, in silence.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            session = ort.InferenceSession(network, options, providers=[provider])
        except _ERRORS as error:
            kind = EngineError if provider == "CPUExecutionProvider" else RuntimeMissing
            raise kind(self._what, _cause(error), "" if kind is EngineError else CUDA_HINT) from error
        session.disable_fallback()
        if session.get_providers()[0] != provider:
            why = f"ONNX Runtime took {session.get_providers()[0]} in place of {provider}"
            raise RuntimeMissing(self._what, why, CUDA_HINT)
        return session

    def _spec(self, node: Any) -> TensorSpec:
        shape = tuple(side if isinstance(side, int) else -1 for side in node.shape)
        return TensorSpec(node.name, shape, dtype_named(self._what, node.type, _DTYPES))

    @property
    def runtime(self) -> str:
        """Its name: onnxruntime or onnxruntime-cuda."""
        return self._runtime

    @property
    def input(self) -> TensorSpec:
        """What goes in."""
        return self._ends.input

    @property
    def output(self) -> TensorSpec:
        """What comes out."""
        return self._ends.output

    def infer(self, x: U8, out: U8 | F32) -> None:
        """Run the network once, straight from `x` into `out`; both are remembered until the next call.

        Raises:
            EngineError: a buffer is not as specified, or the runtime failed.
        """
        if self._ends.are_new(x, out):
            self._bind(x, out)
        try:
            self._session.run_with_iobinding(self._binding)
        except _ERRORS as error:
            raise EngineError(self._what, _cause(error)) from error

    def _bind(self, x: U8, out: U8 | F32) -> None:
        """Point the session at the caller's own memory."""
        into, outof = self._ends.input, self._ends.output
        self._binding.bind_input(into.name, "cpu", 0, into.dtype, x.shape, x.ctypes.data)
        self._binding.bind_output(outof.name, "cpu", 0, outof.dtype, out.shape, out.ctypes.data)
        self._ends.hold(x, out)

    def close(self) -> None:
        """Free the network and its memory."""
        self._ends.release()
        del self._binding, self._session
