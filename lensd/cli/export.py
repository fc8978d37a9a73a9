"""`lensd export`: a lens to what a runtime runs; a training run's checkpoint to a lens (that is the trainer's part)."""

from __future__ import annotations

import importlib.metadata
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.config import RuntimeChoice
from lensd.errors import ConfigError, LensError
from lensd.lens.manifest import Precision

if TYPE_CHECKING:
    from lensd.lens.package import LensPackage

_BUILT = ("tensorrt", "tensorrt-rtx")
_WAIT_S = 0.2


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
    what = "lensd export CHECKPOINT"
    for point in importlib.metadata.entry_points(group="lensd.trainer", name="export_checkpoint"):
        try:
            command = point.load()
        except ImportError:
            break
        if isinstance(command, click.Command):
            return command
    raise ConfigError(what, "needs the trainer, which is not installed", "pip install 'snaplens[trainer]'")


@click.command(cls=_Export)
@click.argument("lens", shell_complete=complete_lens)
@click.option(
    "--runtime",
    type=click.Choice([name for name in get_args(RuntimeChoice) if name != "auto"]),
    required=True,
    help="What is to run it.",
)
@click.option(
    "--compute-capability",
    metavar="CC",
    callback=lambda _ctx, _option, text: _dotted(text),
    help="Build for another GPU, such as 8.9 or 89 for GeForce RTX 40 (tensorrt-rtx only; no GPU is needed here).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also write the plan into this folder, as LENS-RUNTIME-smCC.plan, and TensorRT's log of the build beside it.",
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

    For tensorrt and tensorrt-rtx a plan is built and kept where the daemon finds it. The other runtimes need nothing
    built. The lens's golden pair is run in each that can run here.

    \b
    lensd export thug-life --runtime tensorrt
    lensd export thug-life --runtime tensorrt-rtx --compute-capability 8.9 --output .

    A training run's CHECKPOINT is written as a lens package: lensd export CHECKPOINT --help
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from lensd.lens.network import check_network
    from lensd.lens.open import find_package
    from lensd.lens.package import open_package

    path = find_package(lens)
    if path is None:
        raise LensError("lens none", "draws nothing, so there is nothing to export", "lensd lenses")
    package = open_package(path)
    crop, network = package.manifest.crop, package.network_in(precision)  # raises where there is no network
    if crop is not None:
        check_network(network, crop.size_px, f"{package.name}.lens")
    if runtime not in _BUILT:
        if compute_capability or output:
            given = "--compute-capability" if compute_capability else "--output"
            raise ConfigError(given, f"{runtime} runs the package's own network; nothing is built for it")
        _prove(package, runtime, precision)
        return
    plan, log = _build(network, package.name, runtime, compute_capability)
    if output is not None:
        kind = runtime if precision == "float32" else f"{runtime}-{precision}"
        path = output / f"{package.name}-{kind}-sm{(compute_capability or _here()).replace('.', '')}.plan"
        _write(log.encode(), path.with_suffix(".log"))
        _write(plan, path)
    if compute_capability is None:
        _keep(network, runtime, plan)
        _prove(package, runtime, precision)
    else:
        print(f"not run here: it is for GPUs of compute capability {compute_capability}")


def _dotted(text: str | None) -> str | None:
    """Return a compute capability as major.minor, also where it was given as "89"."""
    return f"{text[:-1]}.{text[-1]}" if text and text.isdecimal() and len(text) > 1 else text


def _build(network: bytes, name: str, runtime: str, compute_capability: str | None) -> tuple[bytes, str]:
    from lensd.engine.plan_process import PlanBuild

    begin = time.monotonic()
    build = PlanBuild(network, runtime, compute_capability=compute_capability, name=name)
    with closing(build), click.progressbar(length=100, label=f"{name} for {runtime}", file=sys.stderr) as bar:
        plan, log = build.result(lambda share: bar.update(round(100 * share) - bar.pos)), build.log()
    print(f"{name} for {runtime}: plan of {len(plan) / 1e6:.1f} MB in {time.monotonic() - begin:.1f} s")
    return plan, log


def _here() -> str:
    from lensd.engine.cuda import gpu

    return "{}.{}".format(*gpu().compute_capability)


def _write(plan: bytes, path: Path) -> None:
    from lensd.whole_file import write_whole

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, plan)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error), "--output FOLDER") from error
    print(f"wrote {path}")


def _keep(network: bytes, runtime: str, plan: bytes) -> None:
    from lensd.engine.tensorrt import keep_plan

    print(f"kept as {keep_plan(network, runtime, plan)}")


def _prove(package: LensPackage, runtime: RuntimeChoice, precision: Precision) -> None:
    from lensd.doctor.prove import prove

    proof = prove(package, runtime, precision)
    print(f"{package.name} in {proof.runtime}: golden pair {proof.psnr_db:g} dB, {proof.best_ms:g} ms a frame")
