"""All checks, in the order of a person's troubles: each line may be the cause of what fails below it."""

from __future__ import annotations

from typing import Final

from lensd.doctor import devices, runtimes, system
from lensd.doctor.report import Check

CHECKS: Final = (
    Check("python", system.python),
    Check("packages", system.packages),
    Check("v4l2loopback", system.module),
    Check("module options", system.module_options),
    Check("permissions", system.permissions),
    Check("device", devices.node),
    Check("browsers", devices.browsers),
    Check("camera", devices.camera),
    Check("daemon", system.daemon),
    Check("runtimes", runtimes.runtimes),
    Check("lenses", runtimes.lenses, limit_s=300.0),
)
