"""The page's process: `python -m lensd.page --control FD`, started by the keeper."""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import logging
import os
import signal

log = logging.getLogger("lensd.page")

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run the page; return the exit status."""
    # The end of file on the socket ends us too, unless we hang. First of all: a keeper that has ended before this line
    # is an end of file already.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parser = argparse.ArgumentParser(prog="python -m lensd.page", description="The preview page; the keeper starts it.")
    parser.add_argument("--control", type=int, required=True, metavar="FD", help="inherited socket to the keeper")
    control: int = parser.parse_args().control
    logging.basicConfig(level=os.environ.get("LENSD_LOG", "WARNING"), format="%(levelname)s %(name)s: %(message)s")
    from lensd.page.process import serve  # 0.3 s of imports

    try:
        asyncio.run(serve(control))
    except OSError as error:
        log.error("The preview page cannot run: %s", error.strerror or error)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # everything is closed: Python's farewell to a hundred modules would take 0.1 s more
