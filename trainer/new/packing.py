"""The stages "export", "evaluate" and "install": a checkpoint to packages, their figures and their place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lensd.evaluation.cost import measure_cost
from lensd.evaluation.tables import Result, tables_of
from lensd.lens.manifest import PREVIEW
from lensd.lens.package import open_package
from lensd.sharing.store import install
from lensd.whole_file import write_whole
from trainer.export import About, export, export_overlay
from trainer.new.card import FIGURES, card_of, figures_text, overlay_card
from trainer.new.cropping import SIDE_MAX
from trainer.new.drawn_pairs import FEW
from trainer.new.installing import note
from trainer.new.judge import judge
from trainer.new.page import Results, write_page
from trainer.package import write_package
from trainer.pairs import open_pairs
from trainer.torch_engine import TorchEngine
from trainer.variants import head

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lensd.evaluation.cost import Cost
    from lensd.evaluation.evaluate import Figures
    from trainer.new.stages import Display, Done
    from trainer.new.wish import Wish

PAGE = "index.html"
_SHOWN = 36
_POOR = 0.8  # mean IoU under which a lens is not ready to be worn
_STICKER = "sticker.png"


def export_packages(wish: Wish, checkpoint: Path, place: Path, taught: Mapping[str, Any]) -> dict[str, Any]:
    """Write NAME.lens, and NAME-overlay.lens where a sticker teaches.

    Raises:
        LensdError: the network cannot be exported.
        OSError: the folder cannot be written.
    """
    words, teacher = wish.words, None
    if wish.sticker is not None:
        teacher = wish.overlay_name
        folder = place / f"{teacher}.lens"
        view = (SIDE_MAX, wish.crop.up if wish.crop else 0.0)
        card = overlay_card(wish)
        export_overlay(folder, _overlay_head(wish), [wish.sticker], [_STICKER], card, view, licence="")
    about = About(wish.name, words.title, teacher, author=words.author, tags=("made",), licence=words.licence)
    difference = export(checkpoint, place / f"{wish.name}.lens", about, card_of(wish, taught), "")
    size = sum(path.stat().st_size for path in (place / f"{wish.name}.lens").rglob("*") if path.is_file())
    return {"difference": round(difference, 4), "bytes": size}


def evaluate_package(
    wish: Wish,
    exported: Path,
    checkpoint: Path,
    pairs: Path,
    place: Path,
    display: Display,
    before: Mapping[str, Done],
) -> dict[str, Any]:
    """Measure the lens, in torch too, and write `figures.json` and the page.

    Raises:
        LensdError: the lens cannot be run.
        OSError: the folder cannot be written.
    """
    path = exported / f"{wish.name}.lens"
    judged = judge(
        path,
        open_pairs(pairs),
        _SHOWN,
        lambda done, of: display.tell(0.8 * done / of, 1, f"{done} of {of} people"),
    )
    display.tell(0.8, 1, "timing it in every runtime")
    package = open_package(path)
    cost = measure_cost(package, also=[TorchEngine(checkpoint)])
    whole = judged.evaluation.whole
    bytes_ = int(before["export"].facts["bytes"])
    figures = {**judged.evaluation.as_dict(), "bytes": bytes_, "cost": cost.as_dict() if cost else None}
    write_whole(place / "figures.json", json.dumps(figures, indent=1).encode(), mode=0o600)
    results = Results(
        wish.name,
        wish.words.title,
        f"Made from {wish.told}, effort {wish.effort.name}.",
        _key(whole, cost, bytes_),
        _notes(wish, whole, before["pairs"].facts),
        tables_of([Result(wish.name, judged.evaluation, None, cost)]),
        [(name, _took(done.seconds)) for name, done in before.items()],
        judged.worst,
        "the sticker as it should lie" if wish.sticker else "the picture that was given",
    )
    write_page(place / PAGE, results, package.contents[PREVIEW])
    return {
        "figures": figures_text(whole),
        "iou_mean": whole.iou_mean,
        "iou_p5": whole.iou_p5,
        "fired": whole.fired,
        "page": str(place / PAGE),
        "notes": list(results.notes),
    }


def install_packages(wish: Wish, exported: Path, place: Path, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Write the figures on the card, and install the lens, after the overlay that it names.

    Raises:
        LensError: what was written is no package, or cannot be installed.
        OSError: the run's folder cannot be written.
    """
    package = open_package(exported / f"{wish.name}.lens")
    contents = dict(package.contents)
    contents["CARD.md"] = contents["CARD.md"].decode().replace(FIGURES, str(measured["figures"])).encode()
    final = place / f"{wish.name}.lens"
    write_package(final, head(package.manifest), contents)
    overlays = [] if wish.sticker is None else [exported / f"{wish.overlay_name}.lens"]
    for made in (*overlays, final):
        note(place.parent, made)
        target = install(made, replacing="any").path
    return {"installed": str(target)}


def _overlay_head(wish: Wish) -> str:
    """Return lens.toml of the overlay, up to [files]."""
    sticker, words = wish.sticker, wish.words
    if sticker is None:
        return ""
    values = {"name": wish.overlay_name, "title": _drawn(words.title), "version": "1.0.0", "author": words.author}
    values |= {"licence": words.licence, "kind": "overlay"}
    lines = ["schema = 1", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())]
    lines += ["", "[[sticker]]", f'image = "{_STICKER}"', f'anchor = "{sticker.anchor}"']
    return "\n".join([*lines, f"centre = {json.dumps(list(sticker.centre))}", f"width = {sticker.width}"])


def _drawn(title: str) -> str:
    return title if len(title) > 52 else f"{title} (drawn)"


def _key(whole: Figures, cost: Cost | None, size: int) -> list[tuple[str, str]]:
    """Return the figures that matter."""
    key = []
    if whole.iou_mean is not None and whole.iou_p5 is not None:
        key += [(f"{whole.iou_mean:.3f}", f"overlap (IoU), mean of {whole.faces} faces")]
        key += [(f"{whole.iou_p5:.3f}", "of the worst twentieth, at most")]
    key.append((f"{whole.fired:.1%}", "of the faces wear it"))
    if whole.psnr_inside is not None:
        key.append((f"{whole.psnr_inside:.1f} dB", "PSNR under it"))
    times_ms = [row.median_ms for row in cost.runtimes if row.runtime != TorchEngine.runtime] if cost else []
    if times_ms:
        key.append((f"{min(times_ms):.1f} ms", "a frame on this machine"))
    return [*key, (f"{size / 1e6:.1f} MB", "the package")]


def _notes(wish: Wish, whole: Figures, pairs: Mapping[str, Any]) -> list[str]:
    """Return what the maker has to know, a sentence each."""
    notes = []
    if pairs["persons"] < FEW:
        notes.append(f"It has seen {pairs['persons']} people only: expect it to work on them, and less on others.")
    if pairs["left_out"]:
        first = ", ".join(f"{label} ({why})" for label, why in pairs["why"][:3])
        many = f"{pairs['left_out']} pictures were" if pairs["left_out"] > 1 else "One picture was"
        notes.append(f"{many} left out: {first}{', …' if pairs['left_out'] > 3 else ''}")
    if pairs.get("misaligned_count"):
        worst = ", ".join(f"{label} by {far} px" for label, far in pairs["misaligned"][:3])
        notes.append(
            f"B lies beside A in {pairs['misaligned_count']} pairs ({worst}): lensd pairs check {wish.source} has all"
        )
    if whole.iou_mean is not None and whole.iou_mean < _POOR:
        mended = "more pictures" if wish.effort.name == "best" else "more pictures, or more --effort,"
        notes.append(f"The overlap is {whole.iou_mean:.2f}, below {_POOR}: {mended} may mend it.")
    return notes


def _took(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
