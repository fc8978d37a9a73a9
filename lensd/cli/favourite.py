"""`lensd favourite`."""

from __future__ import annotations

import click

from lensd.cli.switch import complete_lens


@click.command()
@click.argument("name", shell_complete=complete_lens)
@click.option("--remove", is_flag=True, help="It is one no more.")
def favourite(name: str, remove: bool) -> None:
    """Make lens NAME a favourite: `lensd switch next --favourites` goes through these only."""
    from lensd.favourites import set_favourite
    from lensd.lens.catalogue import find_lens

    if not remove:
        find_lens(name)
    set_favourite(name, liked=not remove)
    print(f"Lens {name} is {'no favourite any more' if remove else 'a favourite'}.")
