"""`lensd camera`: one camera's settings."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import click

from lensd.errors import CameraMissing, ConfigError, DaemonNotRunning, LensdError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lensd.camera.adjust import Adjustment, Setting

_WHICH = click.option(
    "--camera", "name", metavar="NAME", help="As in `lensd devices`.  [the one in use, else the best]"
)


@click.group()
def camera() -> None:
    """Show and set a camera: exposure, focus, white balance, mains frequency, and which way round it is shown.

    What is set holds at once, also in the middle of a call, and is kept for that camera.
    """


@camera.command()
@_WHICH
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def show(name: str | None, as_json: bool) -> None:
    """Show what can be set, and what it is set to."""
    with _opened(name) as opened:
        settings = list(opened.settings())
        if as_json:
            print(json.dumps(_as_dict(opened, settings)))
            return
        print(f"{opened.card} ({opened.path})")
        for key, value in _view(opened).items():
            kept = "kept for this camera" if key in opened.kept.view else "as in the settings"
            print(f"    {key:<34} {_words(value):<20} {kept}")
        for each in settings:
            print(_line(each))
        if not settings:
            print("    the driver has nothing to be set")


@camera.command("set")
@_WHICH
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
def set_(name: str | None, settings: tuple[str, ...]) -> None:
    r"""Set it, and keep it for this camera.

    \b
    lensd camera set power_line_frequency="50 Hz"
    lensd camera set --camera "HD Pro" mirror=on rotate=180 brightness=140
    """
    wishes = {}
    for word in settings:
        key, equals, value = word.partition("=")
        if not equals:
            raise ConfigError(repr(word), "is not written as KEY=VALUE", "lensd camera set brightness=140")
        wishes[key.strip().replace("-", "_")] = value
    with _opened(name) as opened:
        opened.set(wishes)
        _tell_daemon()
        print(f"{opened.card} has {', '.join(wishes)} as you want it, and keeps it.")


@camera.command()
@_WHICH
@click.argument("settings", nargs=-1, metavar="[KEY]...")
def reset(name: str | None, settings: tuple[str, ...]) -> None:
    """Set KEYs, or all that was set, to the driver's defaults, and forget what was kept."""
    with _opened(name) as opened:
        opened.reset(tuple(key.replace("-", "_") for key in settings))
        _tell_daemon()
        print(f"{opened.card} is as the driver has it" + (f": {', '.join(settings)}." if settings else "."))


@contextlib.contextmanager
def _opened(name: str | None) -> Iterator[Adjustment]:
    from lensd.camera.adjust import Adjustment
    from lensd.camera.find import best_camera, find_webcam, list_cameras, missing

    path = None
    if name is None:
        with contextlib.suppress(LensdError):
            path = find_webcam(str(_in_use()))
    if path is None and name is None:
        best = best_camera(cameras := list_cameras())
        if best is None:
            raise missing("a webcam", cameras)
        path = best.path
    opened = Adjustment(path if path is not None else find_webcam(str(name)))
    try:
        yield opened
    finally:
        opened.close()


def _in_use() -> str:
    from lensd.control.client import call

    told = call("status", timeout_s=3)["camera"]
    if not isinstance(told, str):
        raise CameraMissing("the camera", "none is in use")
    return told


def _tell_daemon() -> None:
    from lensd.control.client import call

    with contextlib.suppress(DaemonNotRunning):
        call("adjust", timeout_s=3)


def _view(opened: Adjustment) -> dict[str, Any]:
    from lensd.config import VIEW_NAMES, Settings, config_file
    from lensd.settings_file import read_settings

    try:
        view = Settings.from_dict(read_settings(config_file())).view
    except ConfigError:  # `lensd config check` tells of it
        view = Settings().view
    seen = opened.kept.over(view)
    return {key: getattr(seen, key) for key in VIEW_NAMES}


def _line(setting: Setting) -> str:
    control, value = setting.control, setting.value
    if control.menu:
        bounds = ", ".join(f"{key} {words}" for key, words in control.menu.items())
    elif control.kind.name == "BOOLEAN":
        bounds = "on, off"
    else:
        bounds = f"{control.least} to {control.most}" + (f" by {control.step}" if control.step > 1 else "")
    now = "?" if value is None else control.menu.get(value, str(value))
    if control.kind.name == "BOOLEAN" and value is not None:
        now = "on" if value else "off"
    default = control.menu.get(control.default, str(control.default))
    notes = [f"default {'on' if control.default else 'off'}" if bounds == "on, off" else f"default {default}"]
    notes += ["kept"] * setting.kept + ["an automatic has its place"] * control.inactive
    return f"    {control.name:<34} {now:<20} {bounds}; {', '.join(notes)}"


def _words(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(f"{each:g}" for each in value)
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def _as_dict(opened: Adjustment, settings: list[Setting]) -> dict[str, Any]:
    return {
        "card": opened.card,
        "path": str(opened.path),
        "by_id": opened.by_id,
        "view": _view(opened),
        "controls": {
            each.control.name: {
                "value": each.value,
                "kept": each.kept,
                "default": each.control.default,
                "least": each.control.least,
                "most": each.control.most,
                "step": each.control.step,
                "menu": each.control.menu,
                "inactive": each.control.inactive,
            }
            for each in settings
        },
    }
