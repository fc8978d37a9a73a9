"""`lensd pix2pix train`, `test` and `export`, registered under the entry points "lensd.commands"."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lensd.errors import ConfigError

for _needed in ("torch", "safetensors", "onnx"):  # looked for, not imported: that takes two seconds
    if find_spec(_needed) is None:
        raise ImportError(f"pix2pix needs {_needed}", name=_needed)

if TYPE_CHECKING:
    from trainer.pix2pix.data import Pictures
    from trainer.pix2pix.options import Options
    from trainer.pix2pix.train import Progress

_FOLDER = click.Path(path_type=Path, file_okay=False)
_ANY = click.Path(path_type=Path)
# --input_dir is --input-dir: the field's command lines can be pasted as they are.
_NAMES = {"token_normalize_func": lambda name: str(name).replace("_", "-")}
_DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
_THREADS = click.option("--threads", type=click.IntRange(1), help="CPU threads; torch's choice where not given.")


class _Group(click.Group):
    """Reads the options' module when `train` is asked for, not before: it imports torch."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = super().get_command(ctx, cmd_name)
        if cmd_name == "train" and command is not None and not any(one.name == "ngf" for one in command.params):
            from trainer.pix2pix.options import Options

            command.params += [_parameter(known) for known in fields(Options)]
        return command


@click.group(cls=_Group)
def pix2pix() -> None:
    """Learn any picture from any other, by pairs of them (Isola et al. 2017)."""


@pix2pix.command(context_settings=_NAMES)
@click.option("--input-dir", type=_FOLDER, required=True, help="Folder of pairs A|B side by side: PNG, JPEG, WebP.")
@click.option("--output-dir", type=_FOLDER, required=True, help="Folder of the run.")
@click.option("--val-dir", type=_FOLDER, help="Pairs that are not taught; they say which checkpoint is the best.")
@click.option("--resume", is_flag=True, help="Go on where the run in the output folder stopped.")
@click.option("--checkpoint", type=_ANY, help="Go on from another run's folder or file.")
@_DEVICE
@_THREADS
@click.option("--bf16", is_flag=True, help="Compute in bfloat16; weights and losses stay float32.")
@click.option("--compile", "compiled", is_flag=True, help="Let torch.compile fuse the networks (minutes at the start).")
def train(
    input_dir: Path,
    output_dir: Path,
    val_dir: Path | None,
    resume: bool,
    checkpoint: Path | None,
    device: str,
    threads: int | None,
    bf16: bool,
    compiled: bool,
    **chosen: Any,
) -> None:
    """Train on pairs. Ctrl-C and SIGTERM save and end; --resume goes on, bit for bit on a CPU."""
    from trainer.commands import until_signal
    from trainer.pix2pix import keep
    from trainer.pix2pix.devices import device_named
    from trainer.pix2pix.options import Options, changed
    from trainer.pix2pix.train import Run
    from trainer.pix2pix.train import train as run_training

    if not resume and output_dir.is_dir() and keep.numbered(output_dir):
        raise ConfigError(str(output_dir), "holds a run already", "add --resume, or choose another --output-dir")
    given = {name: value for name, value in chosen.items() if value is not None}
    source = output_dir if resume else checkpoint
    kept = keep.load(source) if source is not None else None
    options = changed(kept[1].options, given) if kept is not None else Options.of(given)
    where = device_named(device, bf16=bf16, threads=threads)
    held_out = _read(val_dir, options, options.crop_size, "reading pictures held out") if val_dir is not None else None
    pictures = _read(input_dir, options, options.scale_size, "reading pictures")
    run = Run(options, output_dir, pictures, held_out=held_out, device=where, bf16=bf16, compiled=compiled)
    if kept is not None:
        run.restore(*kept)
        del kept
    click.echo(
        f"{len(pictures.names)} pairs, {run.steps} steps, {_millions(run.model.generator)} M parameters, {where}"
    )
    with until_signal() as stop:
        finished = run_training(run, stop=stop, tell=_tell)
    click.echo(f"\n{'done' if finished else 'stopped, and saved'}: {keep.newest(output_dir)}")
    click.echo(f"next: lensd pix2pix test --checkpoint {output_dir} ..." if finished else "go on with --resume")


@pix2pix.command(context_settings=_NAMES)
@click.option("--checkpoint", type=_ANY, required=True, help="A run's folder (its newest checkpoint), or a file.")
@click.option("--input-dir", type=_FOLDER, required=True, help="Folder of pairs, or with --single of pictures.")
@click.option("--output-dir", type=_FOLDER, required=True, help="Folder for images/ and index.html.")
@click.option("--single", is_flag=True, help="The pictures are inputs alone, without a target beside them.")
@click.option(
    "--aspect-ratio",
    type=click.FloatRange(0.05, 20),
    default=1.0,
    show_default=True,
    help="Width over height, written.",
)
@click.option("--noise", is_flag=True, help="Keep dropout, as the paper does; without it two runs paint the same.")
@click.option("--raw", is_flag=True, help="Use the last weights instead of their running mean.")
@click.option(
    "--statistics",
    type=click.Choice(["auto", "own", "running"]),
    default="auto",
    show_default=True,
    help="For batch norm: each picture's own (as the paper), or the training's; auto: own below batches of 8.",
)
@_DEVICE
@_THREADS
def test(
    checkpoint: Path,
    input_dir: Path,
    output_dir: Path,
    single: bool,
    aspect_ratio: float,
    noise: bool,
    raw: bool,
    statistics: str,
    device: str,
    threads: int | None,
) -> None:
    """Paint a folder of pictures; write inputs, outputs, targets and a page that shows them."""
    from trainer.commands import progress_bar
    from trainer.pix2pix.devices import device_named
    from trainer.pix2pix.paint import paint_folder

    with progress_bar("pictures") as tell:
        count = paint_folder(
            checkpoint,
            input_dir,
            output_dir,
            single=single,
            averaged=not raw,
            dropout=noise,
            own=None if statistics == "auto" else statistics == "own",
            aspect_ratio=aspect_ratio,
            device=device_named(device, threads=threads),
            tell=tell,
        )
    click.echo(f"{count} pictures: {output_dir / 'index.html'}")


@pix2pix.command(context_settings=_NAMES)
@click.option("--checkpoint", type=_ANY, required=True, help="A run's folder (its newest checkpoint), or a file.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The ONNX file to write.")
@click.option("--raw", is_flag=True, help="Use the last weights instead of their running mean.")
def export(checkpoint: Path, out: Path, raw: bool) -> None:
    """Write the generator as an ONNX file: (1, S, S, 3) uint8 RGB in and out."""
    from trainer.pix2pix.export import export as write

    apart = write(checkpoint, out, averaged=not raw)
    click.echo(f"wrote {out}; torch and ONNX Runtime differ by at most {apart} of 255")


def _parameter(known: Field[Any]) -> click.Option:
    limits, name = known.metadata, known.name.replace("_", "-")
    assert known.default is not MISSING  # noqa: S101 (every option has one)
    default = known.default if known.default is not None else "none"
    if known.type == "bool":
        default = "on" if known.default else "off"
    about = f"{limits['about']}  [default: {default}]"
    if known.type == "bool":
        return click.Option([f"--{name}/--no-{name}"], default=None, help=about)
    kind: click.ParamType[Any] = {"float": click.FLOAT, "str": click.STRING}.get(str(known.type), click.INT)
    if limits["among"] and known.type == "str":
        kind = click.Choice(limits["among"], case_sensitive=False)
    # click would show names as they are compared: unet-256, btoa.
    shown = f"[{'|'.join(map(str, limits['among']))}]" if limits["among"] else None
    return click.Option([f"--{name}"], type=kind, default=None, help=about, metavar=shown)


def _read(folder: Path, options: Options, size: int, label: str) -> Pictures:
    from trainer.commands import progress_bar
    from trainer.pix2pix.data import read_pictures

    with progress_bar(label) as tell:
        return read_pictures(folder, size, options.which_direction, single=options.lab_colorization, tell=tell)


def _millions(network: Any) -> str:
    return f"{sum(weight.numel() for weight in network.parameters()) / 1e6:.1f}"


def _tell(line: Progress) -> None:
    minutes, seconds = divmod(round(line.left_s), 60)
    short = {"discriminator_loss": "D", "generator_loss_GAN": "GAN", "generator_loss_L1": "L1"}
    losses = "  ".join(f"{short[name]} {value:.4f}" for name, value in line.losses.items())
    share = f"{line.step}/{line.steps} (epoch {line.epoch})"
    click.echo(f"\r{share}  {line.images_per_s:.1f} images/s  {minutes}:{seconds:02d} left  {losses}   ", nl=False)
