"""All checks, in the order of a person's troubles: each line may be the cause of what fails below it."""

from __future__ import annotations

from typing import Final

from lensd.doctor import devices, module_build, programs, runtimes, service, system
from lensd.doctor.report import Check

CHECKS: Final = (
    Check("python", system.python),
    Check("packages", system.packages),
    Check("v4l2loopback", system.module),
    Check("dkms", module_build.dkms, limit_s=12.0),
    Check("module can", module_build.can),
    Check("secure boot", system.secure_boot, limit_s=12.0),
    Check("module options", system.module_options),
    Check("permissions", system.permissions),
    Check("device", devices.node),
    Check("browsers", devices.browsers),
    Check("firefox", programs.firefox),
    Check("pipewire", programs.pipewire, limit_s=10.0),
    Check("flatpaks", programs.flatpaks, limit_s=30.0),
    Check("snaps", programs.snaps, limit_s=10.0),
    Check("camera", devices.camera),
    Check("open devices", programs.holders),
    Check("daemon", system.daemon),
    Check("service", service.unit, limit_s=10.0),
    Check("last errors", service.last_errors, limit_s=12.0),
    Check("disk", service.disk),
    Check("gpu", runtimes.graphics),
    Check("runtimes", runtimes.runtimes),
    Check("lenses", runtimes.lenses, limit_s=300.0),
)
