"""`lensd pause` and `lensd resume`."""

from __future__ import annotations

import click

from lensd.control.client import call


@click.command()
@click.option("--blank", is_flag=True, help="Show nothing but black instead of a card.")
def pause(blank: bool) -> None:
    """Close the webcam, and show a card in its place, until `lensd resume`.

    Programs keep the camera. A pause outlives crashes, restarts and logins.
    """
    shows = call("pause", {"blank": blank})["paused"]
    print(f"The webcam is closed; programs see {'black' if shows == 'blank' else 'a card'}. Go on: lensd resume")


@click.command()
def resume() -> None:
    """Go on after `lensd pause`."""
    print("The camera goes on." if call("resume")["was"] else "The camera was not paused.")
