"""`lensd manual`: the man page, made from the commands' own help, so that it is never behind them."""

from __future__ import annotations

import datetime as dt
import os
import re
from typing import TYPE_CHECKING, Final

import click

from lensd import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES: Final = {
    "~/.config/lensd/config.toml": "the settings (lensd config edit)",
    "~/.local/share/lensd/lenses": "your own lenses",
    "~/.local/state/lensd": "what is remembered: the last lens, favourites, a pause",
    "~/.cache/lensd": "what can be made again: TensorRT's plans, measured runtimes",
    "~/.config/systemd/user/lensd.service": "the service, as lensd setup writes it",
    "/etc/modprobe.d/snaplens.conf": "the options of the module v4l2loopback, as lensd setup writes them",
}
_STATUS: Final = {
    "0": "all went well",
    "1": "it did not, for the reason told; of lensd doctor: something fails",
    "2": "the command line was not understood",
    "69": "something that is needed is not there, such as the virtual camera, or the daemon",
    "75": "another daemon runs",
    "78": "a setting that cannot work",
    "130": "interrupted",
}


@click.command()
@click.pass_context
def manual(ctx: click.Context) -> None:
    """Print the man page.

    To read it: lensd manual | man -l -

    To keep it: lensd manual >~/.local/share/man/man1/lensd.1
    """
    print("\n".join(page(ctx.find_root().command)))


def page(group: click.Command) -> Iterator[str]:
    """Yield the lines of the man page, in roff's man macros.

    Args:
        group: with all commands.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")  # a package that is built again is the same again
    now = dt.datetime.fromtimestamp(int(epoch), dt.UTC) if epoch.isdigit() else dt.datetime.now(dt.UTC)
    yield f'.TH LENSD 1 "{now:%Y-%m-%d}" "SnapLens Camera {__version__}" "User Commands"'
    yield from (
        ".nh",
        ".ad l",
        ".SH NAME",
        r"lensd \- a learned lens on your webcam, as a camera that every program can pick",
    )
    yield from (".SH SYNOPSIS", r"\fBlensd\fR [\fB\-v\fR] \fICOMMAND\fR [\fIOPTION\fR...] [\fIARGUMENT\fR...]")
    yield ".SH DESCRIPTION"
    root = click.Context(group, info_name="lensd", help_option_names=["-h", "--help"])
    yield from _paragraphs(group.help or "")
    yield from _options(group, root)
    yield ".SH COMMANDS"
    yield from _commands(group, root)
    for title, entries in (("FILES", _FILES), ("EXIT STATUS", _STATUS)):
        yield f".SH {title}"
        for name, text in entries.items():
            yield from (".TP", rf"\fI{_roff(name)}\fR", _roff(text))
    yield from (".SH SEE ALSO", r"\fBmodprobe.d\fR(5), \fBsystemctl\fR(1), \fBv4l2\-ctl\fR(1)")


def _commands(group: click.Command, parent: click.Context) -> Iterator[str]:
    if not isinstance(group, click.Group):
        return
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        if command is None or command.hidden:
            continue
        ctx = click.Context(command, info_name=name, parent=parent)
        usage = " ".join(word for word in command.collect_usage_pieces(ctx) if word != "[OPTIONS]")
        yield f".SS {_roff(f'{ctx.command_path} {usage}'.strip())}"
        yield from _paragraphs(command.help or "")
        yield from _options(command, ctx)
        yield from _commands(command, ctx)


def _options(command: click.Command, ctx: click.Context) -> Iterator[str]:
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is None or "--help" in parameter.opts:
            continue
        names, text = record
        yield from (".TP", rf"\fB{_roff(names)}\fR", _roff(" ".join(text.split())) or r"\&")


def _paragraphs(text: str) -> Iterator[str]:
    r"""Yield a help text's paragraphs; those that begin with \b keep their lines, as click has it."""
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = block.splitlines()
        yield ".PP"
        if lines and lines[0].strip() == "\b":
            yield from (".nf", *(_roff(line.strip()) for line in lines[1:]), ".fi")
        else:
            yield _roff(" ".join(line.strip() for line in lines).replace("\b", ""))


def _roff(text: str) -> str:
    """Return text that roff takes as it is: no escapes, no hyphen for a minus, no line that is a request."""
    text = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq").replace("|", r"|\:")
    text = "".join(each if each.isascii() else rf"\[u{ord(each):04X}]" for each in text)
    return rf"\&{text}" if text.startswith((".", "'")) else text
