"""`lensd lenses`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lensd.lens.catalogue import LensInfo


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
@click.option("--favourites", is_flag=True, help="Your favourites only.")
def lenses(as_json: bool, favourites: bool) -> None:
    """List the lenses that can be chosen; favourites have a star."""
    from lensd.favourites import read_favourites
    from lensd.lens.catalogue import read_catalogue

    catalogue, liked = read_catalogue(), read_favourites()
    chosen = [lens for lens in catalogue.lenses if not favourites or lens.name in liked]
    print(json.dumps([lens.as_dict() for lens in chosen], indent=1) if as_json else _readable(chosen, liked))
    for skipped in catalogue.skipped:
        print(
            f"skipped {skipped.path.name}: {skipped.error.what}: {skipped.error.why}",
            file=sys.stderr,
        )


def _readable(lenses: list[LensInfo], liked: list[str]) -> str:
    from lensd.config import user_lenses_dir

    if not lenses:
        return "No favourites yet; make one: lensd favourite NAME"
    stars = dict.fromkeys(liked, "*")
    rows = [(lens.name, lens.title, lens.kind, lens.source, stars.get(lens.name, "")) for lens in lenses]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"Your own lenses go into {user_lenses_dir()}"])
