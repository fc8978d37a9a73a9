"""`lensd lens`: packages that people make and share."""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lensd.cli.switch import complete_lens
from lensd.errors import DaemonNotRunning, LensdError, LensError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from lensd.sharing.store import Installation, Replacing

_FOLDER = click.Path(path_type=Path)
_STATUS_S = 5.0


def complete_own_lens(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the user's own lenses whose name begins so."""
    from click.shell_completion import CompletionItem

    from lensd.lens.catalogue import find_lenses

    own = [lens for lens in find_lenses() if lens.source == "user"]
    return [CompletionItem(lens.name, help=lens.title) for lens in own if lens.name.startswith(incomplete)]


@click.group()
def lens() -> None:
    """Install, remove, examine, make and pack lenses.

    A package's hashes prove that it came whole, not who made it: install lenses of people whom you trust. A package
    holds no code, and it is checked in a process of its own before anything of it is used (docs/lens-format.md).
    """


@lens.command()
@click.argument("source", metavar="FILE|FOLDER|URL")
@click.option("--upgrade", is_flag=True, help="Replace your lens of that name, where this one is newer.")
@click.option("--replace", is_flag=True, help="Replace your lens of that name, whatever its version.")
def install(source: str, upgrade: bool, replace: bool) -> None:
    """Install a lens from a file, a folder or an https address.

    It is checked first: files, sizes, hashes, the network's operators and shapes, and its golden pair, behind
    limits of memory and time. It is there whole or not at all; a running camera offers it at once. With #sha256=...
    behind the address (as `lensd lens pack` prints it) only that very file is taken.

    \b
    lensd lens install party-1.0.0.lens.zip
    lensd lens install https://example.org/party-1.0.0.lens.zip#sha256=...
    """  # noqa: D301  \b is click's mark for lines that stay as they are
    from lensd.sharing.fetch import is_address
    from lensd.sharing.store import install as run

    replacing: Replacing = "any" if replace else "older" if upgrade else "nothing"
    with ExitStack() as opened:
        path = _fetched(source, opened) if is_address(source) else Path(source)
        _say(f"checking {path.name} ...")
        done = run(path, replacing=replacing)
    report = done.report
    if not done.written:
        print(f"Lens {report.name} {report.version} is installed already, and whole.")
        return
    what = "Installed" if done.replaced is None else f"Replaced version {done.replaced or '(unreadable)'} by"
    print(f"{what} lens {report.name} {report.version}: {report.title}, by {report.author}; licence: {report.licence}")
    _tell_daemon(done)


def _fetched(source: str, opened: ExitStack) -> Path:
    from lensd.sharing.fetch import fetched, parse_address

    address = parse_address(source)
    bar = opened.enter_context(click.progressbar(length=100, label="fetching", file=sys.stderr))

    def tell(done: int, of: int | None) -> None:
        bar.label = f"fetching {done / 1e6:.1f} MB"
        bar.update(100 * done // of - bar.pos if of else 0)

    path = opened.enter_context(fetched(address, tell))
    bar.render_finish()
    return path


def _tell_daemon(done: Installation) -> None:
    """Have a camera that shows the lens show the new one."""
    from lensd.control.client import call

    name = done.report.name
    if done.replaced is not None and _in_use() == name:
        try:
            call("switch", {"lens": name})
        except LensdError as error:
            print(f"note: the camera goes on with the old one: {error.what}: {error.why}", file=sys.stderr)
        else:
            print("The camera shows the new one.")
        return
    print(f"wear it: lensd switch {name}")


def _in_use() -> str | None:
    """Return the name of the lens that the running camera has, if there is one."""
    from lensd.control.client import call

    try:
        return str(call("status", timeout_s=_STATUS_S)["lens"])
    except DaemonNotRunning:
        return None


@lens.command()
@click.argument("name", shell_complete=complete_own_lens)
@click.option("--switch-to", metavar="OTHER", shell_complete=complete_lens, help="Where it is in use: wear this first.")
def remove(name: str, switch_to: str | None) -> None:
    """Remove the lens NAME, which you installed.

    One that the camera shows only with --switch-to: without it your face would be bare.
    """
    from lensd.control.client import call
    from lensd.favourites import read_favourites, set_favourite
    from lensd.sharing.store import check_removable
    from lensd.sharing.store import remove as run

    check_removable(name)
    if _in_use() == name:
        if switch_to is None or switch_to == name:
            hint = f"lensd lens remove {name} --switch-to none"
            raise LensError(f"lens {name}", "is in use: without it your face would be bare", hint)
        told = call("switch", {"lens": switch_to})
        print(f"Lens {told['lens']} is on.")
    for path in run(name):
        print(f"Removed {path}")
    if name in read_favourites():
        set_favourite(name, liked=False)
    _tell_settings(name)


def _tell_settings(name: str) -> None:
    from lensd.config import config_file
    from lensd.errors import ConfigError
    from lensd.settings_file import read_settings

    try:
        begins_with = read_settings(config_file()).get("lens")
    except ConfigError:
        return  # broken settings are told of by those who need them
    if begins_with == name:
        print("note: your settings begin with it; change them: lensd config edit", file=sys.stderr)


@lens.command()
@click.argument("lens_or_path", metavar="NAME|FILE|FOLDER", shell_complete=complete_lens)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
@click.option("--card", is_flag=True, help="Its card as well: what it was made from, for whom it works less well.")
def info(lens_or_path: str, as_json: bool, card: bool) -> None:
    """Say what a lens is, installed or not; nothing of it is run."""
    from lensd.cli.lens_report import told
    from lensd.sharing.examination import examine

    path = _path_of(lens_or_path)
    report = examine(path, run=False)
    if as_json:
        print(json.dumps({**report.as_dict(), "path": str(path)}, indent=1))
    else:
        print(told(report, path))
        if card:
            print(f"\n{report.card}" if report.card else "\nIt has no card.")


@lens.command()
@click.argument("lens_or_path", metavar="[NAME|FILE|FOLDER]...", nargs=-1, shell_complete=complete_lens)
def verify(lens_or_path: tuple[str, ...]) -> None:
    """Check lenses as an installation does.

    All that are installed, or those named. Files, sizes, hashes, pictures, the network's operators and shapes, and
    the golden pair in ONNX Runtime.
    """
    from lensd.cli.lens_report import proved
    from lensd.lens.catalogue import read_catalogue
    from lensd.sharing.examination import examine

    catalogue, failed = read_catalogue(), 0
    named = lens_or_path or tuple(str(lens.path) for lens in catalogue.lenses if lens.path is not None)
    for name in named:
        try:
            print(f"ok      {proved(examine(_path_of(name)))}", flush=True)
        except LensdError as error:
            failed += 1
            print(f"FAILED  {error.what}: {error.why}", flush=True)
    for skipped in () if lens_or_path else catalogue.skipped:
        failed += 1
        print(f"FAILED  {skipped.path.name}: {skipped.error.what}: {skipped.error.why}")
    if failed:
        sys.exit(LensError.exit_status)


def _path_of(lens_or_path: str) -> Path:
    from lensd.lens.open import find_package

    path = find_package(lens_or_path)
    if path is None:
        raise LensError("lens none", "is built in, and no package", "lensd lenses")
    return path


@lens.command()
@click.argument("folder", type=_FOLDER)
@click.option("--output", type=_FOLDER, help="The zip to write.  [NAME-VERSION.lens.zip]")
@click.option("--replace", is_flag=True, help="Overwrite a zip of that name.")
def pack(folder: Path, output: Path | None, replace: bool) -> None:
    """Write the folder NAME.lens as one file that can be passed on.

    The hashes of its files are written into its lens.toml first; so this is also what to do after each change of a
    file. Then it is checked as an installation checks it.
    """
    from lensd.cli.lens_report import proved
    from lensd.sharing.pack import pack as run

    done = run(folder, output, replace=replace)
    print(proved(done.report))
    print(f"wrote {done.path} ({done.size / 1e6:.2f} MB)")
    print(f"install it:  lensd lens install {done.path}")
    print(f"pass it on:  lensd lens install https://.../{done.path.name}#sha256={done.sha256}")


@lens.command()
@click.argument("name")
@click.option("--title", help="For people; as in lists.  [the name]")
@click.option("--author", help="You.  [the user's name]")
@click.option("--licence", help="Under which it may be passed on, such as CC-BY-4.0.")
@click.option("--network", type=_FOLDER, help="An ONNX network that you have: makes a generator of it.")
@click.option("--picture", type=_FOLDER, help="With --network: a face as it sees it, an RGB PNG of its size.")
def init(name: str, title: str | None, author: str | None, licence: str | None, **given: Path | None) -> None:
    """Begin a lens of your own.

    Writes the folder NAME.lens, with a sticker to draw over. It can be installed as it is. A lens that is learned
    from a sticker or from pictures is made by `lensd new`; with --network, one that was learned elsewhere gets a
    folder and its golden pair.
    """
    from lensd.sharing.scaffold import scaffold

    if given["picture"] is not None and given["network"] is None:
        raise click.UsageError("--picture goes with --network")
    folder = Path(f"{name.removesuffix('.lens')}.lens")
    scaffold(
        folder,
        title=title or folder.stem.replace("-", " ").title()[:60],
        author=author or os.environ.get("USER") or "unknown",
        licence=licence or "not stated: for its maker's own use",
        network=given["network"],
        picture=given["picture"],
    )
    changed = "sticker.png, lens.toml and CARD.md" if given["network"] is None else "[crop] in lens.toml, and CARD.md"
    print(f"wrote {folder}. Change {changed}, then: lensd lens pack {folder}")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)
