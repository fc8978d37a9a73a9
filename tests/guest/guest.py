"""Runs test files inside the camera guest and brings their results back."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
VMRUN = ROOT / "tests/vm/vmrun"
INSIDE = ROOT / "tests/guest/inside"


@dataclass
class Report:
    """What one run in the guest gave.

    Attributes:
        failed: for each failed test, its name and what pytest says.
        skipped: for each skipped one, its name and why.
        figures: lines such as "test name: latency p50: 12 ms".
        closing: pytest's last line. output: all that was printed.
    """

    passed: int = 0
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    closing: str = ""
    output: str = ""


def unavailable() -> str:
    """Build the guest where it is not built yet, start it once, and return why that cannot be; empty where it can."""
    try:
        # On a fresh machine this takes six minutes; vmrun says so on our stderr.
        built = subprocess.run([VMRUN, "--setup"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=3600)
        if built.returncode:
            return f"the guest cannot be built here (vmrun --setup: {built.returncode}, see above)"
        words = [VMRUN, "--timeout", "60", "--", "true"]
        started = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the guest cannot be run here ({error})"
    return f"the guest does not start here ({started.stderr.strip()[-300:]})" if started.returncode else ""


def run_inside(files: tuple[str, ...], loopback: str, folder: Path, *, timeout_s: int, memory_mb: int) -> Report:
    """Run test files of `inside` in a guest with that version of v4l2loopback.

    Args:
        folder: of the host, which the guest may write to; the report goes there.
        timeout_s: after which the guest is ended.
    """
    # What the guest writes is lost: without the host's bytecode each of its processes would compile all anew.
    compileall.compile_dir(ROOT / "lensd", quiet=2)
    xml = folder / "report.xml"
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "camera", f"--junitxml={xml}", "-q"]
    pytest += ["-o", "junit_family=xunit1", "--color=no"]  # xunit2 has no place for figures
    pytest += [f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}", *(str(INSIDE / name) for name in files)]
    vmrun = [str(VMRUN), "--loopback", loopback, "--mem", str(memory_mb), "--timeout", str(timeout_s)]
    vmrun += [
        "--share",
        str(folder),
        "--pass",
        "SNAPLENS_GUEST_LOOPBACK",
        "--pass",
        "PYTEST_ADDOPTS",
        "--pass",
        "SNAPLENS_SOAK_S",
    ]
    environment = dict(os.environ, SNAPLENS_GUEST_LOOPBACK=loopback, PYTHONDONTWRITEBYTECODE="1")
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    done = subprocess.run(
        [*vmrun, "--", *pytest],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s + 120,
    )
    report = _read(xml)
    report.output = done.stdout + done.stderr
    report.closing = next((line for line in reversed(done.stdout.splitlines()) if " in " in line), "no closing line")
    if done.returncode and not report.failed:
        report.failed.append(f"the guest's pytest ended with {done.returncode}")
    if not done.returncode and not report.passed:
        report.failed.append("no test ran in the guest")
    return report


def _read(xml: Path) -> Report:
    report = Report()
    if not xml.exists():
        return report
    for case in ET.parse(xml).getroot().iter("testcase"):
        name = case.get("name", "?")
        problems = [*case.findall("failure"), *case.findall("error")]
        skips = case.findall("skipped")
        for element in problems:
            report.failed.append(f"{name}: {element.get('message', '')}\n{element.text or ''}")
        report.skipped += [f"{name}: {element.get('message', '')}" for element in skips]
        report.passed += not problems and not skips
        for entry in case.iter("property"):
            if entry.get("name", "").startswith("figure:"):
                report.figures.append(f"{entry.get('name', '').removeprefix('figure:')}: {entry.get('value')}")
    return report
