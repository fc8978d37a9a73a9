"""`lensd distil`, registered under the entry points "lensd.commands"."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lensd.errors import ConfigError, MediaError

# Named here without importing them, which takes seconds: `lensd --help` loads this module too.
for _needed in ("torch", "safetensors", "onnx"):
    if find_spec(_needed) is None:
        raise ImportError(f"the trainer needs {_needed}", name=_needed)

if TYPE_CHECKING:
    from trainer.distil.settings import Progress
    from trainer.distil.weights import Weights

_FOLDER = click.Path(path_type=Path, file_okay=False)
_SHARE = click.FloatRange(0, 1)


class _Command(click.Command):
    """Writes the losses and the families under its options when help is asked for: they are in modules with torch."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from dataclasses import fields

        from trainer.distil.families import FAMILIES, cost
        from trainer.distil.weights import Weights

        with formatter.section("Losses and their weights"):
            formatter.write_dl([(f"{one.name}={one.default:g}", one.metadata["about"]) for one in fields(Weights)])
        with formatter.section("Families, at 256 px"):
            rows = []
            for name, family in FAMILIES.items():
                costs = cost(family, 256)
                size = f"{costs.parameters / 1e6:.2f} M parameters, {costs.weight_bytes / 1e6:.2f} MB"
                rows.append((name, f"{costs.macs / 1e9:.3f} real GMAC, {size}"))
            formatter.write_dl(rows)


@click.command(cls=_Command)
@click.option("--pairs", type=_FOLDER, required=True, help="Folder written by `lensd pairs faces`.")
@click.option("--run", type=_FOLDER, required=True, help="Folder for the checkpoint and its progress.")
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    help="A run or checkpoint of `lensd train`; without one the pairs teach.",
)
@click.option("--family", help="Which student; the list is below.  [default: 0.25]")
@click.option("--weight", "louder", multiple=True, metavar="LOSS=X", help="Another weight of a loss; several times.")
@click.option("--without", "off", multiple=True, metavar="LOSS", help="Weight 0 of a loss; several times.")
@click.option(
    "--size",
    "size_px",
    type=click.IntRange(32, 1024),
    help="Pixels a side of the samples; the lens's own where not given.",
)
@click.option(
    "--small-steps", type=click.IntRange(0), help="Of the steps so many first at --small pixels, which is quicker."
)
@click.option("--small", "small_px", type=click.IntRange(32, 1024), help="See --small-steps.  [default: 160]")
@click.option("--steps", type=click.IntRange(1), default=8000, show_default=True, help="Steps in all.")
@click.option("--batch", type=click.IntRange(1), help="Samples a step.  [default: 16]")
@click.option("--rate", type=click.FloatRange(0, 1, min_open=True), help="Highest learning rate.  [default: 0.003]")
@click.option(
    "--adversarial-from", type=_SHARE, help="Share of the steps before the discriminator speaks.  [default: 0.667]"
)
@click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="CPU threads; one is reproducible bit for bit.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda[:N].")
@click.option("--workers", type=click.IntRange(1), help="Threads that make samples: as --threads, with a GPU 12.")
@click.option("--seed", type=click.IntRange(0), help="All chance follows from it.  [default: 1]")
@click.option("--bf16/--no-bf16", default=None, help="Compute in bfloat16.  [default: where the device has it]")
@click.option(
    "--start-from",
    metavar="LENS|FILE",
    help="A lens (by name or path) or a checkpoint of the same family: it knows already where a face is.",
)
@click.option("--resume", is_flag=True, help="Go on where RUN stopped, with its own settings.")
def distil(louder: tuple[str, ...], off: tuple[str, ...], **given: Any) -> None:
    """Teach a compact generator what pairs show, or what a larger network paints.

    \b
    lensd distil --pairs pairs --run run --steps 4600 --small-steps 2000
    lensd distil --pairs pairs --run run --teacher pix2pix-run --family 0.1 --weight warp=1 --without ssim

    Ctrl-C saves the state; --resume goes on from it.
    """  # noqa: D301 (\b is click's: what follows is not wrapped)
    from lensd.cli.until_signal import until_signal
    from trainer.distil.families import Family, cost
    from trainer.distil.run import CHECKPOINT
    from trainer.distil.settings import DistilOptions
    from trainer.distil.train import begun, train
    from trainer.networks import art_of

    asked = {name: value for name, value in given.items() if value is not None}
    if asked["resume"]:
        _resumable(asked, louder, off)
    if "start_from" in asked:
        asked["start_from"] = _begun_by(asked["start_from"])
    options = DistilOptions(**asked, weights=_weights(louder, off))
    click.echo("reading the pairs")
    run = begun(options)
    family = Family(run.settings.widths, run.settings.blocks)
    costs = cost(family, run.pairs.crop.size_px, art_of(run.pairs))
    click.echo(
        f"student: {costs.macs / 1e9:.3f} real GMAC at {run.pairs.crop.size_px} px, {costs.parameters:,} parameters, "
        f"{costs.weight_bytes / 1e6:.2f} MB in a package; step {run.step} of {run.settings.steps}"
    )
    path = options.run / CHECKPOINT
    try:
        with until_signal() as stop:
            finished = train(run, stop=stop, progress=_tell)
    except OSError as error:
        kept = "the last checkpoint is as it was" if path.is_file() else "there is no checkpoint yet"
        raise MediaError(
            str(options.run), f"cannot be written ({error}); {kept}", "make room, then --resume"
        ) from error
    click.echo(f"\n{'done' if finished else 'stopped, and saved'}: {path}")
    click.echo(f"next: lensd export {path} --out NAME.lens" if finished else "go on with --resume")


def _begun_by(text: str) -> Path:
    """Return the lens of that name, or else the path: what is wrong with it is told when it is opened."""
    from lensd.errors import LensError
    from lensd.lens.open import find_package

    try:
        return find_package(text) or Path(text)
    except LensError:
        return Path(text)


def _resumable(asked: dict[str, Any], louder: tuple[str, ...], off: tuple[str, ...]) -> None:
    """Refuse what a resumed run would not heed.

    Raises:
        ConfigError: there is nothing to go on with, or something is given that the run has of its own.
    """
    from trainer.distil.run import CHECKPOINT

    folder: Path = asked["run"]
    if not (folder / CHECKPOINT).exists():
        raise ConfigError(str(folder), "holds no checkpoint to go on with", "leave --resume out")
    own = sorted(set(asked) - {"pairs", "run", "teacher", "steps", "threads", "device", "workers", "resume"})
    if own or louder or off:
        names = ", ".join([*own, *(["weight"] if louder or off else [])])
        raise ConfigError("--resume", f"the run has its own {names}", "leave them out, or choose another --run")


def _weights(louder: tuple[str, ...], off: tuple[str, ...]) -> Weights:
    """Read `--weight` and `--without`.

    Raises:
        ConfigError: no such loss, or no number.
    """
    from trainer.distil.weights import Weights

    changes: dict[str, float] = {}
    for text in louder:
        name, equals, number = text.partition("=")
        try:
            changes[name] = float(number)
        except ValueError:
            why = f"{number!r} is no number" if equals else "there is no weight in it"
            raise ConfigError(f"--weight {text}", why, "--weight LOSS=X") from None
    return Weights().changed({**changes, **dict.fromkeys(off, 0.0)})


def _tell(line: Progress) -> None:
    minutes, seconds = divmod(round(line.left_s), 60)
    text = f"{line.step}/{line.steps} ({line.step / line.steps:4.0%})  loss {line.loss:.4f}"
    click.echo(f"\r{text}  {line.samples_per_s:.0f} samples/s  {minutes}:{seconds:02d} left ", nl=False)
    if (figures := line.figures) is not None:
        click.echo(
            f"\n  held out: IoU {figures.iou_mean:.3f} (5 % below {figures.iou_p5:.3f}, "
            f"turned {figures.iou_turned:.3f}), fired {figures.fired:.1%}, outside {figures.outside:.3f}/255, "
            f"inside {figures.inside:.3f}"
        )
        click.echo("  " + ", ".join(f"{name} {value:.4f}" for name, value in line.losses.items()))
