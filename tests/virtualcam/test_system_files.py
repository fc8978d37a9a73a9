"""The unit and the module's options, as systemd and modprobe read them; loading them is tested in the guest."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

from lensd.virtualcam import LABEL, LOAD_MODULE

SYSTEMD = Path(__file__).parents[2] / "lensd/setup/systemd"


def options(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(line) if "=" in word)


def test_the_options_are_those_that_our_hints_name():
    [line] = [
        line for line in (SYSTEMD / "modprobe.d/snaplens.conf").read_text().splitlines() if line.startswith("options")
    ]
    shipped = options(line)
    assert shipped.pop("devices") == "1"
    assert shipped == options(LOAD_MODULE)
    assert shipped["card_label"] == LABEL


def test_the_module_is_loaded_at_boot():
    text = (SYSTEMD / "modules-load.d/snaplens.conf").read_text()
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == ["v4l2loopback"]


def test_the_unit_restarts_after_failures_and_not_after_what_stays_wrong():
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[method-assign, assignment]
    unit.read(SYSTEMD / "lensd.service")
    service = unit["Service"]
    assert service["Type"] == "notify"
    assert service["ExecStart"] == "%h/.local/bin/lensd run"
    assert (service["Restart"], service["WatchdogSec"]) == ("on-failure", "10")
    assert service["RestartPreventExitStatus"].split() == ["75", "78"]  # AlreadyRunning, ConfigError
    assert unit["Install"]["WantedBy"] == "default.target"
