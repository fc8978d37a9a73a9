"""`lensd apply`: a lens on pictures, a whole video or a webcam, into files or a window."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from lensd.cli.switch import complete_lens
from lensd.cli.until_signal import until_signal
from lensd.config import RuntimeChoice
from lensd.errors import ConfigError, MediaError
from lensd.lens.none import NoLens
from lensd.settings_file import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from lensd.application.apply import Applied
    from lensd.application.window import Window
    from lensd.ports import FaceTracker, Lens

_STEPS = 1000


@click.command()
@click.option("--lens", required=True, shell_complete=complete_lens, help="A name as in `lensd lenses`, or a path.")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="[OUT]", required=False, type=click.Path(path_type=Path))
@click.option("--show", is_flag=True, help="Show it in a window; q, Escape or its cross closes it.")
@click.option("--json", "as_json", is_flag=True, help="Say what was done as one JSON object.")
@click.option("--runtime", type=click.Choice(get_args(RuntimeChoice)), default="auto", show_default=True)
@click.option("--size", default="1280x720", show_default=True, help="Of a camera's pictures.")
@click.option("--fps", type=click.FloatRange(1, 120), default=30.0, show_default=True, help="A camera is asked for.")
@click.option("--seconds", type=click.FloatRange(0, min_open=True), help="Stop a camera after so long.")
def apply(
    lens: str,
    source: str,
    target: Path | None,
    show: bool,
    as_json: bool,
    runtime: RuntimeChoice,
    size: str,
    fps: float,
    seconds: float | None,
) -> None:
    """Put a lens on IN, and write OUT or show it.

    IN is a picture, a video, a folder of pictures, or a camera: "camera" for the best one, "demo", or a name as in
    `lensd devices`. Pictures (PNG, JPEG, WebP) keep their size and transparency; videos (MP4, MOV, MKV, WebM) keep
    their times and their sound. OUT appears whole or not at all; a file that is cut off is refused. A camera is
    recorded until Ctrl-C (or --seconds), and what was recorded is kept.

    \b
    lensd apply --lens moustache-overlay party.jpg party-moustache.jpg
    lensd apply --lens thug-life talk.mp4 --show
    lensd apply --lens moustache-overlay camera me.mp4 --show
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from lensd.application.live import check_video_target, is_camera
    from lensd.application.paths import check_paths
    from lensd.engine.select import open_engine
    from lensd.face.patient import open_patient_tracker

    if target is None and not show:
        raise click.UsageError("name an OUT to write, or --show")
    if (wanted := parse_size(size)) is None:
        raise ConfigError(f"--size {size}", "is not WIDTHxHEIGHT", "--size 1280x720")
    folder = Path(source)
    camera, many = is_camera(source), folder.is_dir()
    if camera and target is not None:
        check_video_target(target)
    if many and (target is None or show):
        raise MediaError(source, "is a folder, whose pictures are not shown one by one", "name an output folder")
    still = many or (not camera and check_paths(folder, target) == "picture")
    with ExitStack() as stack:
        opened = stack.enter_context(closing(_opened(lens, runtime, measure=many or not still)))
        tracker = open_patient_tracker(
            lambda network: open_engine(network, runtime="onnxruntime", name="face tracker"), still=still
        )
        stack.enter_context(closing(tracker))
        if many and target is not None:
            _folder(opened, tracker, folder, target, as_json=as_json)
            return
        if camera:
            done = _camera(opened, tracker, source, target, wanted, fps, seconds, show=show)
        else:
            done = _file(opened, tracker, folder, target, show=show)
    _tell(opened.name, done, target, as_json=as_json)


def _opened(name: str, runtime: RuntimeChoice, *, measure: bool) -> Lens:
    """Return the lens in the runtime asked for; with "auto" in the fastest, which is measured first where `measure`.

    One picture is done before anything is measured: it runs in the fastest way that is known, by the daemon for one.

    Raises:
        LensError: no such lens, or a damaged one. EngineError: its network cannot be run.
    """
    from lensd.engine.select import open_engine
    from lensd.lens.open import find_package, lens_of
    from lensd.lens.package import open_package
    from lensd.tuning.tuner import Tuner

    if (path := find_package(name)) is None:
        return NoLens()
    package = open_package(path)
    if runtime != "auto" or package.manifest.generator is None:
        return lens_of(package, lambda network: open_engine(network, runtime=runtime, name=f"lens {package.name}"))
    tuner = Tuner()
    if measure:
        tuner.measure(package, lambda way: click.echo(f"measuring {way}, once on this machine", err=True))
    return tuner.open(package, patient=measure)[0]


def _file(lens: Lens, tracker: FaceTracker, source: Path, target: Path | None, *, show: bool) -> Applied:
    from lensd.application.apply import apply_lens

    signal.signal(signal.SIGTERM, _interrupt)  # else the half-written temporary file would stay
    window = _window_for(f"{lens.name}: {source.name}") if show else None
    if target is None:
        return apply_lens(lens, tracker, source, None, lambda _share: None, window)
    with click.progressbar(length=_STEPS, label=f"{lens.name} on {source.name}", file=sys.stderr) as bar:
        return apply_lens(
            lens, tracker, source, target, lambda share: bar.update(round(share * _STEPS) - bar.pos), window
        )


def _camera(
    lens: Lens,
    tracker: FaceTracker,
    camera: str,
    target: Path | None,
    size: tuple[int, int],
    fps: float,
    seconds: float | None,
    *,
    show: bool,
) -> Applied:
    from lensd.application.live import apply_to_camera
    from lensd.config import Settings

    wanted = Settings(width=size[0], height=size[1], fps=fps).format  # refuses sizes that cannot be
    with ExitStack() as stack:
        window = stack.enter_context(closing(_window_for(f"{lens.name}: {camera}")(*size))) if show else None
        signal.signal(signal.SIGTERM, _interrupt)  # the second of them
        until = stack.enter_context(until_signal())
        end = time.monotonic() + seconds if seconds is not None else None
        return apply_to_camera(
            lens,
            tracker,
            camera,
            wanted,
            target=target,
            window=window,
            stop=lambda: until() or (end is not None and time.monotonic() >= end),
            tell=_count,
        )


def _count(frames: int, seconds: float) -> None:
    if sys.stderr.isatty() and frames % 15 == 0 and seconds:
        print(f"\r{seconds:.0f} s, {frames / seconds:.0f} a second; Ctrl-C ends ", end="", file=sys.stderr, flush=True)


def _folder(lens: Lens, tracker: FaceTracker, source: Path, target: Path, *, as_json: bool) -> None:
    from lensd.application.folder import apply_to_folder

    signal.signal(signal.SIGTERM, _interrupt)
    with click.progressbar(length=1, label=f"{lens.name} on {source.name}", file=sys.stderr) as bar:

        def tell(done: int, of: int) -> None:
            bar.length = of
            bar.update(done - bar.pos)

        done = apply_to_folder(lens, tracker, source, target, tell)
    failed = [error.as_dict() for error in done.failed]
    if as_json:
        told = {"kind": "folder", "pictures": done.pictures, "faces": done.faces, "failed": failed}
        print(json.dumps({"lens": lens.name, "output": str(target), **told}))
    else:
        print(f"{target}: {done.pictures} pictures, a face on {done.faces}")
        for error in done.failed:
            print(f"left out: {error.what}: {error.why}", file=sys.stderr)
    if failed:
        sys.exit(MediaError.exit_status)


def _tell(lens: str, done: Applied, target: Path | None, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"lens": lens, "output": str(target) if target else None, **done.as_dict()}))
    elif done.kind == "picture":
        where = f" {done.most} faces" if done.most > 1 else ""
        told = f"the lens is on{where}" if done.faces else "no face was found, so nothing was drawn"
        print(f"{target or lens}: {told}")
    else:
        more = f", up to {done.most} at once" if done.most > 1 else ""
        more += f", sound {done.sound}" if done.kind == "video" and target else ""
        print(f"{target or lens}: {done.frames} frames in {done.seconds:.1f} s, a face in {done.faces}{more}")


def _window_for(title: str) -> Callable[[int, int], Window]:
    from lensd.application.window import Window

    return lambda width, height: Window(title, width, height)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
