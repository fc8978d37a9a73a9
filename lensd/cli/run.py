"""`lensd run`: become the daemon, in the foreground."""

from __future__ import annotations

import json
import os
import re
import sys
from typing import get_args

import click

from lensd.config import NoFace, RuntimeChoice, Settings
from lensd.errors import ConfigError


def parse_size(text: str) -> tuple[int, int]:
    """Return width and height of "1280x720".

    Raises:
        ConfigError: not written so.
    """
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if match is None:
        raise ConfigError(f"--size {text}", "is not WIDTHxHEIGHT", "--size 1280x720")
    return int(match[1]), int(match[2])


@click.command()
@click.option("--camera", default="auto", help="/dev/videoN, a by-id or card name, a video or picture, demo.  [auto]")
@click.option("--lens", default=None, help="The lens to begin with; none for none.  [the last one]")
@click.option("--size", default="1280x720", show_default=True, help="Size of the published picture.")
@click.option("--fps", default=30.0, show_default=True, help="Its rate, pictures a second.")
@click.option("--output", default="auto", help='"SnapLens Camera" (auto), /dev/videoN, a video file, none.  [auto]')
@click.option("--no-preview", is_flag=True, help="No preview page.")
@click.option(
    "--no-face",
    type=click.Choice(get_args(NoFace)),
    default="pass",
    show_default=True,
    help="While nobody is seen: the camera's picture, the last lensed one, or a card.",
)
@click.option(
    "--runtime",
    type=click.Choice(get_args(RuntimeChoice)),
    default="auto",
    show_default=True,
    help="What runs the networks.",
)
@click.option("--always-on", is_flag=True, help="Keep the webcam open while nobody looks.")
@click.option(
    "--linger",
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long it stays open when the last one has looked away.",
)
@click.option("--show-points", is_flag=True, help="Draw the tracker's points.")
def run(
    camera: str,
    lens: str | None,
    size: str,
    fps: float,
    output: str,
    no_preview: bool,
    no_face: NoFace,
    runtime: RuntimeChoice,
    always_on: bool,
    linger: float,
    show_points: bool,
) -> None:
    """Run the camera in the foreground; Ctrl-C ends it."""
    width, height = parse_size(size)
    settings = Settings(
        camera=_absolute(camera),
        lens=lens,
        width=width,
        height=height,
        fps=fps,
        output=_absolute(output),
        preview=not no_preview,
        no_face=no_face,
        runtime=runtime,
        show_points=show_points,
        always_on=always_on,
        linger_s=linger,
    )
    # -P: a folder lensd/ where the user stands is not ours.
    # The daemon's process holds no command line: click would stay in memory from login to logout.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "lensd.keeper", json.dumps(settings.as_dict())])  # noqa: S606


def _absolute(name: str) -> str:
    """Files are named from where the user stands."""
    return os.path.abspath(name) if os.path.exists(name) or "/" in name else name  # noqa: PTH100, PTH110
