"""`lensd bench`: what this machine can do, in a minute."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.config import NO_LENS, RuntimeChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.evaluation.capability import Figure

_LIMIT_S = 45.0


@click.command()
@click.argument("lenses", metavar="[LENS]...", nargs=-1, shell_complete=complete_lens)
@click.option("--runtime", type=click.Choice(get_args(RuntimeChoice)), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def bench(lenses: tuple[str, ...], runtime: RuntimeChoice, as_json: bool) -> None:
    """Measure what this machine can do: which lens, at which size, in a minute or less.

    Without a LENS, all of them. No webcam is needed or opened: the frames are a portrait, drawn as a webcam would give
    them. Times are those of one core for the whole way of a picture, from the webcam's bytes to the virtual camera's
    memory. Ctrl-C ends it.

    Example: lensd bench thug-life
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is loaded: the figures are one core's
    import cv2

    from lensd.evaluation.capability import SIZES, in_words, processor, processors, survey
    from lensd.evaluation.frame_path import machine_gmacs
    from lensd.lens.catalogue import find_lens, find_lenses

    cv2.setNumThreads(1)
    for name in lenses:
        find_lens(name)
    # The learned ones first: what there is no time for is a drawing that is like another.
    everything = sorted(find_lenses(), key=lambda info: ("generator", NO_LENS, "overlay").index(info.kind))
    names = list(dict.fromkeys(lenses)) or [info.name for info in everything]
    gmacs = machine_gmacs()
    with click.progressbar(length=len(names) * len(SIZES), label="measuring", file=sys.stderr) as bar:
        figures, left_out = survey(names, runtime, _LIMIT_S, lambda: bar.update(1))
    if as_json:
        told = {"processor": processor(), "processors": processors(), "machine_gmacs": round(gmacs, 1)}
        print(json.dumps({**told, "figures": [each.as_dict() for each in figures], "left_out": left_out}))
        return
    print(f"{processor()}, {processors()} processors, {gmacs:.0f} GMAC/s each\n")
    print(_table(figures), end="\n\n")
    for line in in_words(figures):
        print(line)
    if left_out:
        print(f"A minute was too short for {', '.join(left_out)}: lensd bench {left_out[0]}")
    _show_idle_gpu()


def _table(figures: Sequence[Figure]) -> str:
    sizes = list(dict.fromkeys((each.width, each.height) for each in figures))
    head = f"{'ms of a core':<22}" + "".join(f"{f'{width}x{height}':>18}" for width, height in sizes)
    lines = [head, " " * 22 + f"{'MJPG':>10}{'YUYV':>8}" * len(sizes)]
    for lens in dict.fromkeys(each.lens for each in figures):
        cells = {(e.width, e.height, e.pixels): e.median_ms for e in figures if e.lens == lens}
        row = "".join(f"{cells[*size, 'MJPG']:10.1f}{cells[*size, 'YUYV']:8.1f}" for size in sizes)
        lines.append(f"{lens[:21]:<22}{row}")
    return "\n".join(lines)


def _show_idle_gpu() -> None:
    from lensd.doctor.runtimes import runtimes

    for finding in runtimes():
        if finding.status != "ok":
            print(f"{finding.name}: {finding.detail}; {finding.hint}")
