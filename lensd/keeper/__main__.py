"""`python -m lensd.keeper '{"lens": "none"}'`: what `lensd run` becomes; the settings go before the file's."""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import sys
from typing import NoReturn

from lensd import __version__
from lensd.discreet_log import Discreet
from lensd.errors import LensdError
from lensd.keeper.app import Keeper
from lensd.keeper.live_settings import LiveSettings
from lensd.keeper.memory import Memory


def main(overrides: str) -> int:
    """Run the keeper; return the exit status.

    Args:
        overrides: settings that go before the file's, a JSON object.
    """
    faulthandler.enable()
    journal = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=os.environ.get("LENSD_LOG", "INFO" if journal else "WARNING"),
        format="%(levelname)s %(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    try:
        memory = Memory()
        settings = LiveSettings(json.loads(overrides), memory)
        Discreet(*settings.current.cameras, settings.current.output).install()
        _announce(f"SnapLens Camera {__version__}, {settings.current.format}. Ctrl-C ends it.")
        Keeper(settings, memory, _announce).run()
    except LensdError as error:
        sys.stderr.write(f"error: {error}\n" + (f"hint: {error.hint}\n" if error.hint else ""))
        return error.exit_status
    _announce("SnapLens Camera has ended.")
    return 0


def end_at_once(status: int) -> NoReturn:
    """End the process: all is closed, and the next keeper may be waiting for Python's farewell to its modules."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)


def _announce(line: str) -> None:
    # To the person at the terminal only: the preview's address carries a token, which no journal may keep.
    if "JOURNAL_STREAM" not in os.environ and "NOTIFY_SOCKET" not in os.environ:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    end_at_once(main(sys.argv[1]))
