"""One camera's settings: what it has, what it is set to, and setting it; the driver's controls and our view alike."""

from __future__ import annotations

import contextlib
import difflib
import errno
import logging
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lensd.camera.kept import Kept, read_kept, write_kept
from lensd.config import VIEW_NAMES, checked_view
from lensd.errors import CameraBusy, CameraError, CameraMissing, ConfigError
from lensd.v4l2.controls import Control, Kind, get_control, list_controls, set_control
from lensd.v4l2.device import query_capability
from lensd.v4l2.nodes import by_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

_ON, _OFF = {"true", "on", "yes", "1"}, {"false", "off", "no", "0"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A control with what it is set to; `value` is None where the driver does not say. `kept`: set by a person."""

    control: Control
    value: int | None
    kept: bool


class Adjustment:
    """A camera opened for its settings, beside whoever streams from it."""

    def __init__(self, path: Path) -> None:
        """Open the camera at `path`.

        Raises:
            CameraError: it cannot be opened, or is no camera.
        """
        self.path, self.by_id = path, by_id_of(path)
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise _explained(path, error) from None
        try:
            self.card = query_capability(self._descriptor).card
        except OSError as error:
            os.close(self._descriptor)
            raise _explained(path, error) from None
        self.controls = {control.name: control for control in list_controls(self._descriptor)}
        self.kept = read_kept(self.by_id, self.card)

    def close(self) -> None:
        """Let it go."""
        os.close(self._descriptor)

    def settings(self) -> Iterator[Setting]:
        """Yield all controls as they are."""
        for control in self.controls.values():
            value = None
            with contextlib.suppress(OSError):
                value = get_control(self._descriptor, control.id)
            yield Setting(control, value, control.name in self.kept.controls)

    def set(self, wishes: dict[str, str]) -> None:
        """Set what is wished for, by name, and keep it; nothing is set where one wish cannot be.

        Raises:
            ConfigError: an unknown name or a value out of bounds. CameraError: the driver refuses.
        """
        view = checked_view({name: _view_value(name, text) for name, text in wishes.items() if name in VIEW_NAMES})
        numbers = {name: self._number(name, text) for name, text in wishes.items() if name not in VIEW_NAMES}
        for name in _automatics_first(numbers, self.controls):
            try:
                set_control(self._descriptor, self.controls[name].id, numbers[name])
            except OSError as error:
                raise _refused(self.card, name, error) from None
        self._keep(Kept(self.kept.view | view, self.kept.controls | numbers))

    def reset(self, names: tuple[str, ...]) -> None:
        """Set controls to the driver's defaults, and forget what was kept; of all where no names are given.

        Raises:
            ConfigError: an unknown name. CameraError: the driver refuses.
        """
        for name in names:
            if name not in VIEW_NAMES:
                self._known(name)
        chosen = list(names or (*self.kept.controls, *self.kept.view))
        defaults = {name: self.controls[name].default for name in chosen if name in self.controls}
        for name in reversed(_automatics_first(defaults, self.controls)):
            try:
                set_control(self._descriptor, self.controls[name].id, defaults[name])
            except PermissionError:
                continue  # an automatic that is on has its place
            except OSError as error:
                raise _refused(self.card, name, error) from None
        view = {name: value for name, value in self.kept.view.items() if name not in chosen}
        self._keep(Kept(view, {name: value for name, value in self.kept.controls.items() if name not in chosen}))

    def _keep(self, kept: Kept) -> None:
        self.kept = replace(kept)
        write_kept(self.by_id, self.card, kept)

    def _known(self, name: str) -> Control:
        if (control := self.controls.get(name)) is not None:
            return control
        names = [*VIEW_NAMES, *self.controls]
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        why = f"is none of its settings; did you mean {near[0]}?" if near else "is none of its settings"
        raise ConfigError(f"{name} of {self.card}", why, "lensd camera show")

    def _number(self, name: str, text: str) -> int:
        control, word = self._known(name), text.strip().casefold()
        if control.kind is Kind.BOOLEAN and word in _ON | _OFF:
            return int(word in _ON)
        try:
            number = int(word)
        except ValueError:
            number = control.most + 1
        meant = [key for key, words in control.menu.items() if words.casefold() == word]
        meant += [number] * (number in control.menu if control.menu else control.least <= number <= control.most)
        # "50" is "50 Hz".
        meant += [key for key, words in control.menu.items() if word and words.casefold().startswith(word)]
        if not meant:
            choices = ", ".join(f"{key} ({words})" for key, words in control.menu.items())
            bounds = choices or ("on or off" if control.kind is Kind.BOOLEAN else f"{control.least} to {control.most}")
            raise ConfigError(f"{name} {text[:40]!r}", f"must be {bounds}", "lensd camera show")
        return meant[0]


def apply_kept(descriptor: int, card: str, kept: Kept) -> None:
    """Set an open camera's controls as they were kept; what it no longer takes is logged, and costs nothing else."""
    if not kept.controls:
        return
    controls = {control.name: control for control in list_controls(descriptor)}
    for name in _automatics_first(kept.controls, controls):
        try:
            set_control(descriptor, controls[name].id, kept.controls[name])
        except OSError as error:
            log.warning("%s", _refused(card, name, error))
    if missing := sorted(kept.controls.keys() - controls.keys()):
        log.warning("%s has no setting %s any more", card, ", ".join(missing))


def _automatics_first(names: dict[str, Any], controls: dict[str, Control]) -> list[str]:
    """Return the names that there are; choices and switches first, because a manual value waits for its automatic."""
    there = [name for name in names if name in controls]
    return sorted(there, key=lambda name: controls[name].kind is Kind.INTEGER)


def _view_value(name: str, text: str) -> object:
    word = text.strip().casefold()
    if name == "mirror" and word in _ON | _OFF:
        return word in _ON
    if name == "rotate":
        return int(word) if word.isdecimal() else text
    return text if name == "crop" else word


def _refused(card: str, name: str, error: OSError) -> CameraError:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EINVAL, errno.EIO):
        hint = f"switch the automatic off that has its place; see: lensd camera show ({name})"
        return CameraError(f"{name} of {card}", error.strerror or str(error), hint)
    if error.errno == errno.EBUSY:
        return CameraBusy(f"{name} of {card}", "cannot be changed while the camera is used")
    return CameraError(f"{name} of {card}", error.strerror or str(error), "lensd camera show")


def _explained(path: Path, error: OSError) -> CameraError:
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return CameraMissing(str(path), "is not there, or was unplugged", "lensd devices")
    if error.errno in (errno.EACCES, errno.EPERM):
        return CameraError(str(path), error.strerror or "", "sudo usermod -aG video $USER, then log out and in again")
    return CameraError(str(path), f"is no camera ({error.strerror})", "lensd devices")
