"""`lensd export`: a lens to what a runtime runs; a training run's checkpoint to a lens (that is the trainer's part)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.cli.trainer_part import trainer_part
from lensd.config import RuntimeChoice
from lensd.errors import LensError
from lensd.lens.manifest import Precision

if TYPE_CHECKING:
    from lensd.lens.package import LensPackage
    from lensd.tuning.prove import Proof

RUNTIMES = tuple(name for name in get_args(RuntimeChoice) if name != "auto")


class _Export(click.Command):
    """Leaves the whole command line to the trainer where its first file is a checkpoint."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Take the trainer's own command for a checkpoint, its options and help with it."""
        if any(_is_checkpoint(argument) for argument in args):
            return _trainers_command().make_context(info_name, args, parent, **extra)
        return super().make_context(info_name, args, parent, **extra)


def _is_checkpoint(argument: str) -> bool:
    path = Path(argument)
    if path.is_dir() and any(path.glob("checkpoint-*.safetensors")):  # a run's folder
        return True
    if argument.startswith("-") or path.suffix in {".lens", ".zip", ".md"}:
        return False
    return path.suffix in {".pt", ".pth", ".safetensors"} or ("/" in argument and path.is_file())


def _trainers_command() -> click.Command:
    command: click.Command = trainer_part("export_checkpoint", "lensd export CHECKPOINT")
    return command


def dotted(_ctx: object, _option: object, text: str | None) -> str | None:
    """Return a compute capability as major.minor, also where it was given as "89"."""
    return f"{text[:-1]}.{text[-1]}" if text and text.isdecimal() and len(text) > 1 else text


@click.command(cls=_Export)
@click.argument("lens", shell_complete=complete_lens)
@click.option(
    "--runtime", type=click.Choice(RUNTIMES), default="onnxruntime", show_default=True, help="What is to run it."
)
@click.option(
    "--compute-capability",
    metavar="CC",
    callback=dotted,
    help="Build for another GPU, such as 8.9 or 89 for GeForce RTX 40 (tensorrt-rtx only; no GPU is needed here).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write what that runtime runs into this folder, what is known of it as JSON beside it, and TensorRT's log.",
)
@click.option(
    "--precision",
    type=click.Choice(get_args(Precision)),
    default="float32",
    show_default=True,
    help="Which of the lens's networks (lensd quantise makes the others).",
)
def export(
    lens: str, runtime: RuntimeChoice, compute_capability: str | None, output: Path | None, precision: Precision
) -> None:
    """Make LENS (a name or a package's path) ready for a runtime, and prove it.

    For tensorrt and tensorrt-rtx a plan is built, and kept where the daemon finds it if it is for this machine's GPU.
    The other runtimes run the lens's own ONNX network: uint8, (1, S, S, 3) in and (1, S, S, 4) out. The lens's golden
    pair is run before anything is kept or written; of a plan for a GPU that is not here, that of its network.

    \b
    lensd export thug-life --runtime tensorrt
    lensd export thug-life --runtime tensorrt-rtx --compute-capability 8.9 --output .
    lensd export thug-life --output .

    A training run's CHECKPOINT is written as a lens package: lensd export CHECKPOINT --help
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from lensd.lens.open import find_package
    from lensd.lens.package import open_package

    path = find_package(lens)
    if path is None:
        raise LensError("lens none", "draws nothing, so there is nothing to export", "lensd lenses")
    export_package(open_package(path), runtime, precision, compute_capability, output)


def export_package(
    package: LensPackage,
    runtime: RuntimeChoice,
    precision: Precision,
    compute_capability: str | None,
    output: Path | None,
) -> None:
    """Do what `lensd export LENS` does, and print what was done.

    Raises:
        LensdError: as `lensd.doctor.artefact.make_artefact` and its `write`.
    """
    from lensd.doctor.artefact import BUILT, make_artefact

    name = package.name
    if runtime in BUILT:
        with click.progressbar(length=100, label=f"{name} for {runtime}", file=sys.stderr) as bar:
            made = make_artefact(
                package, runtime, precision, compute_capability, lambda share: bar.update(round(100 * share) - bar.pos)
            )
        size = f"{len(made.content) / 1e6:.1f} MB in {made.seconds:.1f} s"
        print(f"{name} for {runtime}: plan of {size}; build log {len(made.log.splitlines())} lines")
        print(f"timing cache: {made.timings}")
    else:
        made = make_artefact(package, runtime, precision, compute_capability)
    if made.proof is not None:
        print(_proved(name, made.proof))
    elif made.network is not None:
        print(f"the network: {_proved(name, made.network)}")
        print(f"the plan is not checked here: {made.unproved}")
    if output is not None:
        for path in made.write(output):
            print(f"wrote {path}")


def _proved(name: str, proof: Proof) -> str:
    return f"{name} in {proof.runtime}: golden pair {proof.psnr_db:g} dB, {proof.best_ms:g} ms a frame"
