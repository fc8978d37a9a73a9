"""`lensd doctor`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lensd.doctor.report import Finding

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--fix", is_flag=True, help="Run the commands that change nothing but your own session, and look again.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, fix: bool) -> None:
    """Check everything that pictures need, and give the command that mends what is wrong.

    The exit status is 1 where something fails. Warnings leave it at 0.
    """
    from lensd.doctor.checks import CHECKS
    from lensd.doctor.mend import mend
    from lensd.doctor.report import run_check, worst

    findings: list[Finding] = []
    for check in CHECKS:
        if waiting := sys.stderr.isatty() and not as_json:
            print(f"\r      checking {check.name} …\x1b[K", end="", file=sys.stderr, flush=True)
        found = run_check(check)
        if fix and any(finding.fix for finding in found):
            mend(found)
            found = run_check(check)
        if waiting:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        findings += found
        if not as_json:
            for finding in found:
                _show(finding)
    status = worst(findings)
    if as_json:
        print(json.dumps({"status": status, "checks": [finding.as_dict() for finding in findings]}, indent=1))
    else:
        print(_closing([finding.status for finding in findings]))
    if status == "fail":
        ctx.exit(1)


def _show(finding: Finding) -> None:
    click.echo(f"{click.style(f'{finding.status:4}', fg=_COLOURS[finding.status])}  {finding.name}: {finding.detail}")
    if finding.hint and finding.status != "ok":
        click.echo(f"      {finding.hint}")


def _closing(statuses: list[str]) -> str:
    fails, warns = statuses.count("fail"), statuses.count("warn")
    if not fails and not warns:
        return "\nAll is well."
    parts = [
        f"{count} {word}{'s' if count > 1 else ''}" for count, word in ((fails, "failure"), (warns, "warning")) if count
    ]
    return f"\n{' and '.join(parts)}; the line below each mends it."
