"""`lensd switch`."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from lensd.control.client import call
from lensd.errors import ConfigError


def complete_lens(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the lenses whose name begins so."""
    from lensd.lens.catalogue import find_lenses

    return [CompletionItem(lens.name, help=lens.title) for lens in find_lenses() if lens.name.startswith(incomplete)]


@click.command()
@click.argument("name", shell_complete=complete_lens)
@click.option("--favourites", is_flag=True, help="With next and previous: among your favourites only.")
def switch(name: str, favourites: bool) -> None:
    """Change the lens: NAME as in `lensd lenses`, next, previous or none."""
    if favourites:
        name = _among_favourites(name)
    result = call("switch", {"lens": name})
    if result["state"] == "starting":
        print(f"Lens {result['lens']} was chosen; the camera is starting.")
    elif result["state"] == "active":
        print(f"Lens {result['lens']} is on.")
    else:
        print(f"Lens {result['lens']} was chosen; the camera is {result['state']}.")


def _among_favourites(step: str) -> str:
    """Return the favourite after, or before, the lens that is on."""
    from lensd.favourites import read_favourites
    from lensd.lens.catalogue import find_lenses

    if step not in {"next", "previous"}:
        raise ConfigError("--favourites", "goes with next or previous", "lensd switch next --favourites")
    there = {lens.name for lens in find_lenses()}
    names = [name for name in read_favourites() if name in there]
    if not names:
        raise ConfigError("your favourites", "are none yet", "lensd favourite NAME")
    current = call("status")["lens"]
    if current not in names:
        return names[0 if step == "next" else -1]
    return names[(names.index(current) + (1 if step == "next" else -1)) % len(names)]
