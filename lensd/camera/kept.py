"""What a person has set for one camera, by its stable name: which way round it is shown, and the driver's controls.

One JSON file, {"by-id or card": {"view": {...}, "controls": {"name": number}}}; written whole, read with suspicion.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lensd.config import checked_view, state_dir
from lensd.errors import ConfigError
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from lensd.frames import View

log = logging.getLogger(__name__)

_MOST_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Kept:
    """One camera's settings.

    Attributes:
        view: fields of `View` by name, those that were set. controls: numbers by the control's name.
    """

    view: dict[str, Any] = field(default_factory=dict)
    controls: dict[str, int] = field(default_factory=dict)

    def over(self, view: View) -> View:
        """Return `view` with what was set in its place."""
        return replace(view, **self.view) if self.view else view


def kept_file() -> Path:
    """Return the path of the file."""
    return state_dir() / "cameras.json"


def read_kept(by_id: str, card: str) -> Kept:
    """Return what is kept for a camera, by its by-id name, else by its card; what cannot be used is left out."""
    told = _read()
    entry = told.get(by_id, told.get(card)) if by_id else told.get(card)
    if not isinstance(entry, dict):
        return Kept()
    view, controls = entry.get("view"), entry.get("controls")
    try:
        checked = checked_view(view) if isinstance(view, dict) else {}
    except ConfigError as error:
        log.warning("What was kept for %s cannot be used: %s", card, error)
        checked = {}
    numbers = controls.items() if isinstance(controls, dict) else ()
    return Kept(checked, {name: value for name, value in numbers if type(value) is int})


def write_kept(by_id: str, card: str, kept: Kept) -> None:
    """Keep this for a camera, in place of what there was; an empty one is forgotten.

    Raises:
        ConfigError: the file cannot be written.
    """
    told, path = _read(), kept_file()
    told.pop(card, None)
    told.pop(by_id, None)
    if kept != Kept():
        told[by_id or card] = asdict(kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(told, indent=1).encode(), mode=0o600)
    except OSError as error:
        raise ConfigError(str(path), error.strerror or str(error)) from None


def _read() -> dict[str, Any]:
    try:
        with kept_file().open("rb") as file:
            told = json.loads(file.read(_MOST_BYTES))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("What was kept for the cameras cannot be read: %s", error)
        return {}
    return told if isinstance(told, dict) else {}
