"""The trainer's commands, where it is not installed: they say what is missing."""

from __future__ import annotations

import click

from lensd.errors import ConfigError

_ANYTHING = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


@click.command(context_settings=_ANYTHING)
@click.pass_context
def new(ctx: click.Context) -> None:
    """Make a lens from a sticker or from pairs, in one go (needs the trainer)."""
    _missing(ctx)


@click.command(context_settings=_ANYTHING)
@click.pass_context
def pairs(ctx: click.Context) -> None:
    """Make training pairs from photographs (needs the trainer)."""
    _missing(ctx)


@click.command(context_settings=_ANYTHING)
@click.pass_context
def quantise(ctx: click.Context) -> None:
    """Add INT8 and float16 to a lens (needs the trainer)."""
    _missing(ctx)


@click.command(context_settings=_ANYTHING)
@click.pass_context
def distil(ctx: click.Context) -> None:
    """Teach a lens from pairs (needs the trainer)."""
    _missing(ctx)


@click.command(context_settings=_ANYTHING)
@click.pass_context
def train(ctx: click.Context) -> None:
    """Learn pictures from pictures, by pairs (needs the trainer)."""
    _missing(ctx)


@click.command(context_settings=_ANYTHING)
@click.pass_context
def pix2pix(ctx: click.Context) -> None:
    """Learn any picture from any other, by pairs (needs the trainer)."""
    _missing(ctx)


def _missing(ctx: click.Context) -> None:
    raise ConfigError(
        f"lensd {ctx.info_name}", "needs the trainer, which is not installed", "pip install 'snaplens[trainer]'"
    )
