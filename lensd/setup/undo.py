"""Taking back what `lensd setup` did, and no more: other programs' devices, options and packages stay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lensd.setup import distribution as packages
from lensd.setup import options
from lensd.setup.plan import LOAD_FILE, LOAD_TEXT, MODPROBE_FOLDER, RULE_FILE, RULE_TEXT, is_own
from lensd.setup.step import Plan, Step, remove_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lensd.setup.facts import Facts


def make_undo(facts: Facts, wanted: dict[Path, str], unit: Path, remembered: Sequence[str]) -> Plan:
    """Return the steps back.

    Args:
        facts: of the machine.
        wanted: files in the home folder and their contents, as setup writes them.
        unit: which of them is the service.
        remembered: what the steps of setup have left behind, such as "package v4l2loopback-dkms".
    """
    steps: list[Step] = []
    then: list[str] = []
    if facts.user_systemd and (facts.enabled or facts.active):
        steps.append(Step("End the service", ("systemctl", "--user", "disable", "--now", "lensd.service")))
    if there := [path for path in wanted if path in facts.files]:
        steps.append(remove_files("Remove it, and the entry in the menu", there, root=False))
        if facts.user_systemd and unit in there:
            steps.append(Step("Have systemd forget it", ("systemctl", "--user", "daemon-reload")))
    if own := _system_files(facts):
        steps.append(remove_files("Remove the module's options and its loading at each start", own, root=True))
    unload = _unload(facts, then)
    steps += unload
    foreign = not all(map(is_own, facts.loopbacks)) or not all(file.ours for file in facts.options)
    installed = [each.removeprefix("package ") for each in remembered if each.startswith("package ")]
    if installed and foreign:
        then.append(f"{' and '.join(installed)} stays: other programs have loopback devices too")
    elif installed and facts.module_built:
        command = packages.remove_command(facts.distribution.family, installed)
        steps.append(Step("Remove the kernel module's package", command, root=True))
    if any(each.startswith("group ") for each in remembered) and facts.in_video:
        leave = ("gpasswd", "--delete", facts.user, "video")
        steps.append(Step(f"Take {facts.user} out of group video again", leave, root=True))
    if steps:
        then.append("your lenses and settings are as they were; without lensd itself too: pipx uninstall snaplens")
    return Plan(tuple(steps), then=tuple(then))


def _system_files(facts: Facts) -> list[Path]:
    """Return the files in /etc that are ours as we wrote them."""
    own = [file.path for file in facts.options if file.ours and file.path.parent == MODPROBE_FOLDER]
    if facts.load_file == LOAD_TEXT:
        own.append(LOAD_FILE)
    if facts.rule_file == RULE_TEXT:
        own.append(RULE_FILE)
    return own


def _unload(facts: Facts, then: list[str]) -> list[Step]:
    own = [each for each in facts.loopbacks if is_own(each)]
    if not facts.loaded or not own:
        return []
    users = sorted({user for each in own for user in each.holders})
    if users:
        then.append(f'"SnapLens Camera" is in use by {", ".join(users)}; it is gone after the next start')
        return []
    if facts.by_hand:
        then.append("end the lensd that runs: lensd stop; the camera is gone after the next start")
        return []
    if len(own) == len(facts.loopbacks):
        return [Step("Unload the module", ("modprobe", "-r", options.MODULE), root=True, may_fail=True)]
    if facts.adds:
        return [
            Step(
                f'Remove "{each.label}" from the module',
                ("v4l2loopback-ctl", "delete", f"/dev/video{each.number}"),
                root=True,
                may_fail=True,
            )
            for each in own
        ]
    then.append("the camera is gone after the next start: the module has other programs' devices too")
    return []
