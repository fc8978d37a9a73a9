"""`python -m lensd.worker --pictures FD --signal FD --control FD`: started by the keeper, of no use by hand."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os

from lensd.errors import LensdError
from lensd.parent import die_with_parent

log = logging.getLogger(__name__)


def main() -> int:
    """Run until the keeper says stop or is gone; return the exit status."""
    die_with_parent()
    faulthandler.enable()
    parser = argparse.ArgumentParser(prog="python -m lensd.worker", description=__doc__)
    for name, meaning in (
        ("pictures", "memory that pictures are written to"),
        ("signal", "eventfd that is written after each picture"),
        ("control", "socket of commands and events"),
    ):
        parser.add_argument(f"--{name}", type=int, required=True, metavar="FD", help=meaning)
    descriptors = parser.parse_args()
    journal = "JOURNAL_STREAM" in os.environ
    logging.basicConfig(
        level=os.environ.get("LENSD_LOG", "INFO" if journal else "WARNING"),
        format="%(levelname)s %(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(message)s",
        datefmt="%H:%M:%S",
    )
    # NumPy's own threads have nothing to do here, and cost a start and memory on machines of many cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from lensd.sharing.limits import confine
    from lensd.worker.app import Worker
    from lensd.worker.bounds import worker_limits

    confine(worker_limits())
    try:
        return Worker(descriptors.pictures, descriptors.signal, descriptors.control).run()
    except LensdError as error:
        log.error("The worker cannot run: %s", error)
        return error.exit_status
    except (ValueError, OSError) as error:
        log.error("The descriptors that were handed down cannot be used: %s", error)
        return 64  # EX_USAGE


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Not sys.exit: the destructors of runtimes and codecs have crashed in other programs, and a thread that hangs in
    # a driver would be waited for.
    os._exit(status)
