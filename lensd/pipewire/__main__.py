"""The process of PipeWire's camera: `python -m lensd.pipewire --control FD EVENTFD`, started by the keeper."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal

from lensd.pipewire.process import serve

_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Be the camera until the keeper has gone; return the exit status."""
    # The end of file on the socket ends us too, unless PipeWire hangs.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    parser = argparse.ArgumentParser(
        prog="python -m lensd.pipewire", description="The camera in PipeWire; the keeper starts it."
    )
    parser.add_argument(
        "--control", type=int, nargs=2, required=True, metavar="FD", help="inherited socket to the keeper, and eventfd"
    )
    control, wake = parser.parse_args().control
    logging.basicConfig(level=os.environ.get("LENSD_LOG", "WARNING"), format="%(levelname)s %(name)s: %(message)s")
    return serve(control, wake)


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    os._exit(status)  # PipeWire's threads need no farewell
