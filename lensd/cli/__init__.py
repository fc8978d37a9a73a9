"""The command line: the one place that prints."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; every error is two lines and a status, never a traceback.

    `lensd run` alone, as the service has it, becomes the keeper without click and a second interpreter: 0.15 s less in
    which programs that read the camera see a picture that stands.
    """
    if sys.argv[1:] == ["run"]:
        from lensd.keeper.__main__ import end_at_once
        from lensd.keeper.__main__ import main as keep

        end_at_once(keep("{}"))
    from lensd.cli.group import main as run_command

    run_command()


__all__ = ["main"]
