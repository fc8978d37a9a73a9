"""Runs each group of tests in the camera guest: a real kernel with vivid and v4l2loopback.

SNAPLENS_GUEST decides what happens where there is no guest: "required" fails, "auto" (the default) skips and says why,
"off" skips at once. SNAPLENS_GUEST_LOOPBACKS="0.15" leaves out the other versions, and PYTEST_ADDOPTS goes into the
guest too: PYTEST_ADDOPTS="-k killed" pytest tests/guest.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.guest.guest import INSIDE, run_inside, unavailable
from tests.guest.stolen import Stolen

pytestmark = [pytest.mark.camera, pytest.mark.slow]

ALL = ("0.12", "0.13", "0.15")
NEWEST = ("0.15",)
OLDEST = ("0.12",)
SOAK_S = float(os.environ.get("SNAPLENS_SOAK_S") or 180)  # `make soak` runs it for hours


@dataclass(frozen=True)
class Group:
    """Files of `inside` that share a guest, and with which versions of v4l2loopback."""

    name: str
    files: tuple[str, ...]
    versions: tuple[str, ...] = ALL
    timeout_s: int = 600
    memory_mb: int = 2048


GROUPS = (
    Group("camera", ("test_guest_camera.py",), NEWEST, timeout_s=400),
    Group("virtualcam", ("test_guest_virtualcam.py", "test_guest_readers.py"), timeout_s=300),
    Group("end to end", ("test_guest_end_to_end.py",), timeout_s=400),
    Group("browser", ("test_guest_browser.py",), timeout_s=300, memory_mb=4096),
    Group("lens", ("test_guest_lens.py",), NEWEST, timeout_s=400),
    Group("faults", ("test_guest_faults.py",), NEWEST, timeout_s=300),
    Group("output faults", ("test_guest_output_faults.py",), NEWEST, timeout_s=300),
    Group("daily faults", ("test_guest_daily_faults.py",), NEWEST, timeout_s=300),
    Group("lens faults", ("test_guest_lens_faults.py",), NEWEST, timeout_s=400),
    Group("demand", ("test_guest_demand.py",), timeout_s=500),
    Group("outputs", ("test_guest_outputs.py",), NEWEST, timeout_s=300),
    Group("soak", ("test_guest_soak.py",), NEWEST, timeout_s=int(SOAK_S) + 240),
    Group("pipewire", ("test_guest_pipewire.py",), NEWEST, timeout_s=200),
    Group("restart", ("test_guest_restart.py",), timeout_s=300),
    Group("hardware", ("test_guest_hardware.py",), NEWEST, timeout_s=500),
    Group("setup", ("test_guest_setup.py",), NEWEST, timeout_s=400),
    Group("doctor", ("test_guest_doctor.py",), timeout_s=300),
)
CHOSEN = os.environ.get("SNAPLENS_GUEST_LOOPBACKS", "").split()
RUNS = [(group, version) for group in GROUPS for version in group.versions if not CHOSEN or version in CHOSEN]

why_not = cache(unavailable)


def test_every_file_of_the_guest_is_in_a_group():
    assert {path.name for path in INSIDE.glob("test_*.py")} == {name for group in GROUPS for name in group.files}


@pytest.mark.parametrize(("group", "version"), RUNS, ids=[f"{group.name}-{version}" for group, version in RUNS])
def test_in_the_camera_guest(
    group: Group, version: str, tmp_path: Path, tell: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    wish = os.environ.get("SNAPLENS_GUEST", "auto")
    assert wish in {"required", "auto", "off"}, f"SNAPLENS_GUEST={wish}"
    if wish == "off":
        pytest.skip("SNAPLENS_GUEST=off")
    with capfd.disabled():  # the first time it takes minutes, and says so
        reason = why_not()
    if reason and wish == "auto":
        pytest.skip(reason)
    assert not reason, reason
    with Stolen() as stolen:
        report = run_inside(group.files, version, tmp_path, timeout_s=group.timeout_s, memory_mb=group.memory_mb)
    tell.append(f"{group.name} with v4l2loopback {version}: {report.closing.strip('= ')}")
    tell.extend(f"    {line}" for line in report.figures)
    tell.extend(f"    skipped {line}" for line in report.skipped)
    tell.extend(f"    the machine was without a processor: {line}" for line in stolen.seconds)
    assert not report.failed, "\n\n".join([*report.failed, report.output[-6000:]])
