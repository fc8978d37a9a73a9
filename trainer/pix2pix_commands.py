"""`lensd train` and `lensd pix2pix train`, `test`, `export`, registered under the entry points "lensd.commands"."""

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
    from trainer.pix2pix.fit import Fit
    from trainer.pix2pix.options import Options
    from trainer.pix2pix.ranks import Ranks
    from trainer.pix2pix.train import Progress

_FOLDER = click.Path(path_type=Path, file_okay=False)
_ANY = click.Path(path_type=Path)
# --input_dir is --input-dir: the field's command lines can be pasted as they are.
_NAMES = {"token_normalize_func": lambda name: str(name).replace("_", "-")}
_DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
_THREADS = click.option("--threads", type=click.IntRange(1), help="CPU threads; torch's choice where not given.")


class _Train(click.Command):
    """Reads the options' module when its options are asked for, not before: it imports torch."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return our own options, and one for each of a run's."""
        if not any(one.name == "ngf" for one in self.params):
            from trainer.pix2pix.options import Options

            self.params += [_parameter(known) for known in fields(Options)]
        return super().get_params(ctx)


@click.command(cls=_Train, context_settings=_NAMES)
@click.argument("folder", type=_FOLDER, required=False, metavar="[INPUT_DIR]")
@click.option("--input-dir", "--dataroot", type=_FOLDER, help="Folder of pairs A|B side by side: PNG, JPEG, WebP.")
@click.option("--output-dir", type=_FOLDER, required=True, help="Folder of the run.")
@click.option("--val-dir", type=_FOLDER, help="Pairs that are not taught; they say which checkpoint is the best.")
@click.option("--resume", "--continue-train", is_flag=True, help="Go on where the run in the output folder stopped.")
@click.option("--checkpoint", type=_ANY, help="Go on from another run's folder or file.")
@_DEVICE
@_THREADS
@click.option(
    "--num-threads", type=click.IntRange(1, 64), default=4, show_default=True, help="Threads that decode pictures."
)
@click.option(
    "--compile/--no-compile",
    "compiled",
    default=None,
    help="Let torch.compile fuse the networks (minutes at the start).  [default: on a GPU, where Triton is installed]",
)
@click.option("--bf16", is_flag=True, help="The same as --precision bf16.")
@click.option("--n-epochs", type=click.IntRange(1), help="Epochs before the rate falls; then --n-epochs-decay more.")
@click.option("--netD", "net_d", type=click.Choice(["basic", "n_layers", "pixel"]), help="In place of --patch.")
@click.option("--n-layers-D", "n_layers_d", type=click.IntRange(1, 5), help="With --netD n_layers: 3 is a patch of 70.")
def train(
    folder: Path | None,
    input_dir: Path | None,
    output_dir: Path,
    val_dir: Path | None,
    resume: bool,
    checkpoint: Path | None,
    device: str,
    threads: int | None,
    num_threads: int,
    compiled: bool | None,
    **chosen: Any,
) -> None:
    """Learn pictures from pictures, by pairs of them: pix2pix. Ctrl-C and SIGTERM save and end.

    \b
    lensd train facades/train --output-dir run --which-direction BtoA
    lensd train facades/train --output-dir run --resume

    --resume goes on, bit for bit on a CPU. Options may be typed with underscores. Several processes, on one machine or
    more: torchrun --nproc-per-node 2 -m lensd train ...
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from lensd.cli.until_signal import until_signal
    from trainer.pix2pix import keep
    from trainer.pix2pix.devices import compiles, device_named
    from trainer.pix2pix.fit import fit_to_test, fit_to_train
    from trainer.pix2pix.names import ours
    from trainer.pix2pix.options import Options, changed
    from trainer.pix2pix.ranks import join
    from trainer.pix2pix.train import Run
    from trainer.pix2pix.train import train as run_training

    if (input_dir is None) == (folder is None):
        raise click.UsageError("give the folder of pairs, once: lensd train FOLDER --output-dir RUN")
    source = folder or input_dir or Path()
    if not resume and output_dir.is_dir() and keep.numbered(output_dir):
        raise ConfigError(str(output_dir), "holds a run already", "add --resume, or choose another --output-dir")
    given = ours({name: value for name, value in chosen.items() if value is not None})
    ranks, where = join(device_named(device, threads=threads))
    begun = output_dir if resume else checkpoint
    kept = ranks.broadcast(keep.load(begun) if begun is not None and ranks.first else None)
    options = changed(kept[1].options, given) if kept is not None else Options.of(given)
    held_out = None
    if val_dir is not None:
        held_out = _read(val_dir, options, fit_to_test(options), "reading pictures held out", num_threads)
    pictures = _read(source, options, fit_to_train(options), "reading pictures", num_threads)
    compiled = compiles(where) if compiled is None else compiled
    run = Run(options, output_dir, pictures, held_out=held_out, device=where, compiled=compiled, ranks=ranks)
    if kept is not None:
        run.restore(*kept)
        del kept
    together = f", {ranks.size} processes" if ranks.size > 1 else ""
    line = f"{len(pictures.names)} pairs, {run.steps} steps, {_millions(run.model.generator)} M parameters, {where}"
    say(ranks, f"{line}, {run.options.precision}{together}")
    with until_signal() as stop:
        finished = run_training(run, stop=stop, tell=_tell)
    say(ranks, f"\n{'done' if finished else 'stopped, and saved'}: {keep.path_of(output_dir, run.model.step)}")
    say(ranks, f"next: lensd pix2pix test --checkpoint {output_dir} ..." if finished else "go on with --resume")


@click.group()
def pix2pix() -> None:
    """Learn any picture from any other, by pairs of them (Isola et al. 2017)."""


pix2pix.add_command(train)


@pix2pix.command(context_settings=_NAMES)
@click.option("--checkpoint", type=_ANY, required=True, help="A run's folder (its newest checkpoint), or a file.")
@click.option("--input-dir", "--dataroot", type=_FOLDER, required=True, help="Folder of pairs, or (--single) pictures.")
@click.option("--output-dir", "--results-dir", type=_FOLDER, required=True, help="Folder for images/ and index.html.")
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
@click.option("--eval", "evaluating", is_flag=True, help="The same as --statistics running, without noise.")
@click.option("--num-test", "--how-many", type=click.IntRange(1), help="Paint the first so many; all if not given.")
@click.option(
    "--output-filetype", type=click.Choice(["png", "jpeg"]), default="png", show_default=True, help="Of the pictures."
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
    evaluating: bool,
    num_test: int | None,
    output_filetype: str,
    device: str,
    threads: int | None,
) -> None:
    """Paint a folder of pictures; write inputs, outputs, targets and a page that shows them."""
    from trainer.commands import progress_bar
    from trainer.pix2pix.devices import device_named
    from trainer.pix2pix.paint import paint_folder

    if evaluating and (noise or statistics == "own"):
        raise click.UsageError("--eval is without noise, and with running statistics")
    statistics = "running" if evaluating else statistics
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
            filetype=output_filetype,
            most=num_test,
            device=device_named(device, threads=threads),
            tell=tell,
        )
    click.echo(f"{count} pictures: {output_dir / 'index.html'}")


@pix2pix.command(context_settings=_NAMES)
@click.argument("source", type=_ANY, required=False, metavar="[CHECKPOINT]")
@click.option("--checkpoint", type=_ANY, help="A run's folder (its newest checkpoint), or a file.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The ONNX file; beside the checkpoint if not given."
)
@click.option("--raw", is_flag=True, help="Use the last weights instead of their running mean.")
def export(source: Path | None, checkpoint: Path | None, out: Path | None, raw: bool) -> None:
    """Write the generator as an ONNX file: (1, S, S, 3) uint8 RGB in and out."""
    from trainer.pix2pix import keep
    from trainer.pix2pix.export import export as write

    if (checkpoint is None) == (source is None):
        raise click.UsageError("give one checkpoint: lensd export RUN")
    found = source or checkpoint or Path()
    found = keep.newest(found) if found.is_dir() else found
    out = out or found.with_suffix(".onnx")
    apart = write(found, out, averaged=not raw)
    click.echo(f"wrote {out}; torch and ONNX Runtime differ by at most {apart} of 255")
    click.echo("it paints whole pictures; the network of a live lens, with a matte, comes from lensd distil")


class _Either(click.Command):
    """`lensd export CHECKPOINT`: of a pix2pix run, an ONNX file; else a lens package."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Take the command that fits the first file or folder among `args`."""
        from trainer.commands import export as export_lens
        from trainer.pix2pix import keep

        paths = [Path(argument) for argument in args if not argument.startswith("-")]
        is_pix2pix = any(keep.is_ours(path) for path in paths if path.exists())
        command = export if is_pix2pix else export_lens
        return command.make_context(info_name, args, parent, **extra)


@click.command(cls=_Either)
def export_checkpoint() -> None:
    """Write what was trained as a lens package, or of a pix2pix run as an ONNX file."""


def say(ranks: Ranks, text: str) -> None:
    """Print a line, in the first process only."""
    if ranks.first:
        click.echo(text)


def _parameter(known: Field[Any]) -> click.Option:
    limits, name = known.metadata, known.name.replace("_", "-")
    assert known.default is not MISSING  # noqa: S101 (every option has one)
    default = known.default if known.default is not None else "none"
    if known.type == "bool":
        default = "on" if known.default else "off"
    about = f"{limits['about']}  [default: {default}]"
    if known.type == "bool":
        return click.Option([known.name, f"--{name}/--no-{name}"], default=None, help=about)
    kind: click.ParamType[Any] = {"float": click.FLOAT, "str": click.STRING}.get(str(known.type), click.INT)
    if limits["among"] and known.type == "str":
        kind = click.Choice(limits["among"], case_sensitive=False)
    # click would show names as they are compared: unet-256, btoa.
    shown = f"[{'|'.join(map(str, limits['among']))}]" if limits["among"] else None
    names = [f"--{one.replace('_', '-')}" for one in (known.name, *limits["also"])]
    return click.Option([known.name, *names], type=kind, default=None, help=about, metavar=shown)


def _read(folder: Path, options: Options, fit: Fit, label: str, workers: int) -> Pictures:
    from trainer.commands import progress_bar
    from trainer.pix2pix.data import read_pictures

    with progress_bar(label) as tell:
        return read_pictures(
            folder,
            fit,
            options.which_direction,
            single=options.lab_colorization,
            channels=(options.input_nc, options.output_nc),
            most=options.max_dataset_size,
            workers=workers,
            tell=tell,
        )


def _millions(network: Any) -> str:
    return f"{sum(weight.numel() for weight in network.parameters()) / 1e6:.1f}"


def _tell(line: Progress) -> None:
    minutes, seconds = divmod(round(line.left_s), 60)
    short = {"discriminator_loss": "D", "generator_loss_GAN": "GAN", "generator_loss_L1": "L1"}
    losses = "  ".join(f"{short[name]} {value:.4f}" for name, value in line.losses.items())
    share = f"{line.step}/{line.steps} (epoch {line.epoch})"
    click.echo(f"\r{share}  {line.images_per_s:.1f} images/s  {minutes}:{seconds:02d} left  {losses}   ", nl=False)
