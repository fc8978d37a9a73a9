"""`python -m lensd.keeper SETTINGS-AS-JSON`: what `lensd run` becomes."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import sys

from lensd import __version__
from lensd.config import Settings
from lensd.errors import LensdError
from lensd.keeper.app import Keeper


def main() -> int:
    """Run the keeper; return the exit status."""
    faulthandler.enable()
    journal = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=os.environ.get("LENSD_LOG", "INFO" if journal else "WARNING"),
        format="%(levelname)s %(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    try:
        settings = Settings.from_dict(json.loads(sys.argv[1]))
        _announce(f"SnapLens Camera {__version__}, {settings.format}. Ctrl-C ends it.")
        Keeper(settings, _announce).run()
    except LensdError as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_status
    _announce("SnapLens Camera has ended.")
    return 0


def _announce(line: str) -> None:
    # To the person at the terminal only: the preview's address carries a token, which no journal may keep.
    if "JOURNAL_STREAM" not in os.environ and "NOTIFY_SOCKET" not in os.environ:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
