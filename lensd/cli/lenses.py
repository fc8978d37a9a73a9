"""`lensd lenses`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lensd.lens.catalogue import Catalogue, LensInfo


@click.command()
@click.argument("words", nargs=-1)
@click.option("--tag", "tags", multiple=True, help="With this tag only; more than one: with all of them.")
@click.option("--favourites", is_flag=True, help="Your favourites only.")
@click.option("--own", is_flag=True, help="Those that you installed only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
def lenses(words: tuple[str, ...], tags: tuple[str, ...], favourites: bool, own: bool, as_json: bool) -> None:
    """List the lenses that can be chosen; favourites have a star.

    With WORDS, only those that have each of them in name, title, author or tags.
    """
    from lensd.favourites import read_favourites
    from lensd.lens.catalogue import read_catalogue

    catalogue, liked = read_catalogue(), read_favourites()
    chosen = [
        lens
        for lens in catalogue.lenses
        if all(lens.is_about(word) for word in words)
        and {tag.casefold() for tag in tags} <= {tag.casefold() for tag in lens.tags}
        and (lens.name in liked or not favourites)
        and (lens.source == "user" or not own)
    ]
    if as_json:
        print(json.dumps([{**lens.as_dict(), "favourite": lens.name in liked} for lens in chosen], indent=1))
    elif chosen:
        print(_readable(chosen, liked))
    else:
        print(_none(catalogue, liked, favourites=favourites))
    for skipped in catalogue.skipped:
        print(
            f"skipped {skipped.path.name}: {skipped.error.what}: {skipped.error.why}",
            file=sys.stderr,
        )


def _readable(lenses: list[LensInfo], liked: list[str]) -> str:
    from lensd.config import user_lenses_dir

    stars = dict.fromkeys(liked, "*")
    rows = [
        (lens.name, lens.title, lens.kind, lens.source, stars.get(lens.name, ""), ", ".join(lens.tags))
        for lens in lenses
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"Your own lenses go into {user_lenses_dir()} (lensd lens install)"])


def _none(catalogue: Catalogue, liked: list[str], *, favourites: bool) -> str:
    if favourites and not liked:
        return "No favourites yet; make one: lensd favourite NAME"
    tags = sorted({tag for lens in catalogue.lenses for tag in lens.tags})
    return f"No such lens. There are the tags {', '.join(tags)}; all lenses: lensd lenses"
