"""`lensd run`: become the daemon, in the foreground."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, get_args

import click

from lensd.config import Fit, NoFace, Rotation, RuntimeChoice, Settings
from lensd.errors import ConfigError
from lensd.settings_file import parse_size


@click.command()
@click.option(
    "--camera",
    multiple=True,
    help="/dev/videoN, a by-id or card name, a video or picture, demo; several times: the first that is there.  [auto]",
)
@click.option("--mirror/--no-mirror", default=None, help="Show it as in a mirror.")
@click.option("--rotate", type=click.Choice([str(turn) for turn in get_args(Rotation)]), help="Degrees clockwise.  [0]")
@click.option("--crop", metavar="L T R B", help='Per cents to cut off at left, top, right, bottom: "10 0 10 0".')
@click.option("--fit", type=click.Choice(get_args(Fit)), help="Black bars, or cut off what is too much.  [letterbox]")
@click.option("--lens", help="The lens to begin with; none for none.  [the last one]")
@click.option("--size", help="Size of the published picture.  [1280x720]")
@click.option("--fps", type=float, help="Its rate, pictures a second.  [30]")
@click.option("--output", help='"SnapLens Camera" (auto), /dev/videoN, a video file, none.  [auto]')
@click.option("--preview/--no-preview", default=None, help="The preview page.  [--preview]")
@click.option("--pipewire/--no-pipewire", default=None, help="A camera in PipeWire too, where that runs.  [--pipewire]")
@click.option(
    "--no-face",
    type=click.Choice(get_args(NoFace)),
    help="While nobody is seen: the camera's picture, the last lensed one, or a card.  [pass]",
)
@click.option(
    "--runtime",
    type=click.Choice(get_args(RuntimeChoice)),
    help="What runs the lens; auto: the fastest here, measured.  [auto]",
)
@click.option("--always-on/--no-always-on", default=None, help="Keep the webcam open while nobody looks.")
@click.option(
    "--linger",
    "linger_s",
    type=float,
    metavar="SECONDS",
    help="How long it stays open when the last one has looked away.  [5]",
)
@click.option("--show-points/--no-show-points", default=None, help="Draw the tracker's points.  [--no-show-points]")
def run(size: str | None, **options: Any) -> None:
    """Run the camera in the foreground; Ctrl-C ends it.

    Options go before what the settings file has (lensd config show); in brackets: without either.
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    if "camera" in given:
        given["camera"] = [_absolute(name) for name in given["camera"]]
    if "rotate" in given:
        given["rotate"] = int(given["rotate"])
    if "output" in given:
        given["output"] = _absolute(given["output"])
    if size is not None:
        if (parsed := parse_size(size)) is None:
            raise ConfigError(f"--size {size}", "is not WIDTHxHEIGHT", "--size 1280x720")
        given["width"], given["height"] = parsed
    Settings.from_dict(given)
    # -P: a folder lensd/ where the user stands is not ours.
    # The daemon's process holds no command line: click would stay in memory from login to logout.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "lensd.keeper", json.dumps(given)])  # noqa: S606


def _absolute(name: str) -> str:
    """Files are named from where the user stands."""
    return os.path.abspath(name) if os.path.exists(name) or "/" in name else name  # noqa: PTH100, PTH110
