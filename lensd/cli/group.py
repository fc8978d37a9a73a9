"""The group of all commands, each imported when it is called; and how errors look."""

from __future__ import annotations

import importlib
import importlib.metadata
import logging
import os
import sys

import click

from lensd import __version__
from lensd.errors import LensdError

# Name to "module:attribute"; a command's imports are paid by those who call it.
_COMMANDS = {
    "setup": "lensd.cli.setup:setup",
    "run": "lensd.cli.run:run",
    "status": "lensd.cli.status:status",
    "lenses": "lensd.cli.lenses:lenses",
    "lens": "lensd.cli.lens:lens",
    "favourite": "lensd.cli.favourite:favourite",
    "switch": "lensd.cli.switch:switch",
    "pause": "lensd.cli.pause:pause",
    "resume": "lensd.cli.pause:resume",
    "config": "lensd.cli.config:config",
    "snapshot": "lensd.cli.record:snapshot",
    "record": "lensd.cli.record:record",
    "stop": "lensd.cli.stop:stop",
    "devices": "lensd.cli.devices:devices",
    "camera": "lensd.cli.camera:camera",
    "preview": "lensd.cli.preview:preview",
    "apply": "lensd.cli.apply:apply",
    "doctor": "lensd.cli.doctor:doctor",
    "bench": "lensd.cli.bench:bench",
    "report": "lensd.cli.report:report",
    "new": "lensd.cli.training:new",
    "evaluate": "lensd.cli.evaluate:evaluate",
    "export": "lensd.cli.export:export",
    "quantise": "lensd.cli.training:quantise",
    "pairs": "lensd.cli.training:pairs",
    "distil": "lensd.cli.training:distil",
    "train": "lensd.cli.training:train",
    "pix2pix": "lensd.cli.training:pix2pix",
    "completion": "lensd.cli.completion:completion",
    "manual": "lensd.cli.manual:manual",
}
_INTERRUPTED = 130  # as shells have it: 128 + SIGINT


class LazyGroup(click.Group):
    """Knows its commands by name; those of other packages (entry points "lensd.commands") come first."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of use."""
        del ctx
        return [*_COMMANDS, *sorted(point.name for point in _foreign() if point.name not in _COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        for point in _foreign():
            if point.name == cmd_name:
                try:
                    return _command(point.load())
                except ImportError:
                    break  # its extra is not installed; the built-in command says which
        if (target := _COMMANDS.get(cmd_name)) is None:
            return None
        module, _, attribute = target.partition(":")
        return _command(getattr(importlib.import_module(module), attribute))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Say which command was meant, where one is near."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            raise click.UsageError(f"{error.message}" + (f" Did you mean {near[0]}?" if near else ""), ctx) from None


def _foreign() -> list[importlib.metadata.EntryPoint]:
    return list(importlib.metadata.entry_points(group="lensd.commands"))


def _command(value: object) -> click.Command:
    if not isinstance(value, click.Command):
        raise TypeError(f"{value!r} is not a command")
    return value


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="SnapLens Camera")
@click.option("-v", "--verbose", count=True, help="Tell more; twice: everything, and tracebacks.")
def group(verbose: int) -> None:
    """SnapLens Camera: a learned lens on your webcam, picked as "SnapLens Camera" in any app.

    Begin with: lensd run
    """
    levels = {0: "WARNING", 1: "INFO"}
    logging.basicConfig(level=levels.get(verbose, "DEBUG"), format="%(levelname)s: %(message)s")
    os.environ.setdefault("LENSD_LOG", levels.get(verbose, "DEBUG"))


def main() -> None:
    """Run the command line; every error is two lines and a status, never a traceback."""
    try:
        result = group.main(standalone_mode=False)
    except LensdError as error:
        if {"-vv", "-v", "--verbose"} & set(sys.argv) and logging.getLogger().level <= logging.DEBUG:
            logging.getLogger(__name__).exception("where it happened")
        print(f"error: {error.what}: {error.why}", file=sys.stderr)
        if error.hint:
            print(f"hint:  {error.hint}", file=sys.stderr)
        sys.exit(error.exit_status)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:  # `lensd lenses | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(result if isinstance(result, int) else 0)
