"""`lensd snapshot` and `lensd record`."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import click

_TOLD_EVERY_S = 0.5


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def snapshot(file: Path | None) -> None:
    """Save the picture that programs see: PNG, JPEG or WebP, as FILE's name ends.

    Without FILE a PNG named by the time, where you stand.
    """
    from lensd.application.snapshot import take_snapshot

    file = file or Path(time.strftime("snaplens-%Y-%m-%d-%H%M%S.png"))
    width, height = take_snapshot(file)
    print(f"{file}: {width}x{height}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--for", "seconds", type=click.FloatRange(0.1), metavar="SECONDS", help="End by itself.")
def record(file: Path, seconds: float | None) -> None:
    """Record what programs see to FILE (.mp4, .mkv or .webm), without sound, until Ctrl-C.

    The camera goes on undisturbed, whatever the disk does. An existing file is not overwritten.
    """
    from lensd.application.record import record as run

    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: asked.append(number))
    os.nice(5)  # the camera's own processes come first
    told_s, shown = 0.0, sys.stderr.isatty()
    until_s = time.monotonic() + seconds if seconds is not None else None

    def progress(length_s: float, size: int) -> None:
        nonlocal told_s
        if shown and time.monotonic() - told_s >= _TOLD_EVERY_S:
            told_s = time.monotonic()
            print(f"\r{_line(file, length_s, size)}  Ctrl-C ends it ", end="", file=sys.stderr, flush=True)

    def ending() -> bool:
        return bool(asked) or (until_s is not None and time.monotonic() >= until_s)

    done = run(file, ending, progress)
    if shown:
        print("\r\033[K", end="", file=sys.stderr)
    print(_line(file, done.seconds, done.size))
    if done.why:
        print(f"error: the recording ended early: {done.why}; what is there can be played", file=sys.stderr)
        sys.exit(74)  # EX_IOERR


def _line(file: Path, length_s: float, size: int) -> str:
    whole = int(length_s)
    return f"{file}: {whole // 60}:{whole % 60:02d}, {size / 1e6:.1f} MB"
