"""`lensd pairs`: pictures to pairs. `faces` is in `trainer.commands`; without a verb it is meant."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lensd.errors import LensError, MediaError
from trainer.dataset.names import Landmarks, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lensd.lens.overlay import Sticker
    from trainer.dataset.work import Work

FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_OUT = click.option("--out", type=FOLDER, required=True, help="Folder to write; what is there already is left out.")
WORKERS = click.option("--workers", type=click.IntRange(1, 64), help="Processes; as many as there are cores.")
_APART = click.option("--apart", is_flag=True, help="A and B in folders of their own, not side by side.")
_SPLIT = click.option("--split", "list_file", type=_FILE, help="A list from `lensd pairs split`.")
_SIZE = click.option("--size", type=click.IntRange(16, 4096), default=256, show_default=True, help="Pixels a side.")
_PAD = click.option("--pad", is_flag=True, help="All of the picture on black, not its middle.")
LANDMARKS = click.option(
    "--landmarks",
    type=click.Choice(get_args(Landmarks)),
    default="auto",
    show_default=True,
    help="The faces: from mesh478.npz, our tracker or MediaPipe; auto takes the first that is there and finds one.",
)


class VerbOrFaces(click.Group):
    """Takes `lensd pairs --lens L ...`, which came first, for `lensd pairs faces --lens L ...`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put "faces" before arguments that begin with an option of its."""
        if args and args[0].startswith("-") and args[0] not in ctx.help_option_names:
            args = ["faces", *args]
        return super().parse_args(ctx, args)


@click.group(cls=VerbOrFaces)
def pairs() -> None:
    """Make pairs (before, after) of pictures, and look for what is wrong with them.

    All pictures are checked before anything is written. A file appears whole or not at all, and what is there is left
    out: a run that was cut goes on with the same command. Files are written as OUT/train/NAME.png with A and B side by
    side, which pix2pix-tensorflow and pytorch-CycleGAN-and-pix2pix read as it is.
    """


@pairs.command()
@click.argument("a", type=FOLDER)
@click.argument("b", type=FOLDER)
@_OUT
@click.option("--matte", type=FOLDER, help="A third folder: what the drawing covers of B, kept in OUT/matte.")
@click.option("--overlay", is_flag=True, help="B is a transparent layer: lay it over A, and keep its matte.")
@click.option("--size", type=click.IntRange(16, 4096), help="Bring both to squares of so many pixels.")
@_PAD
@_APART
@_SPLIT
@WORKERS
def combine(a: Path, b: Path, out: Path, list_file: Path | None, workers: int | None, **chosen: Any) -> None:
    """Make pairs of the pictures of one name in folders A and B."""
    from trainer.dataset import sides

    _finish(sides.combine(a, b, out, phases=_phases(list_file), **chosen), workers, out)
    _keep_index(a, out)


@pairs.command()
@click.argument("folder", type=FOLDER)
@_OUT
@WORKERS
def apart(folder: Path, out: Path, workers: int | None) -> None:
    """Halve side-by-side pictures: OUT/A/train/NAME.png and OUT/B/train/NAME.png."""
    from trainer.dataset.sides import take_apart

    _finish(take_apart(folder, out), workers, out)
    _keep_index(folder, out)


@pairs.command()
@click.argument("video", type=_FILE)
@_OUT
@click.option("--every", type=click.IntRange(1), default=1, show_default=True, help="Only each N-th frame.")
@click.option("--most", type=click.IntRange(1), help="No more than so many.")
def frames(video: Path, out: Path, every: int, most: int | None) -> None:
    """Write a video's frames as pictures."""
    from trainer.dataset.frames import write_frames

    with bar() as tell:
        done = write_frames(video, out, every=every, most=most, tell=tell)
    click.echo(f"{done.written} written to {out}, {done.skipped} were there")


@pairs.command()
@click.argument("folder", type=FOLDER)
@click.option("--lens", required=True, help="The overlay: a name as in `lensd lenses`, or a folder.")
@_OUT
@click.option("--whole", is_flag=True, help="The whole photograph, not a square round each face.")
@click.option(
    "--side", type=click.FloatRange(0.5, 6), default=1.4, show_default=True, help="Of the square, face units."
)
@click.option("--up", type=click.FloatRange(-2, 2), default=0.05, show_default=True, help="Its centre, face units.")
@_SIZE
@LANDMARKS
@_APART
@_SPLIT
@WORKERS
def draw(
    folder: Path, lens: str, out: Path, landmarks: Landmarks, list_file: Path | None, workers: int | None, **chosen: Any
) -> None:
    """Draw an overlay lens on every face of the photographs in FOLDER: A, B and the matte as picture files."""
    from trainer.dataset.draw import View, draw_works

    view = None if chosen["whole"] else View(chosen["side"], chosen["up"], chosen["size"])
    works = draw_works(
        folder, out, stickers_named(lens), view, landmarks=landmarks, phases=_phases(list_file), apart=chosen["apart"]
    )
    _finish(works, workers, out)
    if not any(work.targets[-1].exists() for work in works):
        raise MediaError(str(folder), f"no face is found in any of its {len(works)} photographs")
    _keep_index(folder, out)
    if without := sum(not work.targets[-1].exists() for work in works):
        click.echo(f"{without} of {len(works)} photographs show no face that is found, and were left out")


@pairs.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", type=_FILE, required=True, help="The list to write, .json or .csv.")
@click.option("--by", default="random", show_default=True, help="random, or a column of the table: person, source.")
@click.option("--index", type=_FILE, help="The table; FOLDER/index.csv where not given.")
@click.option("--pattern", help=r"Take the group from the name: '^([^_]+)_' is all before the first _.")
@click.option("--val", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share for choosing.")
@click.option("--test", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share for testing.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another one deals otherwise.")
def split(folder: Path, out: Path, by: str, index: Path | None, pattern: str | None, **shares: Any) -> None:
    """Say which pictures are for training, choosing and testing, as a list; `combine` and `draw` take it.

    By person or by group, all pictures of one stay together. No file is moved.
    """
    from trainer.dataset.photographs import photographs_in
    from trainer.dataset.split import INDEX, group_by_column, group_by_pattern, write_list
    from trainer.dataset.split import split as deal

    names = list(photographs_in(folder))
    if pattern is not None:
        groups: Mapping[str, str] = group_by_pattern(names, pattern)
    elif by == "random":
        groups = dict(zip(names, names, strict=True))
    else:
        table = index or folder / INDEX
        told = group_by_column(table, by)
        if unknown := [name for name in names if name not in told]:
            raise MediaError(str(table), f"says nothing of {unknown[0]} and {len(unknown) - 1} more", "--pattern")
        groups = {name: told[name] for name in names}
    phases = deal(groups, **shares)
    write_list(out, phases, groups)
    counts = ", ".join(f"{phase} {list(phases.values()).count(phase)}" for phase in ("train", "val", "test"))
    click.echo(f"{counts} of {len(set(groups.values()))} groups: {out}")


@pairs.command()
@click.argument("folder", type=FOLDER)
@click.option("--split", "list_file", type=_FILE, help="A list from `lensd pairs split`, for a folder without parts.")
@click.option("--faces/--no-faces", default=None, help="Whether every A is to show a face; with mattes, yes.")
@click.option("--sheet", type=_FILE, help="Write a contact sheet here, a PNG; what is wrong comes first, in red.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@WORKERS
def check(
    folder: Path, list_file: Path | None, faces: bool | None, sheet: Path | None, as_json: bool, workers: int | None
) -> None:
    """Look for what is wrong with a folder of pairs, and say what to drop. Nothing in it is changed.

    Broken and lone pictures, sizes, pictures that are there twice (the same, or looking the same), B more than 3 px
    away from A, empty mattes, no face, and persons who are in two parts of the split. Status 1 where
    something is to drop.
    """
    from trainer.dataset import windows
    from trainer.dataset.check import check_pairs
    from trainer.dataset.layout import list_pairs
    from trainer.dataset.measure import PairToMeasure
    from trainer.dataset.split import read_list
    from trainer.dataset.work import usable_cores

    found: Sequence[PairToMeasure]
    alone: list[str] = []
    if (folder / windows.INDEX).is_file():
        found, mattes = windows.list_windows(folder), False  # there, faces were found to begin with
        workers = 1  # the folder is read into memory once
    else:
        phases, persons = read_list(list_file) if list_file is not None else (None, None)
        found, alone = list_pairs(folder, phases, persons)
        mattes = any(pair.matte is not None for pair in found)
    with bar() as tell:
        report = check_pairs(
            found,
            alone,
            look_for_faces=mattes if faces is None else faces,
            workers=workers or usable_cores(),
            tell=tell,
        )
    if sheet is not None:
        from trainer.dataset.sheet import write_sheet

        write_sheet(sheet, found, report)
    click.echo(json.dumps(report.as_dict(), ensure_ascii=False) if as_json else report.as_text())
    if sheet is not None and not as_json:
        click.echo(f"contact sheet: {sheet}")
    if report.drop:
        sys.exit(1)


def _one_by_one_command(operation: Operation, text: str) -> None:
    """Register the command of one operation, with the options that it has."""

    @click.argument("folder", type=FOLDER)
    @_OUT
    @WORKERS
    def command(folder: Path, out: Path, workers: int | None, **how: Any) -> None:
        from trainer.dataset.one_by_one import How, one_by_one

        _finish(one_by_one(folder, out, How(operation, **how)), workers, out)

    if operation == "resize":
        command = _PAD(_SIZE(command))
    elif operation == "edges":
        command = click.option(
            "--sigma", type=click.FloatRange(0.1, 20), default=1.4, show_default=True, help="More leaves fewer lines."
        )(command)
    pairs.command(operation, help=text)(command)


_one_by_one_command("resize", "Make the pictures in FOLDER square: their middle, or with --pad all of them.")
_one_by_one_command("grayscale", "Take the colour out of the pictures in FOLDER.")
_one_by_one_command("blank", "Put a white square of 30 % of the side into the middle of the pictures in FOLDER.")
_one_by_one_command("edges", "Draw the outlines of the pictures in FOLDER, black on white (OpenCV's Canny).")


def stickers_named(lens: str) -> list[Sticker]:
    """Return what the overlay named `lens` draws.

    Raises:
        LensError: no such lens, or it is no overlay.
    """
    from lensd.lens.open import find_package, stickers_of
    from lensd.lens.package import open_package

    path = find_package(lens)
    stickers = stickers_of(open_package(path)) if path is not None else []
    if not stickers:
        raise LensError(f"lens {lens}", "is no overlay, so it cannot teach", "lensd lenses")
    return stickers


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that takes a stage's name, work done and in all, and moves a bar, on a terminal only."""
    current: Any = None
    stage = ""

    def tell(label: str, done: int, of: int) -> None:
        nonlocal current, stage
        if not sys.stderr.isatty():
            return
        if label != stage:
            end()
            stage, current = label, click.progressbar(length=of, label=label, file=sys.stderr, show_pos=True)
            current.__enter__()
        current.update(done - current.pos)

    def end() -> None:
        if current is not None:
            current.__exit__(None, None, None)

    try:
        yield tell
    finally:
        end()


def _finish(works: Sequence[Work], workers: int | None, out: Path) -> None:
    from trainer.dataset.work import run, usable_cores

    with bar() as tell:
        done = run(works, workers or usable_cores(), tell)
    click.echo(f"{done.written} done, {done.skipped} were there: {out}")


def _phases(list_file: Path | None) -> dict[str, str] | None:
    from trainer.dataset.split import read_list

    return None if list_file is None else read_list(list_file)[0]


def _keep_index(folder: Path, out: Path) -> None:
    """Copy who is on which picture, so that `check` can look for leaks."""
    from trainer.dataset.split import INDEX, read_text
    from trainer.dataset.write import write_file

    index = folder / INDEX
    if index.is_file() and out.resolve() != folder.resolve() and not (out / INDEX).exists():
        write_file(out / INDEX, read_text(index).encode())
