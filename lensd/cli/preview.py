"""`lensd preview`."""

from __future__ import annotations

import webbrowser

import click

from lensd.control.client import call
from lensd.errors import ControlError


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser.")
def preview(open_it: bool) -> None:
    """Print a fresh address of the preview page: it works once, within ten minutes."""
    url = call("preview")["url"]
    print(url, flush=True)
    if open_it and not webbrowser.open(url):
        raise ControlError("the browser", "could not be started", "open the address above in one yourself")
