"""What the worker may use: it decodes a camera's pictures and runs a stranger's network for hours."""

from __future__ import annotations

from pathlib import Path

from lensd.sharing.limits import Limits

_NVIDIA = Path("/dev/nvidiactl")


def worker_limits() -> Limits:
    """Return limits that no good lens comes near, and that keep a bad one from taking the machine along.

    Measured with thug-life in ONNX Runtime on two cores: 0.26 GB of memory of its own at 720p and 0.37 GB at 3840x2160,
    ten descriptors. The largest network that the format allows has 2 GiB of tensors, and a switch has two lenses for a
    moment. Not address space, of which CUDA reserves hundreds of GB, and with an NVIDIA GPU not memory either:
    what CUDA and TensorRT map for themselves has not been measured. The largest file is a plan. Time is the keeper's
    business: a worker without a picture for two seconds is ended.
    """
    return Limits(data_bytes=None if _NVIDIA.exists() else 8 << 30, file_bytes=4 << 30, files=1024)
