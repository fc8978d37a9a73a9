"""`lensd config`: the settings file."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from lensd.config import Settings, config_file
from lensd.control.client import call
from lensd.errors import ConfigError, DaemonNotRunning
from lensd.settings_file import TEMPLATE, as_keys, as_toml, keys, parse_settings, read_settings
from lensd.whole_file import write_whole

_EDITORS = ("sensible-editor", "nano", "vim", "vi")


@click.group()
def config() -> None:
    """Show, edit and check the settings."""


@config.command()
def show() -> None:
    """Print the settings that `lensd run` takes, and where each is from; it is TOML."""
    path = config_file()
    values = as_keys(read_settings(path))
    known = as_keys(Settings().as_dict())
    print(f"# {path}" + ("" if path.exists() else " (not there; begin it with: lensd config edit)"))
    for key in keys():
        value, where = (values[key], "") if key in values else (known[key], "  # default")
        text = as_toml(value)
        print(f"{key} = {text}{where}" if text else f"# {key} is not set")
    try:
        told = call("status").get("settings", {})
    except DaemonNotRunning:
        return
    _print_running(told, {**known, **values})


def _print_running(told: dict[str, Any], file: dict[str, Any]) -> None:
    current = told.get("current", {})
    others = {key: value for key, value in current.items() if key in file and value != file[key]}
    for key, value in others.items():
        print(f"# the running camera has {key} = {as_toml(value) or 'none set'}")
    if told.get("problem"):
        print(f"# the running camera keeps what it had: {told['problem']['why']}")


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def check(file: Path | None) -> None:
    """Check the settings, or those in FILE."""
    path = file or config_file()
    if file is not None and not file.exists():
        raise ConfigError(str(file), "there is no such file")
    values = as_keys(read_settings(path))
    print(f"{path} is fine: {', '.join(values) if values else 'nothing'} set.")


@config.command()
def edit() -> None:
    """Open the settings in $VISUAL or $EDITOR; they are checked before they replace the old ones."""
    path = config_file().resolve()  # a link, as people have it who keep such files elsewhere, stays one
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else TEMPLATE.encode()
    descriptor, name = tempfile.mkstemp(prefix="lensd-", suffix=".toml")
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(before)
        content = _edited(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    if content == before:
        print("Nothing was changed.")
        return
    write_whole(path, content, mode=0o600)
    print(f"{path} is written.")
    _reload(quiet=True)


@config.command()
def reload() -> None:
    """Have the running camera read the settings again."""
    _reload(quiet=False)


def _edited(draft: Path, path: Path) -> bytes:
    """Have `draft` edited until it can be used, or the person gives up."""
    while True:
        command = [*_editor(), str(draft)]
        try:
            status = subprocess.run(command, check=False).returncode
        except OSError as error:
            raise ConfigError(
                command[0], error.strerror or str(error), "set EDITOR to an editor that you have"
            ) from None
        if status:
            raise ConfigError(command[0], f"ended with status {status}; the settings are as they were")
        content = draft.read_bytes()
        try:
            parse_settings(content, path)
        except ConfigError as error:
            print(f"error: {error.why}", file=sys.stderr)
            if not sys.stdin.isatty() or not click.confirm("Edit it again?", default=True):
                raise ConfigError(
                    str(path), "is as it was; what you wrote was not taken", "lensd config edit"
                ) from None
        else:
            return content


def _editor() -> list[str]:
    for variable in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(variable, "")):
            return words
    found = next((name for name in _EDITORS if shutil.which(name)), None)
    if found is None:
        raise ConfigError("the editor", "is not known", f"set EDITOR, or edit {config_file()} yourself")
    return [found]


def _reload(*, quiet: bool) -> None:
    try:
        told = call("reload")
    except DaemonNotRunning:
        if not quiet:
            raise
        print("It holds from the next start: lensd run")
        return
    waiting = told["from_next_start"]
    print(f"The running camera has taken: {', '.join(told['changed']) or 'nothing new'}.")
    if waiting:
        print(f"From its next start: {', '.join(waiting)} (lensd stop; lensd run, or systemctl --user restart lensd)")
