"""A run's options under the field's names, with pix2pix-tensorflow's and the paper's defaults; kept as strict JSON."""

from __future__ import annotations

import json
import math
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from lensd.errors import ConfigError
from trainer.pix2pix.blocks import NORMS
from trainer.pix2pix.discriminators import PATCHES, map_side
from trainer.pix2pix.generators import GENERATORS, Shape, check_shape, stride_of
from trainer.pix2pix.losses import GAN_MODES, LOSSES, has_gan, is_conditional


def _option(default: Any, about: str, *, least: float | None = None, among: tuple[Any, ...] = ()) -> Any:
    return field(default=default, metadata={"about": about, "least": least, "among": among})


@dataclass(frozen=True, slots=True)
class Options:
    """What makes a run: each with its sentence in `metadata["about"]`, from which the command line is made too."""

    generator: str = _option("unet_256", "Network that paints.", among=GENERATORS)
    patch: int = _option(70, "Side of the patches that the discriminator judges, px.", among=tuple(PATCHES))
    ngf: int = _option(64, "Channels of the generator's first layer.", least=1)
    ndf: int = _option(64, "Channels of the discriminator's first layer.", least=1)
    norm: str = _option("batch", "Norm of both networks; never at a 1x1 bottleneck.", among=NORMS)
    dropout: bool = _option(True, "Dropout in the generator, the paper's source of noise.")
    separable_conv: bool = _option(False, "Depthwise separable convolutions in a U-Net.")
    lab_colorization: bool = _option(False, "Single pictures: paint the colour (a, b) from the lightness (L).")
    loss: str = _option("l1+cgan", "What the generator is taught by.", among=LOSSES)
    gan_mode: str = _option("vanilla", "How real and painted are told apart.", among=GAN_MODES)
    l1_weight: float = _option(100.0, "Weight of L1.", least=0)
    gan_weight: float = _option(1.0, "Weight of the GAN's loss.", least=0)
    lr: float = _option(2e-4, "Adam's learning rate.", least=1e-12)
    beta1: float = _option(0.5, "Adam's momentum; beta2 is .999.", least=0)
    schedule: str = _option("constant", "linear: falls to zero over the second half.", among=("constant", "linear"))
    ema: float = _option(0.999, "Keep of the running mean of weights, which is what tests; 0: none.", least=0)
    batch_size: int = _option(1, "Pairs a step.", least=1)
    max_steps: int | None = _option(None, "Steps in all; wins over epochs.", least=1)
    max_epochs: int = _option(200, "Times that each pair is seen.", least=1)
    which_direction: str = _option("AtoB", "AtoB: the left half is the input.", among=("AtoB", "BtoA"))
    scale_size: int = _option(286, "Pictures are scaled to this, px, and cropped at random.", least=8)
    crop_size: int = _option(256, "Side of the crops, px.", least=8)
    flip: bool = _option(True, "Mirror half of the pairs.")
    seed: int | None = _option(None, "All chance follows from it; drawn and written down where not given.", least=0)
    progress_freq: int = _option(50, "Steps between two lines of progress; 0: none.", least=0)
    summary_freq: int = _option(100, "Steps between two entries for TensorBoard, if installed; 0: none.", least=0)
    histogram_freq: int = _option(0, "Steps between two histograms of weights and gradients; 0: none.", least=0)
    display_freq: int = _option(0, "Steps between two rows of index.html; 0: none.", least=0)
    save_freq: int = _option(5000, "Steps between two checkpoints; 0: the last only.", least=0)
    keep: int = _option(3, "Newest checkpoints that are kept; the best is kept beside them.", least=1)

    def __post_init__(self) -> None:
        """Check everything that can be known without pictures.

        Raises:
            ConfigError: names the option and says what it may be.
        """
        for known in fields(self):
            _check(known, getattr(self, known.name))
        if self.crop_size > self.scale_size:
            raise ConfigError("scale_size", f"{self.scale_size} is less than crop_size, {self.crop_size}")
        if (stride := stride_of(self.generator)) and self.crop_size % stride:
            raise ConfigError("crop_size", f"{self.crop_size} is no multiple of {stride}, as {self.generator} needs")
        if has_gan(self.loss) and map_side(self.crop_size, self.patch) < 1:
            raise ConfigError("patch", f"{self.patch} is too large for crops of {self.crop_size} px", "a smaller patch")
        if self.beta1 >= 1 or self.ema >= 1:
            raise ConfigError("beta1" if self.beta1 >= 1 else "ema", "must be below 1")
        check_shape(self.generator, self.shape())

    @property
    def channels(self) -> tuple[int, int]:
        """Return the channels of input and output."""
        return (1, 2) if self.lab_colorization else (3, 3)

    @property
    def judged_channels(self) -> int:
        """Return the channels that the discriminator sees."""
        return self.channels[1] + (self.channels[0] if is_conditional(self.loss) else 0)

    def shape(self) -> Shape:
        """Return what the generator is made of."""
        return Shape(*self.channels, self.ngf, self.norm, self.dropout, self.separable_conv)

    def steps(self, pairs: int) -> int:
        """Return the steps in all for `pairs` pairs."""
        return self.max_steps or math.ceil(pairs / self.batch_size) * self.max_epochs

    def to_json(self) -> str:
        """Return all options as a JSON object, one a line."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Options:
        """Return what `to_json` wrote.

        Raises:
            ConfigError: not such an object, an unknown option, or a value that cannot be used.
        """
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ConfigError("options", f"not JSON ({error})") from error
        return cls.of(values)

    @classmethod
    def of(cls, values: object) -> Options:
        """Return options from a mapping of names to values; those that are missing have their defaults.

        Raises:
            ConfigError: as `from_json`.
        """
        if not isinstance(values, dict):
            raise ConfigError("options", "not a JSON object")
        if unknown := set(values) - {known.name for known in fields(cls)}:
            raise ConfigError("options", f"no such option: {', '.join(sorted(map(str, unknown)))}")
        return cls(**values)


# Another value makes another network, which a checkpoint's weights do not fit.
_NETWORK = ("generator", "ngf", "norm", "separable_conv", "lab_colorization", "patch", "ndf", "loss")


def changed(options: Options, changes: dict[str, Any]) -> Options:
    """Return a checkpoint's options with some of them changed, to go on with.

    Raises:
        ConfigError: a change that makes another network, or a value that cannot be used.
    """
    new = Options.of({**asdict(options), **changes})
    for name in _NETWORK:
        if getattr(new, name) != getattr(options, name):
            why = f"is {getattr(options, name)} in the checkpoint, which is of another network"
            raise ConfigError(name, why, f"leave {name} out, or begin a new run")
    return new


def _check(known: Field[Any], value: object) -> None:
    name, limits = known.name, known.metadata
    kinds = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,), "int | None": (int, type(None))}
    right = isinstance(value, kinds[str(known.type)]) and (known.type == "bool" or not isinstance(value, bool))
    if not right:
        raise ConfigError(name, f"{value!r} is no {known.type}")
    if limits["among"] and value not in limits["among"]:
        raise ConfigError(name, f"{value!r} is none of {', '.join(map(str, limits['among']))}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ConfigError(name, f"{value!r} is no finite number")
        if limits["least"] is not None and value < limits["least"]:
            raise ConfigError(name, f"{value!r} is below {limits['least']}")
