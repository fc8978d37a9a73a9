"""The list of stages for a wish."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lensd.lens.align import apply, invert
from lensd.lens.overlay import render_crop
from trainer.dataset.write import write_png
from trainer.distil.run import CHECKPOINT
from trainer.new.cropping import SIDE_MAX
from trainer.new.distilling import teach
from trainer.new.drawn_pairs import draw_pairs
from trainer.new.efforts import BATCH, predecessor
from trainer.new.given_pairs import cut_pairs
from trainer.new.packing import evaluate_package, export_packages, install_packages
from trainer.new.stages import Stage
from trainer.new.teaching import BATCH as TEACHER_BATCH
from trainer.new.teaching import SAMPLE_S as TEACHER_SAMPLE_S
from trainer.new.teaching import teach_teacher
from trainer.new.wish import listing
from trainer.package import over
from trainer.portrait import cut, portrait

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trainer.new.stages import Display, Done
    from trainer.new.wish import Wish

FIRST_LOOK = "first-look.png"
_LOOK_PX = 480
_SEARCH_S, _CUT_S = 0.1, 0.01  # a picture, one core


@dataclass(frozen=True, slots=True)
class Machine:
    """What the stages may use: threads of the network, and processes for pictures."""

    threads: int
    workers: int


def stages_of(wish: Wish, run: Path, machine: Machine, pictures: int) -> list[Stage]:
    """Return the stages, in order.

    Args:
        wish: what was asked for.
        run: the run's folder.
        machine: what may be used.
        pictures: how many there are, for the time that is left.
    """
    effort, words = wish.effort, asdict(wish.words)
    source: dict[str, Any] = {"digest": wish.digest, "files": listing(wish.source), "size_px": effort.size_px}
    start_from = None if wish.crop is None else predecessor(wish.crop)
    pairs = run / "pairs"
    taught = wish.sticker is None and effort.teacher_steps > 0  # a drawing is exact, and needs no teacher
    at_once = max(1.0, 0.7 * machine.threads)

    def look(place: Path, _: Display, __: Mapping[str, Done]) -> Mapping[str, Any]:
        return first_look(wish, place)

    def make_pairs(place: Path, display: Display, _: Mapping[str, Done]) -> Mapping[str, Any]:
        if wish.sticker is not None and wish.crop is not None:
            return draw_pairs(wish.source, place, wish.sticker, wish.crop, machine.workers, display.tell)
        return cut_pairs(wish.source, place, effort.size_px, machine.workers, display.tell)

    def look_up_to(place: Path, display: Display, _: Mapping[str, Done]) -> Mapping[str, Any]:
        return teach_teacher(pairs, place, effort.teacher_steps, effort.size_px, machine.threads, display)

    def distil(place: Path, display: Display, _: Mapping[str, Done]) -> Mapping[str, Any]:
        teacher = run / "teacher" if taught else None
        threads = machine.threads
        return teach(pairs, place, effort, display, teacher=teacher, start_from=start_from, threads=threads)

    def export(place: Path, _: Display, before: Mapping[str, Done]) -> Mapping[str, Any]:
        return export_packages(wish, run / "distil" / CHECKPOINT, place, before["pairs"].facts)

    def evaluate(place: Path, display: Display, before: Mapping[str, Done]) -> Mapping[str, Any]:
        return evaluate_package(wish, run / "export", run / "distil" / CHECKPOINT, pairs, place, display, before)

    def install(place: Path, _: Display, before: Mapping[str, Done]) -> Mapping[str, Any]:
        return install_packages(wish, run / "export", place, before["evaluate"].facts)

    teacher_s = effort.teacher_steps * TEACHER_BATCH * TEACHER_SAMPLE_S
    looks_s = (
        effort.steps * BATCH * TEACHER_SAMPLE_S / 4 if taught else 0.0
    )  # a quarter of a step: forward, one network
    steps: dict[str, Any] = {"small": effort.small_steps, "steps": effort.steps}
    steps["px"] = [effort.small_px, effort.size_px]
    if effort.worn:  # runs from pairs are what they were: those that were begun go on
        source["worn"] = True
        steps |= {"from": start_from, "rate": effort.rate, "gradient": effort.gradient}
        steps["astray"] = [effort.wide, effort.near]
    stages = [
        Stage("look", "a first look", 2, {"digest": wish.digest}, look),
        Stage("pairs", "making pairs", 5 + pictures * (_SEARCH_S + _CUT_S) / machine.workers, source, make_pairs),
        Stage("teacher", "teaching its teacher", teacher_s / at_once, {"steps": effort.teacher_steps}, look_up_to),
        Stage("distil", "teaching the network", (effort.seconds + looks_s) / at_once, steps, distil),
        Stage("export", "making the lens", 2, words, export),
        Stage("evaluate", "measuring it", 10, {}, evaluate),
        Stage("install", "installing it", 1, {"name": wish.name}, install),
    ]
    unwanted = {"look"} if wish.sticker is None else set()
    unwanted |= set() if taught else {"teacher"}
    return [stage for stage in stages if stage.name not in unwanted]


def first_look(wish: Wish, place: Path) -> Mapping[str, Any]:
    """Draw the sticker on the portrait that may be shown, and write it as a picture.

    Raises:
        MediaError: it cannot be written.
    """
    if wish.sticker is None:
        return {}
    photo, points = portrait()
    square, to_photo = cut(photo, points, _LOOK_PX, SIDE_MAX, wish.crop.up if wish.crop else 0.0)
    drawn = render_crop([wish.sticker], apply(invert(to_photo), points[:, :2]), _LOOK_PX)
    write_png(place / FIRST_LOOK, over(square, drawn))
    return {"picture": str(place / FIRST_LOOK)}
