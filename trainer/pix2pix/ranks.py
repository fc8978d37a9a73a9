"""The processes of one run: one alone, or several on one or more machines, joined by Lightning Fabric.

`torchrun` starts them and says in the environment who is who. Each paints and judges a share of its own of every batch;
gradients are averaged while they are computed (torch's DistributedDataParallel). All write nothing but the first.
"""

from __future__ import annotations

import inspect
import logging
import os
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

import torch
from torch import nn

from lensd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

T = TypeVar("T")


class Ranks:
    """One process alone, which is the first of one.

    Attributes:
        rank: number of this process, from 0.
        size: how many there are.
    """

    rank, size = 0, 1

    @property
    def first(self) -> bool:
        """Say whether this process is the one that writes."""
        return self.rank == 0

    def share(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """Return what calls `network` and averages its gradients over all processes."""
        return cast("Callable[[Tensor], Tensor]", network)

    def backward(self, loss: Tensor, *, again: bool = False, into: list[Tensor] | None = None) -> None:
        """Compute gradients of `loss`; `again`: its graph is needed once more; `into`: of these tensors only."""
        loss.backward(retain_graph=again, inputs=into)  # type: ignore[no-untyped-call]

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` over all processes."""
        return values

    def agree(self, flag: bool) -> bool:
        """Say whether any process says so."""
        return flag

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """Return every process's `tensor`, all of one shape, on the CPU."""
        return [tensor]

    def broadcast(self, value: T) -> T:
        """Return the first process's `value`."""
        return value


class JoinedRanks(Ranks):
    """One of several processes."""

    def __init__(self, device: torch.device) -> None:
        """Wait for all of them, and join.

        Raises:
            ConfigError: Lightning Fabric is missing, or there are not as many GPUs as processes.
        """
        if find_spec("lightning_fabric") is None:
            raise ConfigError("torchrun", "several processes need Lightning Fabric", "pip install lightning-fabric")
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy

        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        if device.type == "cuda" and here > torch.cuda.device_count():
            why = f"{here} processes here, and {torch.cuda.device_count()} GPUs"
            raise ConfigError("torchrun", why, f"--nproc-per-node {torch.cuda.device_count()}")
        # Norms of all processes have the same statistics (SyncBatchNorm): nothing is to be sent before each pass.
        newer = "forward_sync_buffers" in inspect.signature(nn.parallel.DistributedDataParallel).parameters
        buffers: dict[str, Any] = {"forward_sync_buffers" if newer else "broadcast_buffers": False}
        strategy = DDPStrategy(**buffers)
        nodes = int(os.environ["WORLD_SIZE"]) // here
        self._fabric = Fabric(accelerator=device.type, devices=here, num_nodes=nodes, strategy=strategy)
        self._fabric.launch()
        self.rank, self.size = self._fabric.global_rank, self._fabric.world_size
        self.device = self._fabric.device

    def share(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """See Ranks."""
        return cast("Callable[[Tensor], Tensor]", self._fabric.setup(network))

    def backward(self, loss: Tensor, *, again: bool = False, into: list[Tensor] | None = None) -> None:
        """See Ranks."""
        self._fabric.backward(loss, retain_graph=again, inputs=into)

    def mean(self, values: Tensor) -> Tensor:
        """See Ranks."""
        return cast("Tensor", self._fabric.all_reduce(values.detach().clone(), reduce_op="mean"))

    def agree(self, flag: bool) -> bool:
        """See Ranks."""
        said = torch.tensor(float(flag), device=self.device)
        return bool(cast("Tensor", self._fabric.all_reduce(said, reduce_op="sum")) > 0)

    def gather(self, tensor: Tensor) -> list[Tensor]:
        """See Ranks."""
        here = tensor.to(self.device).contiguous()
        found = [torch.empty_like(here) for _ in range(self.size)]
        torch.distributed.all_gather(found, here)
        return [one.cpu() for one in found]

    def broadcast(self, value: T) -> T:
        """See Ranks."""
        return self._fabric.broadcast(value)


def join(device: torch.device) -> tuple[Ranks, torch.device]:
    """Return this process's place among those that `torchrun` started, and its device; alone without `torchrun`.

    Raises:
        ConfigError: as `JoinedRanks`.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return Ranks(), device
    joined = JoinedRanks(device)
    return joined, joined.device


def synchronised(network: nn.Module, ranks: Ranks, device: torch.device) -> nn.Module:
    """Return `network` with batch norms over the batch of all processes.

    Raises:
        ConfigError: on CPUs, which have no such norm.
    """
    if ranks.size == 1 or not any(isinstance(module, nn.BatchNorm2d) for module in network.modules()):
        return network
    if device.type != "cuda":
        why = f"batch norm over {ranks.size} processes needs GPUs: torch has no SyncBatchNorm on a CPU"
        raise ConfigError("norm", why, "--norm instance, or one process")
    joined = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    return cast("nn.Module", joined)
