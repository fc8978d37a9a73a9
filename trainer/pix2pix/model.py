"""Both networks, their optimizers and running mean, and one step of their game."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn

from lensd.errors import ConfigError
from trainer import checkpoint
from trainer.average import follow
from trainer.pix2pix import losses
from trainer.pix2pix.discriminators import PatchGAN
from trainer.pix2pix.generators import generator_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from trainer.pix2pix.options import Options

# As pix2pix-tensorflow names them for TensorBoard.
D_LOSS, GAN_LOSS, L1_LOSS = "discriminator_loss", "generator_loss_GAN", "generator_loss_L1"
_HALF = 0.5  # the paper halves the discriminator's loss, which slows it against the generator


class Model:
    """What a run trains.

    Attributes:
        generator: paints.
        discriminator: judges; None where `loss` has no GAN.
        average: running mean of the generator's weights; None where `ema` is 0.
        step: steps done.
        judged: logits for the last step's targets and painted pictures, to be looked at.
    """

    def __init__(
        self, options: Options, steps: int, device: torch.device, *, bf16: bool = False, compiled: bool = False
    ) -> None:
        """Build fresh networks.

        Args:
            options: with a seed.
            steps: of the whole run, for the schedule.
            device: where to compute.
            bf16: convolutions in bfloat16; weights and losses stay float32.
            compiled: let torch.compile fuse the networks.
        """
        torch.manual_seed(options.seed or 0)
        self.options, self.steps, self.device, self.bf16 = options, steps, device, bf16
        self.step = 0
        self.generator = _placed(generator_of(options.generator, options.shape()), device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False) if options.ema else None
        self.discriminator: nn.Module | None = None
        self._optimizers = {"generator": _adam(self.generator, options)}
        if losses.has_gan(options.loss):
            judge = PatchGAN(options.judged_channels, options.patch, options.ndf, options.norm)
            self.discriminator = _placed(judge, device)
            self._optimizers["discriminator"] = _adam(self.discriminator, options)
        self.judged: tuple[Tensor, Tensor] | None = None
        self._paint = _called(self.generator, compiled=compiled)
        self._judge = _called(self.discriminator, compiled=compiled) if self.discriminator is not None else None

    @property
    def best_generator(self) -> nn.Module:
        """Return the running mean where there is one, else the generator."""
        return self.generator if self.average is None else self.average

    def advance(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """Do one step: the discriminator's, then the generator's against the new discriminator.

        The generator paints once for both.

        Args:
            a: inputs (n, c, s, s) in -1..1.
            b: targets (n, c, s, s) in -1..1.

        Returns:
            Losses by name, scalars on the device (nothing waits for them here).
        """
        options = self.options
        for optimizer in self._optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = options.lr * self._pace()
        with self._casting():
            painted = self._paint(a)
        told: dict[str, Tensor] = {}
        if self.discriminator is not None:
            told[D_LOSS] = self._teach_discriminator(a, b, painted.detach())
        told |= self._teach_generator(a, b, painted)
        self.step += 1
        if self.average is not None:
            # Early on the mean follows fast, so that it is not mostly the first weights.
            follow(self.average, self.generator, min(options.ema, (1 + self.step) / (10 + self.step)))
        return told

    def _teach_discriminator(self, a: Tensor, b: Tensor, painted: Tensor) -> Tensor:
        real, false = self._seen(a, b), self._seen(a, painted)
        with self._casting():
            if self.options.norm == "batch":  # whose statistics are of real or painted pictures, never of both
                judged = self._logits(real), self._logits(false)
            else:
                both = self._logits(torch.cat([real, false])).chunk(2)
                judged = both[0], both[1]
        loss = losses.discriminator_loss(self.options.gan_mode, *judged)
        self._update("discriminator", _HALF * loss)
        self.judged = judged[0].detach(), judged[1].detach()
        return loss.detach()

    def _teach_generator(self, a: Tensor, b: Tensor, painted: Tensor) -> dict[str, Tensor]:
        options = self.options
        told = {L1_LOSS: losses.l1(painted, b)}
        whole = painted.new_zeros((), dtype=torch.float32)
        if losses.has_l1(options.loss):
            whole = whole + options.l1_weight * told[L1_LOSS]
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)  # its weights' gradients would be a third of its work
            with self._casting():
                logits = self._logits(self._seen(a, painted))
            told[GAN_LOSS] = losses.generator_loss(options.gan_mode, logits)
            whole = whole + options.gan_weight * told[GAN_LOSS]
            self.discriminator.requires_grad_(True)
        self._update("generator", whole)
        return {name: loss.detach() for name, loss in told.items()}

    def _update(self, which: str, loss: Tensor) -> None:
        optimizer = self._optimizers[which]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _seen(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.cat([a, b.to(a.dtype)], 1) if losses.is_conditional(self.options.loss) else b

    def _logits(self, pictures: Tensor) -> Tensor:
        assert self._judge is not None  # noqa: S101 (asked for where there is a discriminator only)
        return self._judge(pictures)

    def _casting(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _pace(self) -> float:
        half = self.steps / 2
        if self.options.schedule == "constant" or self.step < half:
            return 1.0
        return max(self.steps - self.step, 0) / (self.steps - half)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that a run goes on from: weights, optimizers, running mean and the state of chance."""
        found = {"random.cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["random.cuda"] = torch.cuda.get_rng_state(self.device)
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
            torch.set_rng_state(tensors["random.cpu"])
            if self.device.type == "cuda" and "random.cuda" in tensors:
                torch.cuda.set_rng_state(tensors["random.cuda"], self.device)
        except (KeyError, RuntimeError, ValueError) as error:
            raise ConfigError("checkpoint", "is of other networks than the options ask for") from error
        self.step = step

    def _networks(self) -> dict[str, nn.Module]:
        all_three = {"generator": self.generator, "discriminator": self.discriminator, "average": self.average}
        return {name: network for name, network in all_three.items() if network is not None}


def _placed(network: nn.Module, device: torch.device) -> nn.Module:
    placed = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return cast("nn.Module", placed)


def _called(network: nn.Module, *, compiled: bool) -> Callable[[Tensor], Tensor]:
    return cast("Callable[[Tensor], Tensor]", torch.compile(network) if compiled else network)


def _adam(network: nn.Module, options: Options) -> torch.optim.Optimizer:
    # One kernel for all weights: the U-Net's 54 M would else cross memory several times a step.
    return torch.optim.Adam(network.parameters(), options.lr, (options.beta1, 0.999), fused=True)


def _as_the_weights_lie(optimizer: torch.optim.Optimizer) -> None:
    slots: dict[Any, dict[str, Tensor]] = optimizer.state
    for weight, slot in slots.items():
        for name, value in slot.items():
            if value.shape == weight.shape:
                slot[name] = torch.empty_like(weight).copy_(value)
