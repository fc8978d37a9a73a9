"""Hostile bytes as the settings file: `python -m tests.fuzz.settings_file [OPTIONS]`.

What comes out is a ConfigError, in characters that a terminal may show, or settings that hold, and that are the same
again when they are written down and read. Options are libFuzzer's, as for lens_package.py.
"""

from __future__ import annotations

from pathlib import Path

import atheris

from tests.fuzz_target import fuzz

with atheris.instrument_imports(include=["lensd.settings_file", "lensd.config", "tomllib"]):
    from lensd.config import Settings
    from lensd.errors import ConfigError
    from lensd.settings_file import TEMPLATE, parse_settings

MOST_BYTES = 4096
PATH = Path("/nowhere/config.toml")


def one_input(data: bytes) -> None:
    try:
        values = parse_settings(data, PATH)
    except ConfigError as error:
        if not f"{error} {error.hint}".isprintable():
            raise RuntimeError(f"{str(error)!r} may not be shown") from error
        return
    settings = Settings.from_dict(values)
    if Settings.from_dict(settings.as_dict()) != settings:
        raise RuntimeError(f"{settings} is not itself")


def seeds(folder: Path) -> None:
    """Begin with every setting, alone and all together."""
    lines = [line.removeprefix("# ") for line in TEMPLATE.splitlines() if " = " in line]
    for number, text in enumerate([*lines, "\n".join(lines)]):
        (folder / str(number)).write_text(text)


if __name__ == "__main__":
    fuzz(one_input, seeds, MOST_BYTES)
