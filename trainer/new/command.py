"""`lensd new`: what was typed to a wish, and the wish to an installed lens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lensd.cli.until_signal import until_signal
from lensd.errors import ConfigError, MediaError
from lensd.lens.manifest import Anchor
from trainer.commands import progress_bar
from trainer.new.efforts import OF_PAIRS, OF_STICKERS, EffortName

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainer.new.plan import Machine
    from trainer.new.stages import Stage
    from trainer.new.wish import Wish

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_THREADS_MAX = 8


@click.command()
@click.argument("name")
@click.option("--sticker", type=_FILE, help="What is worn: a PNG with transparency.")
@click.option("--anchor", type=click.Choice(get_args(Anchor)), help="Where: the part of the face it moves with.")
@click.option("--faces", type=_FOLDER, help="Photographs of people to learn on (with --sticker).")
@click.option("--pairs", type=_FOLDER, help="Pictures before and after, in place of a sticker.")
@click.option(
    "--effort",
    type=click.Choice(get_args(EffortName)),
    default="quick",
    show_default=True,
    help="How long to learn: a sticker about 2, 6 or 10 minutes of one core, pairs 10, 40 or 100.",
)
@click.option(
    "--width", type=click.FloatRange(0.02, 4), help="Of the sticker; 1 is hair line to chin, eyes are 0.5 apart."
)
@click.option(
    "--centre", type=(float, float), metavar="X Y", help="Of the sticker; 0 0 is the middle of the face, Y down."
)
@click.option("--title", help="What people read; from NAME where not given.")
@click.option("--author", help="Who made it; you, where not given.")
@click.option("--licence", help="Under which it may be passed on.")
@click.option("--data", help="Whose pictures it was taught with, for its card.")
@click.option(
    "--run", "folder", type=_FOLDER, help="Where it is made; else among lensd's own files, named at the start."
)
@click.option("--replace", is_flag=True, help="Put it in the place of your lens of that name.")
@click.option("--again", metavar="STAGE", help="Do a stage once more, and all after it.")
@click.option("--restart", is_flag=True, help="Throw away what was begun under this name.")
@click.option("--threads", type=click.IntRange(1, 64), help="CPU threads; as many as there are cores.")
@click.option("--steps", type=click.IntRange(2), hidden=True, help="Training steps, in place of the effort's.")
@click.option("--size", type=click.IntRange(64, 512), hidden=True, help="Pixels a side of the network's picture.")
def new(name: str, folder: Path | None, **chosen: Any) -> None:
    """Make a lens called NAME from a sticker, or from pictures before and after, and install it.

    \b
    lensd new shades --sticker shades.png --anchor eyes --faces photographs
    lensd new toon --pairs before-after --effort good
    lensd switch shades

    A sticker is a PNG with transparency; where it sits follows from --anchor, and a first look at it is drawn before
    anything is learned. The network learns on the photographs in --faces: hundreds of people if you can, JPEG or PNG,
    one face or more on each (index.csv and mesh478.npz beside images/ are used where they are there). Without --faces
    they are looked for in the folder faces among lensd's own files.

    Pairs are files with A on the left and B on the right, or folders A and B with the same names. No matte is needed:
    what differs is painted. B has to lie on A to a few pixels.

    Cut it whenever you like (Ctrl-C, a power cut): the same command goes on where it was. A page of results with the
    worst faces shown is written at the end.
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from trainer.new.installing import check_free
    from trainer.new.stages import locked, run_stages
    from trainer.new.wish import begin_run, default_run

    wish = _wish(name, chosen)
    run = folder or default_run(name)
    for taken in (name, wish.overlay_name) if wish.sticker is not None else (name,):
        check_free(taken, replace=chosen["replace"], run=run)
    _look_before(wish, run, again=chosen["again"], restart=chosen["restart"])
    begin_run(run, wish)
    with locked(run), until_signal() as came:
        from trainer.new.display import TerminalDisplay
        from trainer.new.plan import stages_of

        stages = stages_of(wish, run, _machine(chosen["threads"]), _count(wish))
        _forget(stages, run, chosen["again"], wish)
        click.echo(f"{name}: {wish.told}, effort {wish.effort.name}; made in {run}")
        display = TerminalDisplay(stages, came)
        try:
            done = run_stages(stages, run, display)
        finally:
            display.close()
    for note in done["evaluate"].facts["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"results: {done['evaluate'].facts['page']}")
    click.echo(f"wear it: lensd switch {name}     (or, where the camera is not running: lensd run --lens {name})")


def _wish(name: str, chosen: dict[str, Any]) -> Wish:
    """Return the wish; nothing is written."""
    from trainer.new.wish import OWN_USE, Words, wish_for_pairs, wish_for_sticker

    sticker, pairs = chosen["sticker"], chosen["pairs"]
    if (sticker is None) == (pairs is None):
        what = (
            "either --sticker or --pairs is needed" if sticker is None else "--sticker and --pairs exclude each other"
        )
        raise click.UsageError(
            f"{what}: lensd new NAME --sticker glasses.png --anchor eyes, or lensd new NAME --pairs FOLDER"
        )
    only_stickers = [key for key in ("anchor", "faces", "width", "centre") if chosen[key] is not None]
    if pairs is not None and only_stickers:
        raise click.UsageError(f"--{only_stickers[0]} is for --sticker; pairs say themselves where and on whom")
    if sticker is not None and chosen["anchor"] is None:
        raise click.UsageError(f"--sticker needs --anchor: one of {', '.join(get_args(Anchor))}")
    words = Words(
        chosen["title"] or name.replace("-", " ").title()[:60],
        chosen["author"] or os.environ.get("USER") or "unknown",
        chosen["licence"] or OWN_USE,
        chosen["data"] or "Nobody has said whose pictures they are, nor under which licence.",
    )
    efforts = OF_PAIRS if sticker is None else OF_STICKERS
    effort = efforts[chosen["effort"]].shortened(chosen["steps"], chosen["size"])
    if sticker is None:
        return wish_for_pairs(name, words, effort, pairs)
    placed = chosen["anchor"], chosen["width"], chosen["centre"]
    return wish_for_sticker(name, words, effort, sticker, chosen["faces"], *placed)


def _look_before(wish: Wish, run: Path, *, again: str | None, restart: bool) -> None:
    """See that the pictures can be learned from, where a run is to be begun; throw an old run away if told so."""
    from trainer.new.drawn_pairs import check_faces
    from trainer.new.given_pairs import check_pairs_folder
    from trainer.new.wish import is_run, throw_away

    begun = is_run(run)
    if again is not None and not begun:
        raise ConfigError(f"--again {again}", f"there is no run in {run}", "leave --again out")
    if not begun or restart:
        with progress_bar("looking for a face") as tell:
            (check_faces if wish.sticker is not None else check_pairs_folder)(wish.source, tell)
    if begun and restart:
        throw_away(run)


def _forget(stages: Sequence[Stage], run: Path, again: str | None, wish: Wish) -> None:
    """Have those stages done again that were asked for, and the last where the lens is installed no more."""
    from lensd.sharing.store import target_of
    from trainer.new.installing import same_package
    from trainer.new.stages import forget

    if again is not None:
        forget(stages, run, again)
    if not same_package(run / "install" / f"{wish.name}.lens", target_of(wish.name)):
        forget(stages, run, "install")


def _machine(threads: int | None) -> Machine:
    """Return what the stages may use here."""
    from trainer.dataset.work import usable_cores
    from trainer.new.plan import Machine

    told = os.environ.get("OMP_NUM_THREADS", "")
    cores = usable_cores()
    network = threads or (int(told) if told.isdecimal() and int(told) else min(cores, _THREADS_MAX))
    return Machine(network, min(cores, threads or cores))


def _count(wish: Wish) -> int:
    """Return how many pictures have to be searched for faces."""
    from trainer.dataset.layout import list_pairs
    from trainer.dataset.photographs import MESH, photographs_in

    try:
        if wish.sticker is None:
            return len(list_pairs(wish.source)[0])
        return 0 if (wish.source / MESH).exists() else len(photographs_in(wish.source))
    except MediaError:  # the stage that reads them says so
        return 0
