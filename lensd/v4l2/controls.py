"""Settings of a device: numbers under an id, of which each driver has its own."""

from __future__ import annotations

import ctypes
from ctypes import c_int32, c_uint32

from lensd.v4l2.device import ioctl

S_CTRL = 3 << 30 | 8 << 16 | ord("V") << 8 | 28
SUSTAIN_FRAMERATE = 0x0098F901
"""v4l2loopback: while its writer is silent the driver shows readers the last picture again, at the rate set."""


class Control(ctypes.Structure):
    """`struct v4l2_control`."""

    _fields_ = (("id", c_uint32), ("value", c_int32))


def set_control(descriptor: int, control: int, value: int) -> None:
    """Set one control.

    Raises:
        OSError: EINVAL where the driver does not have it, ERANGE for a value that it does not take.
    """
    ioctl(descriptor, S_CTRL, Control(control, value))
