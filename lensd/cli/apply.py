"""`lensd apply`: a lens on a picture or a whole video."""

from __future__ import annotations

import json
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.config import RuntimeChoice

if TYPE_CHECKING:
    from types import FrameType

_STEPS = 1000


@click.command()
@click.option("--lens", required=True, shell_complete=complete_lens, help="A name as in `lensd lenses`, or a path.")
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Say what was done as one JSON object.")
@click.option("--runtime", type=click.Choice(get_args(RuntimeChoice)), default="auto", show_default=True)
def apply(lens: str, source: Path, target: Path, as_json: bool, runtime: RuntimeChoice) -> None:
    """Put a lens on IN, a picture or a video, and write OUT.

    Pictures (PNG, JPEG, WebP) keep their size and transparency. Videos (MP4, MOV, MKV, WebM) keep their times and
    their sound. OUT appears whole or not at all; a file that is cut off is refused.
    """
    from lensd.application.apply import apply_lens
    from lensd.application.paths import check_paths
    from lensd.engine.select import open_engine
    from lensd.face.patient import open_patient_tracker
    from lensd.lens.open import open_lens

    still = check_paths(source, target) == "picture"
    signal.signal(signal.SIGTERM, _interrupt)  # else the half-written temporary file would stay
    with ExitStack() as stack:
        opened = stack.enter_context(
            closing(open_lens(lens, lambda network: open_engine(network, runtime=runtime, name=f"lens {lens}")))
        )
        tracker = open_patient_tracker(
            lambda network: open_engine(network, runtime="onnxruntime", name="face tracker"), still=still
        )
        stack.enter_context(closing(tracker))
        with click.progressbar(length=_STEPS, label=f"{opened.name} on {source.name}", file=sys.stderr) as bar:
            done = apply_lens(
                opened, tracker, source, target, lambda share: bar.update(round(share * _STEPS) - bar.pos)
            )
    if as_json:
        print(json.dumps({"lens": opened.name, "output": str(target), **done.as_dict()}))
    elif done.kind == "picture":
        where = f" {done.most} faces" if done.most > 1 else ""
        print(f"{target}: " + (f"the lens is on{where}" if done.faces else "no face was found, so nothing was drawn"))
    else:
        print(
            f"{target}: {done.frames} frames in {done.seconds:.1f} s, a face in {done.faces}"
            + (f", up to {done.most} at once" if done.most > 1 else "")
            + f", sound {done.sound}"
        )


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
