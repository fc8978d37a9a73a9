"""What every target of `make fuzz` begins with: a corpus of right inputs, and libFuzzer's options."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import atheris

if TYPE_CHECKING:
    from collections.abc import Callable


def fuzz(
    one_input: Callable[[bytes], None],
    seeds: Callable[[Path], None],
    most_bytes: int,
    *,
    timeout_s: int = 2,
    rss_mb: int = 512,
) -> None:
    """Try inputs until the options on the command line (libFuzzer's; else a minute) end it, and the process with it.

    Args:
        one_input: tries one; whatever it raises is found.
        seeds: writes what is to be begun with into an empty folder.
        most_bytes: of an input.
        timeout_s, rss_mb: an input that takes more is found.
    """
    given = sys.argv[1:] or ["-max_total_time=60"]
    with tempfile.TemporaryDirectory(prefix="lensd-fuzz-") as corpus:
        seeds(Path(corpus))
        bounds = [f"-timeout={timeout_s}", f"-rss_limit_mb={rss_mb}", f"-max_len={most_bytes}", "-print_final_stats=1"]
        atheris.Setup([sys.argv[0], *bounds, *given, corpus], one_input)
        atheris.Fuzz()  # ends the process
