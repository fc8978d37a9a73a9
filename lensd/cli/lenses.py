"""`lensd lenses`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lensd.lens.catalogue import Catalogue


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
def lenses(as_json: bool) -> None:
    """List the lenses that can be chosen."""
    from lensd.lens.catalogue import read_catalogue

    catalogue = read_catalogue()
    print(json.dumps([lens.as_dict() for lens in catalogue.lenses], indent=1) if as_json else _readable(catalogue))
    for skipped in catalogue.skipped:
        print(
            f"skipped {skipped.path.name}: {skipped.error.what}: {skipped.error.why}",
            file=sys.stderr,
        )


def _readable(catalogue: Catalogue) -> str:
    from lensd.config import user_lenses_dir

    rows = [(lens.name, lens.title, lens.kind, lens.source) for lens in catalogue.lenses]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"Your own lenses go into {user_lenses_dir()}"])
