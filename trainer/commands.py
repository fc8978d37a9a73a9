"""`lensd pairs` and `lensd export`, registered under the entry points "lensd.commands"."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lensd.cli.export import RUNTIMES, dotted, export_package
from lensd.errors import ConfigError
from lensd.lens.package import open_package
from trainer.dataset.names import Landmarks
from trainer.pairs_commands import LANDMARKS, WORKERS, pairs, stickers_named

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lensd.config import RuntimeChoice


if importlib.util.find_spec("torch") is None:  # looked for, not imported: that takes two seconds
    raise ImportError("the trainer needs torch")

# Named here without importing them, which takes seconds: `lensd --help` loads this module too.
for _needed in ("torch", "safetensors", "onnx"):
    if find_spec(_needed) is None:
        raise ImportError(f"the trainer needs {_needed}", name=_needed)

_FOLDER = click.Path(path_type=Path, file_okay=False)


@pairs.command()
@click.option("--lens", required=True, help="The overlay to be taught: a name as in `lensd lenses`, or a folder.")
@click.option(
    "--faces", "folder", type=_FOLDER, required=True, help="Photographs; with images/, index.csv, mesh478.npz if known."
)
@click.option("--out", type=_FOLDER, required=True, help="Folder to write the pairs to.")
@click.option(
    "--side",
    type=click.FloatRange(0.5, 6),
    default=1.4,
    show_default=True,
    help="Side of the network's square, face units.",
)
@click.option(
    "--up",
    type=click.FloatRange(-2, 2),
    default=0.05,
    show_default=True,
    help="How far its centre lies above the face's, face units.",
)
@click.option(
    "--size",
    type=click.IntRange(64, 512),
    default=256,
    show_default=True,
    help="Pixels a side of the network's square.",
)
@LANDMARKS
@WORKERS
def faces(
    lens: str,
    folder: Path,
    out: Path,
    side: float,
    up: float,
    size: int,
    landmarks: Landmarks,
    workers: int | None,
) -> None:
    """Make training pairs for `lensd distil` from photographs and an overlay lens, a face each.

    Without mesh478.npz the faces are found: by our tracker, then by MediaPipe where it is installed. Then index.csv
    (file, person, source) is not needed either; each photograph counts as a person of its own.
    """
    from trainer.dataset.photographs import MESH, find_photographs
    from trainer.dataset.work import usable_cores
    from trainer.pairs import Crop, make_pairs

    stickers = stickers_named(lens)
    found, without = None, 0
    if landmarks != "mesh" and not (landmarks == "auto" and (folder / MESH).exists()):
        with progress_bar("searched") as tell:
            rows, meshes, without = find_photographs(folder, landmarks, workers or usable_cores(), tell)
        found = rows, meshes
    with progress_bar("pictures") as tell:
        count = make_pairs(folder, out, stickers, Crop(side, up, size), tell, found)
    if without:
        click.echo(f"{without} photographs show no face that is found, and were left out")
    click.echo(f"{count} faces in {out}; look at {out / 'look'}, then: lensd distil --pairs {out} --run RUN")


@click.command()
@click.argument("source", metavar="CHECKPOINT", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--out", "--output", "out", type=_FOLDER, required=True, help="The package to write, NAME.lens.")
@click.option("--title", help="What people read; from the name where not given.")
@click.option("--teacher", required=True, help="The overlay that it was taught.")
@click.option("--version", default="1.0.0", show_default=True, help="Of the lens.")
@click.option("--card", type=click.Path(path_type=Path, dir_okay=False), help='CARD.md; "{facts}" is filled in.')
@click.option("--runtime", type=click.Choice(RUNTIMES), help="Also make it ready for this runtime, beside the package.")
@click.option("--compute-capability", metavar="CC", callback=dotted, help="For another GPU: 8.9 or 89 (tensorrt-rtx).")
def export(
    source: Path,
    out: Path,
    title: str | None,
    teacher: str,
    version: str,
    card: Path | None,
    runtime: RuntimeChoice | None,
    compute_capability: str | None,
) -> None:
    """Write a trained generator as a lens package, proved on its golden pair.

    With --runtime it goes on as `lensd export LENS` does: what that runtime runs is built and proved, and written
    beside the package.
    """
    from trainer.export import About, licence_text
    from trainer.export import export as write

    if out.suffix != ".lens":
        raise ConfigError(str(out), "a lens package is a folder NAME.lens", f"--out {out}.lens")
    name = out.stem
    about = About(name, title or name.replace("-", " ").title(), teacher, version)
    text = card.read_text() if card else f"# {about.title}\n\n{{facts}}\n"
    if compute_capability and runtime is None:
        raise ConfigError("--compute-capability", "is of the GPU that a plan is for", "--runtime tensorrt-rtx")
    difference = write(source, out, about, text, licence_text())
    click.echo(f"wrote {out}; torch and ONNX Runtime differ by {difference:.3f} of 255 on the golden picture")
    if runtime is not None:
        export_package(open_package(out), runtime, "float32", compute_capability, out.resolve().parent)
    click.echo(f"next: lensd evaluate {out} --faces DIR, then: lensd run --lens {name}")


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that takes work done and in all, and moves a bar; it is drawn on a terminal only."""
    bar = None

    def tell(done: int, of: int) -> None:
        nonlocal bar
        if bar is None:
            bar = click.progressbar(length=of, label=label)
            bar.__enter__()
        bar.update(done - bar.pos)

    try:
        yield tell
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)
