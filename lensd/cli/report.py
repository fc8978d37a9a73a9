"""`lensd report`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click

from lensd.errors import ConfigError


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--show", is_flag=True, help="Print what would be in it, and write nothing.")
def report(file: Path | None, show: bool) -> None:
    """Pack what a bug report needs into FILE: checks, status, settings, the service's journal.

    There are no pictures in it; names of people, machines and files, paths in your home folder, serial numbers and
    addresses are taken out. Nothing is sent anywhere: look through it, and attach it yourself.

    [lensd-report-DATE.tar.gz]
    """
    from lensd.doctor.bug_report import gather, write
    from lensd.doctor.checks import CHECKS
    from lensd.doctor.report import run_check

    path = file or Path(time.strftime("lensd-report-%Y-%m-%d-%H%M%S.tar.gz"))
    findings = []
    for number, check in enumerate(CHECKS, 1):
        if sys.stderr.isatty():
            print(f"\r{number}/{len(CHECKS)}  {check.name} …\x1b[K", end="", file=sys.stderr, flush=True)
        findings += run_check(check)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    files = gather(findings)
    if show:
        for name, text in files.items():
            print(f"── {name}\n{text}")
        return
    try:
        write(files, path)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error), "lensd report FILE") from None
    print(f"{path}: {', '.join(files)}. Look through it before you send it: tar xzf {path}")
