"""`lensd switch`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from lensd.control.client import call


def complete_lens(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the lenses whose name begins so."""
    from lensd.lens.catalogue import find_lenses

    return [CompletionItem(lens.name, help=lens.title) for lens in find_lenses() if lens.name.startswith(incomplete)]


@click.command()
@click.argument("name", shell_complete=complete_lens)
def switch(name: str) -> None:
    """Change the lens: NAME as in `lensd lenses`, next, previous or none."""
    result = call("switch", {"lens": name})
    if result["state"] == "starting":
        print(f"Lens {result['lens']} was chosen; the camera is starting.")
    elif result["state"] == "active":
        print(f"Lens {result['lens']} is on.")
    else:
        print(f"Lens {result['lens']} was chosen; the camera is {result['state']}.")
