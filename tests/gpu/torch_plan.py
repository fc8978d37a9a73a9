"""A network of torch's behind TensorRT's calls: `PlanRunner` can be run on a GPU that TensorRT cannot be had for.

The runner's own buffers, stream and graphs are used; only what computes between them is another. A "plan" is the seed
of random weights.
"""

from types import SimpleNamespace

import torch

SIDE, FACES = 256, 4


def painter(seed: int) -> torch.nn.Module:
    """A generator of about 0.3 GMAC: half size, quarter size and back, four channels out."""
    torch.manual_seed(seed)
    nn, layers = torch.nn, []
    for into, out, stride in ((3, 32, 2), (32, 64, 2), (64, 64, 1), (64, 64, 1)):
        layers += [nn.Conv2d(into, out, 3, stride, 1), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(64, 64, 1), nn.PixelShuffle(4)).eval()


def painted(network: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """(n, S, S, 3) uint8 to (n, S, S, 4) uint8."""
    y = network(x.permute(0, 3, 1, 2).to(next(network.parameters()).dtype) / 255)
    return (y.sigmoid() * 255).round().permute(0, 2, 3, 1).to(torch.uint8)


class _AtAddress:
    """The GPU's memory at an address, as torch takes it."""

    def __init__(self, address: int, shape: tuple[int, ...]) -> None:
        self.__cuda_array_interface__ = {"shape": shape, "typestr": "|u1", "data": (address, False), "version": 3}


class TorchPlans:
    """Stands where the module `tensorrt` would."""

    __version__ = f"torch {torch.__version__}"
    TensorIOMode = SimpleNamespace(INPUT="in", OUTPUT="out")

    class ILogger:
        ERROR, INTERNAL_ERROR = "error", "internal error"

    class Runtime:
        def __init__(self, logger):
            self.logger = logger

        def deserialize_cuda_engine(self, plan):
            return _Engine(int(plan))


class _Engine:
    num_io_tensors = 2

    def __init__(self, seed):
        self.network = painter(seed).half().to("cuda", memory_format=torch.channels_last)

    def get_tensor_name(self, index):
        return "xy"[index]

    def get_tensor_mode(self, name):
        return "in" if name == "x" else "out"

    def get_tensor_shape(self, name):
        return (-1, SIDE, SIDE, 3 if name == "x" else 4)

    def get_tensor_profile_shape(self, name, profile):
        return tuple((count, SIDE, SIDE, 3) for count in (1, 1, FACES))

    def get_tensor_dtype(self, name):
        return "DataType.UINT8"

    def create_execution_context(self):
        return _Context(self.network)


class _Context:
    def __init__(self, network):
        self.network, self.addresses, self.count = network, {}, 1

    def set_input_shape(self, name, shape):
        self.count = shape[0]
        return True

    def set_tensor_address(self, name, address):
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream):
        x, y = (
            torch.as_tensor(_AtAddress(self.addresses[name], (self.count, SIDE, SIDE, channels)), device="cuda")
            for name, channels in (("x", 3), ("y", 4))
        )
        with torch.cuda.stream(torch.cuda.ExternalStream(stream)), torch.inference_mode():
            y.copy_(painted(self.network, x))
        return True
