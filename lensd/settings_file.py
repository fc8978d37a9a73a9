"""The user's settings as a file: read strictly, and a template for those who have none.

Its keys are the names of `Settings`, but for `size`, which is width and height in one.
"""

from __future__ import annotations

import os
import re
import tomllib
import types
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lensd.config import Settings
from lensd.errors import ConfigError

_MOST_BYTES = 64 * 1024
_HINT = "lensd config edit"
_SIZE = "size"
_FILES = ("camera", "output")  # what may be a file's path

TEMPLATE = """\
# SnapLens Camera's settings. Take the # away before what you want to be otherwise.
# Check them: lensd config check. Have the running camera read them again: lensd config reload

# Which camera: "auto" (a webcam, else the demo), "/dev/video0", a name as in `lensd devices`, a file, or "demo".
# Or several, of which the first that is there is taken: ["HD Pro Webcam C920", "Integrated Camera"]
# camera = "auto"

# How its frames are shown: as in a mirror; turned clockwise by 0, 90, 180 or 270 degrees; per cents cut off at left,
# top, right and bottom; and, where the shapes differ, black bars ("letterbox") or what is too much cut off ("crop").
# What `lensd camera set` keeps for one camera goes before these.
# mirror = false
# rotate = 0
# crop = "0 0 0 0"
# fit = "letterbox"

# The lens to begin with, "none" for none. Without it, the camera begins with the last one.
# lens = "thug-life"

# Size and rate of the picture that programs see; after a change the camera has to be started again.
# size = "1280x720"
# fps = 30

# Where it goes: "auto" ("SnapLens Camera"), "/dev/video42", a video file, or "none".
# output = "auto"

# The preview page in your browser.
# preview = true

# A camera in PipeWire too, where that runs: for Flatpaks, GNOME's programs, and Firefox on Fedora.
# pipewire = true

# While nobody is seen: the camera's picture ("pass"), the last lensed one ("hold"), or a card ("card").
# no_face = "pass"

# What runs the lens: "auto" (the fastest here, measured), "onnxruntime", "onnxruntime-cuda", "openvino",
# "openvino-gpu", "openvino-npu", "tensorrt" or "tensorrt-rtx".
# runtime = "auto"

# Keep the webcam open also while nobody looks; else it is closed so many seconds after the last one has looked away.
# always_on = false
# linger_s = 5

# Draw the points that the tracker finds.
# show_points = false
"""


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings in the file at `path`, as `Settings.from_dict` takes them; none where there is no file.

    Raises:
        ConfigError: it cannot be read, is no TOML, has an unknown key (the nearest known one is named) or a value that
            cannot be used.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error)) from None
    return parse_settings(content, path)


def parse_settings(content: bytes, path: Path) -> dict[str, Any]:
    """Return the settings in a file's `content`; `path` is for messages, and what relative names are relative to.

    Raises:
        ConfigError: as `read_settings`.
    """
    if len(content) > _MOST_BYTES:
        raise ConfigError(str(path), f"is longer than {_MOST_BYTES // 1024} KiB", _HINT)
    try:
        table = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise ConfigError(str(path), f"is no TOML: {_printable(str(error))}", _HINT) from None
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key == _SIZE:
            values["width"], values["height"] = _size(value, path)
        else:
            values[key] = _checked(key, value, path)
    try:
        Settings.from_dict(values)
    except ConfigError as error:
        raise ConfigError(str(path), f"{error.what}: {error.why}", _HINT) from None
    return values


def keys() -> list[str]:
    """Return all keys that the file may have."""
    names = [field.name for field in fields(Settings)]
    return [_SIZE if name == "width" else name for name in names if name != "height"]


def as_keys(values: dict[str, Any]) -> dict[str, Any]:
    """Return settings under the keys that the file has for them."""
    values = dict(values)
    if {"width", "height"} <= values.keys():
        values[_SIZE] = f"{values.pop('width')}x{values.pop('height')}"
    return {key: values[key] for key in keys() if key in values}


def as_toml(value: object) -> str:
    """Return a setting's value as the file has it; "" for one that is not set."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = "".join(f"\\u{ord(c):04x}" if c in '"\\' or not c.isprintable() else c for c in value)
        return f'"{escaped}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def parse_size(text: str) -> tuple[int, int] | None:
    """Return width and height of "1280x720"; None where it is not written so."""
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    return (int(match[1]), int(match[2])) if match else None


def _size(value: object, path: Path) -> tuple[int, int]:
    if isinstance(value, str) and (size := parse_size(value)) is not None:
        return size
    raise ConfigError(str(path), f'size must be written as "1280x720", not {_shown(value)}', _HINT)


def _checked(key: str, value: object, path: Path) -> object:
    """Return the value of a key, with the type that `Settings` has for it."""
    if key not in keys():
        raise ConfigError(str(path), f"{_printable(key)} is unknown; {_nearest(key)}", _HINT)
    kind = get_type_hints(Settings)[key]
    kinds = [each for each in get_args(kind) if each is not types.NoneType] if _is_union(kind) else [kind]
    for each in kinds:
        if get_origin(each) is Literal and value in get_args(each):
            return value
        if each is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if get_origin(each) is tuple and isinstance(value, list) and all(isinstance(one, str) for one in value):
            names = [_whole_path(one, path) for one in value]
            return names[0] if len(names) == 1 else names
        if get_origin(each) is not Literal and type(value) is each:
            return _whole_path(value, path) if key in _FILES and isinstance(value, str) else value
    allowed = " or ".join(_said(each) for each in kinds)
    raise ConfigError(str(path), f"{key} must be {allowed}, not {_shown(value)}", _HINT)


def _is_union(kind: object) -> bool:
    return isinstance(kind, types.UnionType)


def _said(kind: object) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(as_toml(choice) for choice in get_args(kind))}"
    if get_origin(kind) is tuple:
        return "a list of such texts"
    words = {str: 'text in "quotes"', bool: "true or false", int: "a whole number", float: "a number"}
    return words.get(kind, str(kind))  # type: ignore[call-overload, no-any-return]


def _whole_path(name: str, path: Path) -> str:
    """Files are named from home ("~/talk.mp4") or from the settings' folder."""
    if name.startswith("~"):
        return os.path.expanduser(name)  # noqa: PTH111 "~nobody" stays as it is instead of raising
    return str(path.parent / name) if "/" in name and not name.startswith("/") else name


def _nearest(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key.lower().replace("-", "_"), keys(), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(keys())}"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return _printable(as_toml(value) if isinstance(value, str | bool | int | float) else str(value))


def _printable(text: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else text[:77] + "..."
