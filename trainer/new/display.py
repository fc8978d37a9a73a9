"""How far it is, on the terminal: a line for each stage that ended, and below them one bar for the whole way."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from trainer.new.stages import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from trainer.new.stages import Stage

_POINTS = 1000  # of the bar
_TRUST_S = 20.0  # of what was planned; the pace that is seen counts for more from then on
_QUIET_S = 60.0  # between two lines where there is no terminal to draw a bar on


class TerminalDisplay:
    """Implements `Display` with click's bar on a terminal, and with a line a minute elsewhere."""

    def __init__(self, stages: Sequence[Stage], came: Callable[[], bool]) -> None:
        """Show `stages`; `came` says whether Ctrl-C or SIGTERM came."""
        self._stages, self._came = list(stages), came
        self._names = max(len(stage.name) for stage in stages)
        self._ended: set[str] = set()
        self._now: Stage | None = None
        self._share, self._began, self._seen, self._told = 0.0, time.monotonic(), 0.0, 0.0
        self._from = 0.0  # share of the stage that an earlier run had done, which cost this one nothing
        self._bar: Any = None
        if sys.stderr.isatty():
            self._bar = click.progressbar(
                length=_POINTS, show_eta=False, file=sys.stderr, item_show_func=lambda text: text, width=24
            )
            self._bar.__enter__()

    def begin(self, stage: Stage) -> None:
        """Begin a stage that has something to do."""
        self._now, self._share, self._from, self._told = stage, 0.0, -1.0, 0.0
        self._draw(stage.title)

    def show(self, done: float, of: float, note: str = "") -> None:
        """Show how much of the stage is done."""
        self._share = min(1.0, done / max(of, 1e-9))
        if self._from < 0:
            self._from = self._share
        self._draw(note)

    def tell(self, done: float, of: float, note: str = "") -> None:
        """Show it.

        Raises:
            Stopped: a signal came.
        """
        self.show(done, of, note)
        if self._came():
            raise Stopped("lensd new", "stopped; what was done is saved", "the same command goes on")

    def stopping(self) -> bool:
        """Say whether a signal came."""
        return self._came()

    def end(self, stage: Stage, facts: Mapping[str, Any], *, again: bool) -> None:
        """Print the stage's line."""
        if stage is self._now:
            self._seen += stage.seconds * (1 - max(self._from, 0.0))
            self._now = None
        self._ended.add(stage.name)
        mark = "was done" if again else "done"
        self._print(f"  {stage.name:<{self._names}}  {mark:<8}  {_told(facts)}".rstrip())
        self._draw("")

    def close(self) -> None:
        """Take the bar off the terminal, and give the cursor back that click had hidden."""
        if self._bar is not None:
            self._clear()
            click.echo("\x1b[?25h", nl=False, file=sys.stderr)
            self._bar = None

    def left_s(self) -> float:
        """Return how long the rest may take, seconds."""
        ahead = sum(stage.seconds for stage in self._stages if stage.name not in self._ended and stage is not self._now)
        seen = self._seen
        if self._now is not None:
            ahead += self._now.seconds * (1 - self._share)
            seen += self._now.seconds * (self._share - max(self._from, 0.0))
        pace = (time.monotonic() - self._began + _TRUST_S) / (seen + _TRUST_S)
        return ahead * pace

    def _draw(self, note: str) -> None:
        whole = sum(stage.seconds for stage in self._stages)
        done = sum(stage.seconds for stage in self._stages if stage.name in self._ended)
        done += self._now.seconds * self._share if self._now is not None else 0.0
        name = self._now.name if self._now is not None else ""
        text = f"{_time(self.left_s())} left  {name}{': ' if name and note else ''}{note}"
        if self._bar is not None:
            self._bar.current_item = text
            self._bar.update(round(_POINTS * done / whole) - self._bar.pos)
            self._bar.render_progress()
        elif name and time.monotonic() - self._told > _QUIET_S:
            self._told = time.monotonic()
            click.echo(f"  {done / whole:4.0%}  {text}")

    def _print(self, line: str) -> None:
        if self._bar is not None:
            self._clear()
        click.echo(line)

    def _clear(self) -> None:
        click.echo("\r\x1b[K", nl=False, file=sys.stderr)


def _told(facts: Mapping[str, Any]) -> str:
    """Return what people want to know of a stage's facts."""
    if "picture" in facts:
        return str(facts["picture"])
    if "faces" in facts:
        count = facts.get("left_out", 0)
        without = f", {count} picture{'s' if count > 1 else ''} left out" if count else ""
        beside = f", in {facts['misaligned_count']} B lies beside A" if facts.get("misaligned_count") else ""
        return f"{facts['faces']:,} faces of {facts['persons']:,} people{without}{beside}"
    if "iou_mean" in facts:
        overlap = "" if facts["iou_mean"] is None else f"IoU {facts['iou_mean']:.3f}, "
        return f"{overlap}fires on {facts['fired']:.1%} of people held out"
    if "steps" in facts:
        figures = facts.get("held_out")
        overlap = f", IoU {figures['iou_mean']:.3f} on people held out" if figures else ""
        return f"{facts['steps']:,} steps{overlap}"
    if "bytes" in facts:
        return f"{facts['bytes'] / 1e6:.1f} MB"
    return str(facts.get("installed", ""))


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 0):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
