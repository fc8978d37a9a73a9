"""OpenVINO, on the processor, on Intel's GPUs and on its NPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov

from lensd.engine.tensors import Terminals, first_line
from lensd.errors import EngineError, RuntimeMissing
from lensd.frames import TensorSpec

if TYPE_CHECKING:
    from lensd.frames import F32, U8

_LATENCY = {"PERFORMANCE_HINT": "LATENCY"}
# The device and its settings. Only the processor's plugin knows of threads.
_DEVICES = {
    "openvino": ("CPU", {**_LATENCY, "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}),
    "openvino-gpu": ("GPU", _LATENCY),
    "openvino-npu": ("NPU", _LATENCY),
}
_HINT = "install Intel's driver for it (intel-opencl-icd, intel-driver-compiler-npu), then: lensd doctor"


class OpenVinoEngine:
    """A network in OpenVINO; a `ports.Engine`."""

    def __init__(self, network: bytes, *, runtime: str = "openvino", name: str = "network") -> None:
        """Load `network`, an ONNX file's bytes.

        Args:
            network: one fixed uint8 input, one fixed uint8 or float32 output.
            runtime: "openvino" (the processor), "openvino-gpu" or "openvino-npu".
            name: how errors call the network.

        Raises:
            RuntimeMissing: OpenVINO does not see the device.
            EngineError: the network is corrupt, or not one that the frame's path can feed.
        """
        self._what = f"{name} in {runtime}"
        self._runtime = runtime
        device, settings = _DEVICES[runtime]
        core = ov.Core()
        try:
            if device != "CPU" and not any(each.split(".")[0] == device for each in core.available_devices):
                raise RuntimeMissing(self._what, f"OpenVINO sees no {device}", _HINT)
            model = core.read_model(network, b"")
            inputs, outputs = ([self._spec(port) for port in ports] for ports in (model.inputs, model.outputs))
            self._ends = Terminals(self._what, inputs, outputs)
            self._request = core.compile_model(model, device, settings).create_infer_request()
        except (RuntimeError, ValueError) as error:
            raise EngineError(self._what, first_line(error)) from error

    @staticmethod
    def _spec(port: ov.Output) -> TensorSpec:
        shape = tuple(side.get_length() if side.is_static else -1 for side in port.partial_shape)
        return TensorSpec(port.any_name, shape, np.dtype(port.element_type.to_dtype()))

    @property
    def runtime(self) -> str:
        """Its name: openvino, openvino-gpu or openvino-npu."""
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
        try:
            if self._ends.are_new(x, out):
                self._request.set_input_tensor(ov.Tensor(x, shared_memory=True))
                self._request.set_output_tensor(ov.Tensor(out, shared_memory=True))
                self._ends.hold(x, out)
            self._request.infer()
        except RuntimeError as error:
            raise EngineError(self._what, first_line(error)) from error

    def close(self) -> None:
        """Free the network and its memory."""
        self._ends.release()
        del self._request
