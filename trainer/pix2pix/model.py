"""Both networks, their optimizers and running mean, and one step of their game."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from lensd.errors import ConfigError
from trainer import checkpoint
from trainer.average import follow
from trainer.pix2pix import losses
from trainer.pix2pix.blocks import SPREAD, UpConv, initialise
from trainer.pix2pix.devices import precision_for
from trainer.pix2pix.discriminators import PatchGAN
from trainer.pix2pix.generators import generator_of
from trainer.pix2pix.pace import Pace
from trainer.pix2pix.pool import Pool
from trainer.pix2pix.ranks import Ranks, synchronised

if TYPE_CHECKING:
    from torch import Tensor

    from trainer.pix2pix.options import Options

log = logging.getLogger(__name__)

# As pix2pix-tensorflow names them for TensorBoard.
D_LOSS, GAN_LOSS, L1_LOSS = "discriminator_loss", "generator_loss_GAN", "generator_loss_L1"
_CHANCE, _POOL = ("random.cpu", "random.cuda"), "pool.held"


class Model:
    """What a run trains.

    Attributes:
        generator: paints.
        discriminator: judges; None where `loss` has no GAN.
        average: running mean of the generator's weights; None where `ema` is 0.
        step: steps done.
        ranks: the processes that share the run.
        pace: the schedule.
        pool: painted pictures of earlier steps.
        judged: logits for the last step's targets and painted pictures, to be looked at.
    """

    def __init__(
        self,
        options: Options,
        steps: int,
        device: torch.device,
        *,
        compiled: bool = False,
        ranks: Ranks | None = None,
        epoch_steps: int = 1,
    ) -> None:
        """Build fresh networks.

        Args:
            options: with a seed. Convolutions are computed in `precision`; with "bf16" weights and losses stay float32.
            steps: of the whole run, for the schedule.
            device: where to compute.
            compiled: let torch.compile fuse the networks.
            ranks: the processes that share each step; one alone where None.
            epoch_steps: of one epoch, for schedules that go by epochs.

        Raises:
            ConfigError: batch norm over several processes on CPUs, or bfloat16 on a GPU that has none.
        """
        seed = options.seed or 0
        torch.manual_seed(seed)
        self.options, self.steps, self.device = options, steps, device
        self.ranks = ranks or Ranks()
        precision = precision_for(options.precision, device)
        self._bf16, self._type = precision == "bf16", torch.float64 if precision == "fp64" else torch.float32
        self.step = 0
        self.pace = Pace(options, steps, epoch_steps)
        self.pool = Pool(options.pool_size, seed, self.ranks.rank)
        painter = generator_of(options.generator, options.shape())
        judge = None
        if losses.has_gan(options.loss):
            judge = PatchGAN(options.judged_channels, options.patch, options.ndf, options.norm)
        for network in (painter, judge):
            if network is not None and (options.init_type, options.init_gain) != ("normal", SPREAD):
                initialise(network, options.init_type, options.init_gain)
        self.average = self._placed(copy.deepcopy(painter)).requires_grad_(False) if options.ema else None
        joined = self.ranks.size > 1 and not options.ema
        self._alone = self._placed(copy.deepcopy(painter)).requires_grad_(False) if joined else None
        self.generator = synchronised(self._placed(painter), self.ranks, device)
        self.discriminator = None if judge is None else synchronised(self._placed(judge), self.ranks, device)
        self._optimizers = {"generator": _adam(self.generator, options)}
        if self.discriminator is not None:
            self._optimizers["discriminator"] = _adam(self.discriminator, options)
        self.judged: tuple[Tensor, Tensor] | None = None
        self._paint = self.ranks.share(_fused(self.generator, compiled=compiled))
        if self.discriminator is not None:
            # By itself where there is nothing of it to be averaged: while the generator is taught.
            self._judge_alone = _fused(self.discriminator, compiled=compiled)
            self._judge = self.ranks.share(self._judge_alone)
        if self.ranks.size > 1:  # else all would drop the same
            torch.manual_seed(seed + 1 + self.ranks.rank)

    @property
    def best_generator(self) -> nn.Module:
        """Return the running mean where there is one, else the generator; either paints without other processes."""
        if self._alone is not None:
            self._alone.load_state_dict(self.generator.state_dict())
            return self._alone
        return self.generator if self.average is None else self.average

    def advance(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Do one step: the discriminator's, then the generator's against the new discriminator.

        The generator paints once for both. With `reuse_judgement` what it painted is judged once for both, too, by the
        discriminator as it was: both learn at the same time, as in the original.

        Args:
            a: inputs (n, c, h, w) in -1..1.
            b: targets (n, c, h, w) in -1..1.

        Returns:
            Losses by name, means over all processes, on the device (nothing waits for them here).
        """
        options = self.options
        pace = self.pace.at(self.step)
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = options.lr * pace
        a, b = a.to(self._type), b.to(self._type)
        with self._casting():
            painted = self._paint(a)
        told: dict[str, Tensor] = {}
        if self.discriminator is None:
            told = self._teach_generator(a, b, painted)
        elif options.reuse_judgement:
            told = self._teach_both(a, b, painted)
        else:
            told[D_LOSS] = self._teach_discriminator(a, b, painted.detach())
            told |= self._teach_generator(a, b, painted)
        told = self._agreed(told)
        self.pace.note(self.step + 1, told[L1_LOSS])
        self.step += 1
        if self.average is not None:
            # Early on the mean follows fast, so that it is not mostly the first weights.
            follow(self.average, self.generator, min(options.ema, (1 + self.step) / (10 + self.step)))
        return told

    def _teach_discriminator(self, a: Tensor, b: Tensor, painted: Tensor) -> Tensor:
        real, false = self._seen(a, b), self.pool.swap(self._seen(a, painted), self.step)
        with self._casting():
            if self.options.norm == "batch":  # whose statistics are of real or painted pictures, never of both
                judged = self._judge(real), self._judge(false)
            else:
                both = self._judge(torch.cat([real, false])).chunk(2)
                judged = both[0], both[1]
        loss = self._judgement(judged, real, false)
        self._update("discriminator", self.options.d_weight * loss)
        return loss.detach()

    def _teach_generator(self, a: Tensor, b: Tensor, painted: Tensor) -> dict[str, Tensor]:
        logits = None
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)  # its weights' gradients would be a third of its work
            with self._casting():
                logits = self._judge_alone(self._seen(a, painted))
        whole, told = self._painting(painted, b, logits)
        self._update("generator", whole)
        if self.discriminator is not None:
            self.discriminator.requires_grad_(True)
        return told

    def _teach_both(self, a: Tensor, b: Tensor, painted: Tensor) -> dict[str, Tensor]:
        assert self.discriminator is not None  # noqa: S101 (asked for where there is one only)
        real, false = self._seen(a, b), self._seen(a, painted)
        with self._casting():
            judged = self._judge(real), self._judge(false)
        loss = self._judgement(judged, real, false)
        whole, told = self._painting(painted, b, judged[1])
        for optimizer in self._optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        weight = self.options.d_weight
        self.ranks.backward(weight * loss, again=True, into=list(self.discriminator.parameters()))
        self.ranks.backward(whole, into=list(self.generator.parameters()))
        for optimizer in self._optimizers.values():
            optimizer.step()
        return {D_LOSS: loss.detach()} | told

    def _judgement(self, judged: tuple[Tensor, Tensor], real: Tensor, false: Tensor) -> Tensor:
        self.judged = judged[0].detach(), judged[1].detach()
        loss = losses.discriminator_loss(self.options.gan_mode, *judged)
        if self.options.gan_mode == "wgangp":
            where = torch.rand(len(real), 1, 1, 1, device=self.device, dtype=real.dtype)
            assert self.discriminator is not None  # noqa: S101 (asked for where there is one only)
            loss = loss + losses.gradient_penalty(self.discriminator, real, false, where)
        return loss

    def _painting(self, painted: Tensor, b: Tensor, logits: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        options = self.options
        told = {L1_LOSS: losses.l1(painted, b)}
        whole = b.new_zeros(())
        if losses.has_l1(options.loss):
            whole = whole + options.l1_weight * told[L1_LOSS]
        if logits is not None:
            told[GAN_LOSS] = losses.generator_loss(options.gan_mode, logits)
            whole = whole + options.gan_weight * told[GAN_LOSS]
        return whole, {name: loss.detach() for name, loss in told.items()}

    def _agreed(self, told: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.ranks.size == 1:
            return told
        means = self.ranks.mean(torch.stack(list(told.values())))
        return dict(zip(told, means, strict=True))

    def _update(self, which: str, loss: Tensor) -> None:
        optimizer = self._optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        self.ranks.backward(loss)
        optimizer.step()

    def _seen(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b.to(a.dtype)], 1) if losses.is_conditional(self.options.loss) else b

    def _casting(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._bf16)

    def _placed(self, network: nn.Module) -> nn.Module:
        placed = network.to(self.device, self._type)
        placed = cast("nn.Module", placed.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
        for module in placed.modules():
            if self.device.type == "cpu" and isinstance(module, UpConv):
                module.hurry()
        return placed

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a run goes on from: weights, optimizers, running mean, pool and the state of chance.

        Every process has to ask; what differs between them is of all.
        """
        found: dict[str, Tensor] = {}
        for name, value in self._own().items():
            for rank, one in enumerate(self.ranks.gather(value)):
                found[_of(rank, name)] = one
        for name, network in self._networks().items():
            found |= checkpoint.pack(name, network.state_dict())
        for name, optimizer in self._optimizers.items():
            found |= checkpoint.pack(f"{name}_adam", checkpoint.pack_optimizer(optimizer))
        return found

    def restore(self, tensors: dict[str, Tensor], step: int) -> None:
        """Put back what `tensors` gave, bit for bit.

        Raises:
            ConfigError: they are of other networks.
        """
        try:
            for name, network in self._networks().items():
                network.load_state_dict(checkpoint.unpack(name, tensors))
            for name, optimizer in self._optimizers.items():
                checkpoint.unpack_optimizer(optimizer, checkpoint.unpack(f"{name}_adam", tensors))
                _as_the_weights_lie(optimizer)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ConfigError("checkpoint", "is of other networks than the options ask for") from error
        self.step = step
        self._restore_own(*(tensors.get(_of(self.ranks.rank, name)) for name in (*_CHANCE, _POOL)))

    def _restore_own(self, cpu: Tensor | None, cuda: Tensor | None, held: Tensor | None) -> None:
        if cpu is None:
            log.warning("the checkpoint is of fewer processes: process %d draws anew", self.ranks.rank)
            torch.manual_seed((self.options.seed or 0) + 1 + self.ranks.rank + self.step)
        else:
            torch.set_rng_state(cpu)
        if self.device.type == "cuda" and cuda is not None:
            torch.cuda.set_rng_state(cuda, self.device)
        self.pool.held = None if held is None else held.to(self.device)

    def _own(self) -> dict[str, Tensor]:
        found = {_CHANCE[0]: torch.get_rng_state()}
        if self.device.type == "cuda":
            found[_CHANCE[1]] = torch.cuda.get_rng_state(self.device)
        if self.pool.held is not None:
            found[_POOL] = self.pool.held
        return found

    def _networks(self) -> dict[str, nn.Module]:
        all_three = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}
        return {name: network for name, network in all_three.items() if network is not None}


def _of(rank: int, name: str) -> str:
    return f"process{rank}.{name}" if rank else name


def _fused(network: nn.Module, *, compiled: bool) -> nn.Module:
    return cast("nn.Module", torch.compile(network)) if compiled else network


def _adam(network: nn.Module, options: Options) -> torch.optim.Optimizer:
    # One kernel for all weights: the U-Net's 54 M would else cross memory several times a step.
    return torch.optim.Adam(network.parameters(), options.lr, (options.beta1, 0.999), fused=True)


def _as_the_weights_lie(optimizer: torch.optim.Optimizer) -> None:
    slots: dict[Any, dict[str, Tensor]] = optimizer.state
    for weight, slot in slots.items():
        for name, value in slot.items():
            if value.shape == weight.shape:
                slot[name] = torch.empty_like(weight).copy_(value)
