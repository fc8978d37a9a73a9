"""`lensd setup`."""

from __future__ import annotations

import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.setup.facts import Facts
    from lensd.setup.step import Plan, Step

_INDENT = "     "


@click.command()
@click.option("--dry-run", is_flag=True, help="Show the plan and the files, and change nothing.")
@click.option("--undo", is_flag=True, help="Take back what setup did.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--outputs",
    type=click.IntRange(1, 8),
    metavar="N",
    help='How many cameras: "SnapLens Camera", "SnapLens Camera 2", …  New modules let one program at a time '
    "have each.  [as many as there are, else 1]",
)
def setup(dry_run: bool, undo: bool, yes: bool, outputs: int | None) -> None:
    """Make the virtual camera and start it at each login: shows what it will do, asks once, and does it.

    What needs root is done by the system's own tools, through sudo or pkexec. Devices and options of other programs are
    left as they are. Run it again at any time: it does what is missing.
    """
    from lensd.setup.carry_out import forget, prefix, refuse_borrowed_root
    from lensd.setup.plan import make_plan, outputs_now

    refuse_borrowed_root()
    if undo:
        plan = _undo_plan()
    else:
        facts, wanted, unit = _look()
        plan = make_plan(facts, wanted, unit, outputs or outputs_now(facts))
    if not plan.steps:
        click.echo("Nothing is to be taken back." if undo else "All is set up.")
        _print_rest(plan)
        return
    _show(plan, files=dry_run)
    if dry_run:
        _print_rest(plan)
        click.echo("\nNothing was changed.")
        return
    elevate = prefix() if any(step.root for step in plan.steps) else ()
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("there is nobody to ask; say --yes, or --dry-run to look only")
        click.confirm("\nDo this?", default=True, abort=True)
    _carry_out(plan.steps, elevate)
    if undo:
        forget()
    click.echo("\nAll of it is taken back." if undo else "\nDone.")
    _print_rest(plan)
    if not undo:
        click.echo("Pick SnapLens Camera in your program. What it shows: lensd preview. Is all well? lensd doctor")


def _look() -> tuple[Facts, dict[Path, str], Path]:
    from lensd.setup.facts import gather, own_program
    from lensd.setup.user_files import own_files, unit_path

    wanted = own_files(own_program())
    return gather(list(wanted)), wanted, unit_path()


def _undo_plan() -> Plan:
    from lensd.setup.carry_out import remembered
    from lensd.setup.undo import make_undo

    facts, wanted, unit = _look()
    return make_undo(facts, wanted, unit, remembered())


def _show(plan: Plan, *, files: bool) -> None:
    for text in plan.done:
        click.echo(f"{click.style('ok', fg='green')}   {text}")
    for text in plan.why:
        click.echo("\n" + textwrap.fill(text, _width()))
    click.echo("\nThis is to be done:" if plan.done or plan.why else "This is to be done:")
    for number, step in enumerate(plan.steps, 1):
        click.echo(f"{number:3}. {step.title}")
        click.echo(click.style(f"{_INDENT}{'root: ' if step.root else ''}{step}", dim=True))
        if files and step.content is not None:
            click.echo(textwrap.indent(step.content.rstrip("\n"), f"{_INDENT}| "))


def _carry_out(steps: Sequence[Step], elevate: Sequence[str]) -> None:
    from lensd.errors import SetupError
    from lensd.setup.carry_out import run_step

    for number, step in enumerate(steps, 1):
        click.echo(click.style(f"\n{number}/{len(steps)}  {step.title}", bold=True))
        try:
            run_step(step, elevate)
        except SetupError as error:
            if not step.may_fail:
                raise
            click.echo(f"{_INDENT}{error.why}; going on without it")


def _print_rest(plan: Plan) -> None:
    for text in plan.then:
        click.echo(textwrap.fill(f"Then: {text}.", _width(), subsequent_indent="      "))


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 100)
