"""`python -m trainer.gallery NAME`: pairs of a lens of the gallery, a sheet to look at, and the package that ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lensd.cli.until_signal import until_signal
from lensd.errors import ConfigError, LensdError
from trainer.commands import progress_bar
from trainer.dataset.work import usable_cores
from trainer.gallery.lenses import GALLERY, taught
from trainer.gallery.painted import gallery_pairs
from trainer.gallery.sheet import write_sheet

if TYPE_CHECKING:
    from trainer.distil import Progress

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command(epilog="Lenses: " + ", ".join(lens.name for lens in GALLERY))
@click.argument("name")
@click.option("--out", "pairs", type=_FOLDER, required=True, help="Folder of the pairs: written, or taken if whole.")
@click.option(
    "--faces", type=_FOLDER, help="Photographs with mesh478.npz and index.csv; needed where no pairs are yet."
)
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Take each Nth face.")
@click.option("--workers", type=click.IntRange(1), help="Processes that paint.  [default: all cores]")
@click.option("--train", is_flag=True, help="Teach the student, or go on with it, and write the package.")
@click.option("--run", type=_FOLDER, help="Folder for the checkpoint.  [default: PAIRS-run]")
@click.option("--lenses", type=_FOLDER, help="Where NAME.lens is written.  [default: the run's folder]")
@click.option("--steps", type=click.IntRange(2), help="Steps in all, in place of the lesson's.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads of the training.")
@click.option("--bf16/--float32", default=None, help="Compute in bfloat16.  [default: where the CPU has it]")
@click.option("--sheet", type=click.Path(path_type=Path, dir_okay=False), help="Write a PNG of faces held out here.")
def main(
    name: str,
    pairs: Path,
    faces: Path | None,
    every: int,
    workers: int | None,
    train: bool,
    run: Path | None,
    lenses: Path | None,
    steps: int | None,
    threads: int,
    bf16: bool | None,
    sheet: Path | None,
) -> None:
    """Make the pairs of lens NAME, and with --train the lens.

    \b
    python -m trainer.gallery tiger --faces FACES --out tiger-pairs --sheet tiger.png
    python -m trainer.gallery tiger --out tiger-pairs --train --lenses lensd/lenses

    Ctrl-C saves the state; the same command goes on from it.
    """  # noqa: D301 (\b is click's: what follows is not wrapped)
    lens = taught(name)
    if not (pairs / "pairs.json").is_file():
        if faces is None:
            raise ConfigError(str(pairs), "holds no pairs yet", "--faces FOLDER")
        with progress_bar("painted") as tell:
            count = gallery_pairs(lens, faces, pairs, every=every, workers=workers or usable_cores(), tell=tell)
        click.echo(f"{count} faces in {pairs}")
    package = None
    if train:
        package = _train(name, pairs, run or pairs.with_name(f"{pairs.name}-run"), lenses, steps, threads, bf16)
    if sheet is not None:
        click.echo(f"{write_sheet(pairs, sheet, package=package)} faces in {sheet}")


def _train(
    name: str, pairs: Path, run: Path, lenses: Path | None, steps: int | None, threads: int, bf16: bool | None
) -> Path:
    from trainer.gallery.ship import ship, teach

    def tell_step(line: Progress) -> None:
        minutes, seconds = divmod(round(line.left_s), 60)
        click.echo(f"\r{line.step}/{line.steps}  loss {line.loss:.4f}  {minutes}:{seconds:02d} left ", nl=False)
        if line.figures is not None:
            iou = f"IoU {line.figures.iou_mean:.3f}, 5 % below {line.figures.iou_p5:.3f}"
            click.echo(f"\n  held out: {iou}, fired {line.figures.fired:.1%}, inside {line.figures.inside:.3f}")

    lens = taught(name)
    with until_signal() as stop:
        checkpoint = teach(lens, pairs, run, tell_step, stop, steps=steps, threads=threads, bf16=bf16)
    if checkpoint is None:
        raise ConfigError(name, f"stopped, and saved in {run}", "the same command goes on")
    with progress_bar("measured") as tell:
        package = ship(lens, pairs, checkpoint, lenses or run, tell)
    click.echo(f"wrote {package}")
    return package


if __name__ == "__main__":
    try:
        main(prog_name="python -m trainer.gallery", standalone_mode=True)
    except LensdError as error:
        raise SystemExit(f"{error.what}: {error.why}" + (f"\n  {error.hint}" if error.hint else "")) from None
