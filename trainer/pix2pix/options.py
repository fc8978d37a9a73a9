"""A run's options under the field's names, with pix2pix-tensorflow's and the paper's defaults; kept as strict JSON."""

from __future__ import annotations

import json
import math
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

from lensd.errors import ConfigError
from trainer.pix2pix.blocks import INITS, NORMS
from trainer.pix2pix.discriminators import PATCHES, map_side
from trainer.pix2pix.generators import GENERATORS, Shape, check_shape, stride_of
from trainer.pix2pix.losses import GAN_MODES, LOSSES, has_gan, is_conditional

PREPROCESS = ("resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none")
SCHEDULES = ("constant", "linear", "step", "plateau", "cosine")
PRECISIONS = ("auto", "fp32", "bf16", "fp64")


def _option(
    default: Any,
    about: str,
    *,
    least: float | None = None,
    most: float | None = None,
    among: tuple[Any, ...] = (),
    also: tuple[str, ...] = (),
) -> Any:
    return field(default=default, metadata={"about": about, "least": least, "most": most, "among": among, "also": also})


@dataclass(frozen=True, slots=True)
class Options:
    """What makes a run: each with its sentence in `metadata["about"]`, from which the command line is made too."""

    generator: str = _option("unet_256", "Network that paints.", among=GENERATORS, also=("netG",))
    patch: int = _option(70, "Side of the patches that the discriminator judges, px.", among=tuple(PATCHES))
    ngf: int = _option(64, "Channels of the generator's first layer.", least=1)
    ndf: int = _option(64, "Channels of the discriminator's first layer.", least=1)
    input_nc: int = _option(3, "Channels of the input: 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.", least=1, most=4)
    output_nc: int = _option(3, "Channels of the output, as input-nc.", least=1, most=4)
    norm: str = _option("batch", "Norm of both networks; never at a 1x1 bottleneck.", among=NORMS)
    dropout: bool = _option(True, "Dropout in the generator, the paper's source of noise.")
    separable_conv: bool = _option(False, "Depthwise separable convolutions in a U-Net.")
    init_type: str = _option("normal", "How weights begin.", among=INITS)
    init_gain: float = _option(0.02, "Spread, or gain, of the weights in the beginning.", least=1e-12)
    lab_colorization: bool = _option(False, "Single pictures: paint the colour (a, b) from the lightness (L).")
    loss: str = _option("l1+cgan", "What the generator is taught by.", among=LOSSES)
    gan_mode: str = _option("vanilla", "How real and painted are told apart.", among=GAN_MODES)
    l1_weight: float = _option(100.0, "Weight of L1.", least=0, also=("lambda_L1", "lambda"))
    gan_weight: float = _option(1.0, "Weight of the GAN's loss.", least=0)
    d_weight: float = _option(0.5, "Weight of the discriminator's loss: the paper halves it.", least=1e-12)
    pool_size: int = _option(0, "Painted pictures kept to be judged again; 0: the newest only.", least=0)
    reuse_judgement: bool = _option(False, "Teach both networks by one judgement of what is painted, as the original.")
    lr: float = _option(2e-4, "Adam's learning rate.", least=1e-12)
    beta1: float = _option(0.5, "Adam's momentum; beta2 is .999.", least=0)
    schedule: str = _option(
        "constant",
        "Learning rate: linear falls to zero over the last epochs, cosine over all; step: a tenth every lr-decay-iters "
        "epochs; plateau: a fifth where L1 stands still for 5.",
        among=SCHEDULES,
        also=("lr_policy",),
    )
    n_epochs_decay: int | None = _option(None, "Last epochs, over which linear falls; half of all if none.", least=1)
    lr_decay_iters: int = _option(50, "Epochs between two steps of the schedule step.", least=1)
    ema: float = _option(0.999, "Keep of the running mean of weights, which is what tests; 0: none.", least=0)
    batch_size: int = _option(1, "Pairs a step and process.", least=1, also=("batchSize",))
    max_steps: int | None = _option(None, "Steps in all; wins over epochs.", least=1)
    max_epochs: int = _option(200, "Times that each pair is seen.", least=1, also=("niter",))
    max_dataset_size: int | None = _option(
        None, "Pairs that are read, the first by name; all if none.", least=1, also=("ntrain",)
    )
    serial_batches: bool = _option(False, "Pairs in the order of their names, not shuffled.")
    which_direction: str = _option(
        "AtoB", "AtoB: the left half is the input.", among=("AtoB", "BtoA"), also=("direction",)
    )
    preprocess: str = _option(
        "resize_and_crop",
        "How pictures become samples: scaled to a square, by width, or not, then cropped or whole.",
        among=PREPROCESS,
    )
    scale_size: int = _option(
        286, "Pictures are scaled to this, px, and cropped at random.", least=8, also=("load_size", "loadSize")
    )
    crop_size: int = _option(256, "Side of the crops, px.", least=8, also=("fineSize",))
    flip: bool = _option(True, "Mirror half of the pairs.")
    seed: int | None = _option(None, "All chance follows from it; drawn and written down where not given.", least=0)
    precision: str = _option(
        "auto", "What is computed in; auto: bf16 where the device has instructions for it.", among=PRECISIONS
    )
    progress_freq: int = _option(50, "Steps between two lines of progress; 0: none.", least=0, also=("print_freq",))
    summary_freq: int = _option(100, "Steps between two entries for TensorBoard, if installed; 0: none.", least=0)
    histogram_freq: int = _option(0, "Steps between two histograms of weights and gradients; 0: none.", least=0)
    trace_freq: int = _option(0, "Steps between two of torch's traces, in traces/; 0: none.", least=0)
    display_freq: int = _option(
        0, "Steps between two rows of index.html; 0: none.", least=0, also=("update_html_freq", "save_display_freq")
    )
    save_freq: int = _option(
        5000, "Steps between two checkpoints; 0: the last only.", least=0, also=("save_latest_freq",)
    )
    save_epoch_freq: int = _option(0, "Epochs between two checkpoints that are never let go; 0: none.", least=0)
    keep: int = _option(3, "Newest checkpoints that are kept; the best is kept beside them.", least=1)

    def __post_init__(self) -> None:
        """Check everything that can be known without pictures.

        Raises:
            ConfigError: names the option and says what it may be.
        """
        for known in fields(self):
            _check(known, getattr(self, known.name))
        scaled = self.preprocess in ("resize_and_crop", "scale_width_and_crop")
        if scaled and self.crop_size > self.scale_size:
            raise ConfigError("scale_size", f"{self.scale_size} is less than crop_size, {self.crop_size}")
        if (stride := stride_of(self.generator)) and self.crop_size % stride:
            raise ConfigError("crop_size", f"{self.crop_size} is no multiple of {stride}, as {self.generator} needs")
        if has_gan(self.loss) and map_side(self.crop_size, self.patch) < 1:
            raise ConfigError("patch", f"{self.patch} is too large for crops of {self.crop_size} px", "a smaller patch")
        if self.beta1 >= 1 or self.ema >= 1:
            raise ConfigError("beta1" if self.beta1 >= 1 else "ema", "must be below 1")
        if self.lab_colorization and (self.input_nc, self.output_nc) != (3, 3):
            raise ConfigError("lab_colorization", "has channels of its own", "leave input_nc and output_nc out")
        if self.pool_size and self.reuse_judgement:
            raise ConfigError("pool_size", "what comes from the pool cannot teach the generator", "one of the two")
        check_shape(self.generator, self.shape())

    @property
    def channels(self) -> tuple[int, int]:
        """Return the channels of input and output."""
        return (1, 2) if self.lab_colorization else (self.input_nc, self.output_nc)

    @property
    def judged_channels(self) -> int:
        """Return the channels that the discriminator sees."""
        return self.channels[1] + (self.channels[0] if is_conditional(self.loss) else 0)

    def shape(self) -> Shape:
        """Return what the generator is made of."""
        return Shape(*self.channels, self.ngf, self.norm, self.dropout, self.separable_conv)

    @property
    def whole(self) -> bool:
        """Say whether samples are whole pictures, not crops of one size."""
        return self.preprocess in ("scale_width", "none")

    def epoch_steps(self, pairs: int, ranks: int = 1) -> int:
        """Return the steps in which `ranks` processes see each of `pairs` pairs."""
        return math.ceil(pairs / (self.batch_size * ranks))

    def steps(self, pairs: int, ranks: int = 1) -> int:
        """Return the steps in all for `pairs` pairs."""
        return self.max_steps or self.epoch_steps(pairs, ranks) * self.max_epochs

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
_NETWORK = (
    *("generator", "ngf", "input_nc", "output_nc", "norm", "separable_conv", "lab_colorization"),
    *("patch", "ndf", "loss"),
)


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
        if limits["most"] is not None and value > limits["most"]:
            raise ConfigError(name, f"{value!r} is above {limits['most']}")
