"""Settings of a device: numbers under an id, of which each driver has its own.

The drivers' "controls", as VIDIOC_QUERYCTRL lists them: exposure, focus, white balance, power-line frequency and what
else there is. Of their kinds the four that are one number: whole numbers, on or off, and choices from a menu.
"""

from __future__ import annotations

import ctypes
import re
from ctypes import c_char, c_int32, c_int64, c_uint32
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from lensd.v4l2.device import ioctl

if TYPE_CHECKING:
    from collections.abc import Iterator

KEEP_FORMAT = 0x0098F900
"""v4l2loopback: the size and format stay as they are, whoever writes."""
SUSTAIN_FRAMERATE = 0x0098F901
"""v4l2loopback: while its writer is silent the driver shows readers the last picture again, at the rate set."""
_NEXT = 0x80000000  # V4L2_CTRL_FLAG_NEXT_CTRL: the first whose id is greater
_DISABLED, _READ_ONLY, _INACTIVE, _WRITE_ONLY = 0x01, 0x04, 0x10, 0x40
_MOST = 512  # controls of a device


class Kind(IntEnum):
    """`enum v4l2_ctrl_type`, as far as a control is one number."""

    INTEGER = 1
    BOOLEAN = 2
    MENU = 3
    INTEGER_MENU = 9


class _Control(ctypes.Structure):
    _fields_ = (("id", c_uint32), ("value", c_int32))


class _Query(ctypes.Structure):
    _fields_ = (
        ("id", c_uint32),
        ("type", c_uint32),
        ("name", c_char * 32),
        ("minimum", c_int32),
        ("maximum", c_int32),
        ("step", c_int32),
        ("default_value", c_int32),
        ("flags", c_uint32),
        ("reserved", c_uint32 * 2),
    )


class _MenuUnion(ctypes.Union):
    _pack_ = 1
    _fields_ = (("name", c_char * 32), ("value", c_int64))


class _MenuItem(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("id", c_uint32), ("index", c_uint32), ("u", _MenuUnion), ("reserved", c_uint32))


def _request(direction: int, number: int, argument: type[ctypes.Structure]) -> int:
    return direction << 30 | ctypes.sizeof(argument) << 16 | ord("V") << 8 | number


_G_CTRL, _S_CTRL = _request(3, 27, _Control), _request(3, 28, _Control)
_QUERYCTRL, _QUERYMENU = _request(3, 36, _Query), _request(3, 37, _MenuItem)


@dataclass(frozen=True, slots=True)
class Control:
    """A setting that a driver has.

    Attributes:
        name: as people type it and v4l2-ctl has it, such as "power_line_frequency"; title: the driver's own words.
        least, most, step, default: of the number.
        menu: for choices, their words by number.
        inactive: another control (an automatic) has its place at the moment.
    """

    id: int
    name: str
    title: str
    kind: Kind
    least: int
    most: int
    step: int
    default: int
    inactive: bool = False
    menu: dict[int, str] = field(default_factory=dict)


def list_controls(descriptor: int) -> Iterator[Control]:
    """Yield the controls that can be read and set, in the driver's order."""
    query = _Query(id=_NEXT)
    for _ in range(_MOST):
        try:
            ioctl(descriptor, _QUERYCTRL, query)
        except OSError:
            return  # EINVAL is the end of the list, ENOTTY no list at all
        known = query.type in {kind.value for kind in Kind}
        if known and not query.flags & (_DISABLED | _READ_ONLY | _WRITE_ONLY):
            title = query.name.decode("utf-8", "replace")
            kind = Kind(query.type)
            menu = dict(_menu(descriptor, query)) if kind in {Kind.MENU, Kind.INTEGER_MENU} else {}
            bounds = query.minimum, query.maximum, max(1, query.step), query.default_value
            inactive = bool(query.flags & _INACTIVE)
            yield Control(query.id, _typed(title), title, kind, *bounds, inactive, menu)
        query = _Query(id=query.id | _NEXT)


def get_control(descriptor: int, control: int) -> int:
    """Return the value of one control.

    Raises:
        OSError: EINVAL where the driver does not have it.
    """
    asked = _Control(control, 0)
    ioctl(descriptor, _G_CTRL, asked)
    return int(asked.value)


def set_control(descriptor: int, control: int, value: int) -> None:
    """Set one control.

    Raises:
        OSError: EINVAL where the driver does not have it, ERANGE for a value that it does not take.
    """
    ioctl(descriptor, _S_CTRL, _Control(control, value))


def _menu(descriptor: int, query: _Query) -> Iterator[tuple[int, str]]:
    for number in range(max(0, query.minimum), min(query.maximum, query.minimum + 255) + 1):
        item = _MenuItem(id=query.id, index=number)
        try:
            ioctl(descriptor, _QUERYMENU, item)
        except OSError:
            continue  # this number is none of the choices
        words = str(item.u.value) if query.type == Kind.INTEGER_MENU else item.u.name.decode("utf-8", "replace")
        yield number, words


def _typed(title: str) -> str:
    """Return a control's name as v4l2-ctl has it: "Power Line Frequency" is power_line_frequency."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")
