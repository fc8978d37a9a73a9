"""From what is true of a machine to the steps that are left; nothing here looks at the machine, or changes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lensd.errors import SetupError
from lensd.setup import distribution as packages
from lensd.setup import options, secure_boot
from lensd.setup.step import Plan, Step, remove_files, write_file

if TYPE_CHECKING:
    from lensd.setup.facts import Facts, Loopback

MODPROBE_FOLDER = Path("/etc/modprobe.d")
LOAD_FILE = Path("/etc/modules-load.d/snaplens.conf")
LOAD_TEXT = (Path(__file__).parent / "systemd/modules-load.d/snaplens.conf").read_text("utf-8")
RULE_FILE = Path("/etc/udev/rules.d/60-snaplens-camera.rules")
RULE_TEXT = (Path(__file__).parent / "systemd/udev/60-snaplens-camera.rules").read_text("utf-8")
_SYSTEMCTL = ("systemctl", "--user")
_NO_NETWORK = (
    "look at what it wrote above; no network, or a kernel update that waits for a restart, are the usual causes"
)


def make_plan(facts: Facts, wanted: dict[Path, str], unit: Path, outputs: int = 1) -> Plan:
    """Return the steps to `outputs` virtual cameras and a service that feeds them from login to logout.

    Args:
        facts: of the machine.
        wanted: files in the home folder and their contents.
        unit: which of them is the service.
        outputs: how many cameras.

    Raises:
        SetupError: a system on which we cannot install the module.
        ConfigError: no free numbers, or more devices than the module makes.
    """
    numbers = _numbers(facts, outputs)
    why: list[str] = []
    then: list[str] = []
    key, must_restart = _key(facts, why, then)
    load = [] if must_restart else _load(facts, numbers, then)
    steps = [*_packages(facts), *key, *_options(facts, numbers), *load, *_group(facts, then)]
    steps += _home(facts, wanted, unit, reloads=any(step.command[0] == "modprobe" for step in load), then=then)
    return Plan(tuple(steps), tuple(why), tuple(then), _done(facts, numbers))


def outputs_now(facts: Facts) -> int:
    """Return how many cameras there are, or will be at the next start, at least 1: a second setup keeps them."""
    own = options.effective(file for file in facts.options if file.ours)
    there = {*own.get("card_label", "").split(","), *(each.label for each in facts.loopbacks)}
    wanted = options.labels(options.MOST_DEVICES)
    return max((count for count, label in enumerate(wanted, 1) if label in there), default=1)


def _numbers(facts: Facts, outputs: int) -> dict[str, int]:
    """Return which /dev/videoN each label is to have: where it is now, else where our file has it, else a free one."""
    labels = options.labels(outputs)
    present = {each.label: each.number for each in facts.loopbacks}
    in_file = dict(zip(labels, options.own_numbers(facts.options, labels), strict=False))
    others = options.numbers(options.effective(file for file in facts.options if not file.ours))
    foreign = {each.number for each in facts.loopbacks if each.label not in labels}
    taken = set(facts.taken) | others | foreign
    result: dict[str, int] = {}
    for label in labels:
        wish = next((number for number in (present.get(label), in_file.get(label)) if number is not None), None)
        if wish is None or wish in taken or wish > options.LAST_NUMBER:
            [wish] = options.free_numbers(1, taken | {*present.values(), *in_file.values()})
        result[label] = wish
        taken.add(wish)
    return result


def _packages(facts: Facts) -> list[Step]:
    if facts.module_built:
        return []
    family, name = facts.distribution.family, facts.distribution.name
    if family == "":
        why = f"we do not know how {name} installs kernel modules"
        raise SetupError(
            "v4l2loopback", why, "install v4l2loopback (DKMS) and your kernel's headers, then: lensd setup"
        )
    if family == "ostree":
        hint = "rpm-ostree install akmod-v4l2loopback (of RPM Fusion); systemctl reboot; lensd setup"
        raise SetupError("v4l2loopback", f"{name} is one image, and takes modules with its next image only", hint)
    steps = []
    if family == "fedora" and not facts.rpm_fusion:
        url = packages.RPM_FUSION.format(version=facts.distribution.version)
        title = "Make RPM Fusion known, the archive in which Fedora's users find v4l2loopback"
        steps.append(Step(title, ("dnf", "install", "--assumeyes", url), root=True, hint=_NO_NETWORK))
    module = packages.module_packages(family)
    names = [*module]
    if not facts.headers:
        names += packages.headers(family, facts.kernel, facts.images, facts.kernel_base)
    if facts.secure_boot:
        names.append("mokutil")
    *before, last = packages.install_commands(family, names)
    steps += [Step("Read which packages there are", each, root=True, may_fail=True) for each in before]
    title = f"Install the kernel module v4l2loopback, built for kernel {facts.kernel}"
    remembers = tuple(f"package {each}" for each in module)
    steps.append(Step(title, last, root=True, remembers=remembers, hint=_NO_NETWORK))
    if family == "fedora":
        hint = "the log is in /var/cache/akmods/v4l2loopback"
        steps.append(Step("Build it now", ("akmods", "--kernels", facts.kernel), root=True, hint=hint))
    return steps


def _key(facts: Facts, why: list[str], then: list[str]) -> tuple[list[Step], bool]:
    """Return the steps for Secure Boot, and whether the module can be loaded only after a restart."""
    if not facts.secure_boot or facts.loaded or facts.key == "enrolled":
        return [], False
    why.append(secure_boot.WHY)
    then.append(secure_boot.WALK_THROUGH)
    if facts.key == "waiting":
        return [], True
    path = packages.SIGNING_KEY.get(facts.distribution.family)
    if path is None:
        raise SetupError("Secure Boot", "we do not know which key signs modules here", "mokutil --import YOUR_KEY")
    title = "Ask the firmware to know the key; choose a password for the one time that it will be asked"
    hint = f"{path} is written when DKMS or akmods builds its first module; build one, then: lensd setup"
    return [Step(title, ("mokutil", "--import", str(path)), root=True, hint=hint)], True


def _options(facts: Facts, numbers: dict[str, int]) -> list[Step]:
    others = [file for file in facts.options if not file.ours]
    wanted = options.merged(options.effective(others), list(numbers.items()))
    path = MODPROBE_FOLDER / options.file_name(others)
    steps = []
    # Our own are the last word already, whatever else is in between.
    if options.effective(facts.options) != wanted:
        names = " and ".join(f"/dev/video{number}" for number in numbers.values())
        beside = f", beside {' and '.join(str(file.path) for file in others)}" if others else ""
        title = f"Have the module make {names}{beside}"
        steps.append(write_file(title, path, options.as_file(wanted), root=True))
        stale = [file.path for file in facts.options if file.ours and file.path.parent == MODPROBE_FOLDER]
        if stale := [each for each in stale if each.name != path.name]:
            steps.append(remove_files("Remove the older file of that kind", stale, root=True))
    if not facts.at_boot:
        steps.append(write_file("Load the module at each start of the computer", LOAD_FILE, LOAD_TEXT, root=True))
    if not facts.rule:
        steps.append(write_file("Let PipeWire be told when the camera begins", RULE_FILE, RULE_TEXT, root=True))
        reload = ("udevadm", "control", "--reload")
        steps.append(Step("Have udev read it", reload, root=True, may_fail=True))  # a container has no udev
        for number in sorted(each.number for each in facts.loopbacks if is_own(each)):
            again = ("udevadm", "trigger", "--action=add", f"/sys/class/video4linux/video{number}")
            steps.append(Step(f"Have it hold for /dev/video{number}", again, root=True, may_fail=True))
    return steps


def is_own(device: Loopback) -> bool:
    """Tell whether a device is one of ours, by its name."""
    return device.label in options.labels(options.MOST_DEVICES)


def _load(facts: Facts, numbers: dict[str, int], then: list[str]) -> list[Step]:
    hint = "lensd doctor"
    if not facts.loaded:
        return [Step("Load the module", ("modprobe", options.MODULE), root=True, hint=hint)]
    right = {each.label for each in facts.loopbacks if not each.both_ways and each.number <= options.LAST_NUMBER}
    missing = {label: number for label, number in numbers.items() if label not in right}
    if not missing:
        return []
    wrong = [each for each in facts.loopbacks if each.label in missing]
    if facts.adds and not wrong:
        return [
            Step(
                f'Add "{label}" to the module, beside what it has',
                ("v4l2loopback-ctl", "add", "-n", label, "-x", "1", "-b", "4", f"/dev/video{number}"),
                root=True,
                hint=hint,
            )
            for label, number in missing.items()
        ]
    foreign = [each for each in facts.loopbacks if not is_own(each)]
    users = sorted({user for each in facts.loopbacks for user in each.holders})
    if foreign or users or facts.by_hand:
        them = " and ".join(f'"{each.label}" (/dev/video{each.number})' for each in foreign)
        reason = (
            f"the module is in use for {them}" if them else f"the camera is in use by {', '.join(users) or 'lensd'}"
        )
        then.append(f"restart the computer: {reason}, so it is not loaded anew now")
        return []
    steps = []
    if facts.active:
        steps.append(Step("Let go of the camera", (*_SYSTEMCTL, "stop", "lensd.service")))
    steps.append(
        Step("Unload the module, which nothing uses", ("modprobe", "-r", options.MODULE), root=True, hint=hint)
    )
    steps.append(Step("Load it with its new options", ("modprobe", options.MODULE), root=True, hint=hint))
    return steps


def _group(facts: Facts, then: list[str]) -> list[Step]:
    if facts.in_video:
        return []
    then.append("log out and in again at some time: membership of group video begins with the next login")
    title = f"Let {facts.user} use cameras: group video"
    return [Step(title, ("usermod", "-aG", "video", facts.user), root=True, remembers=(f"group {facts.user}",))]


def _home(facts: Facts, wanted: dict[Path, str], unit: Path, *, reloads: bool, then: list[str]) -> list[Step]:
    titles = {unit: "The service that has the camera there from login to logout"}
    steps = [
        write_file(titles.get(path, f"In the desktop's menu: {path.name}"), path, text, root=False)
        for path, text in wanted.items()
        if facts.files.get(path) != text.encode() and not (path == unit and facts.vendor_unit)
    ]
    if not facts.user_systemd:
        then.append("start the camera with: lensd run (this session has no systemd that could do it)")
        return [step for step in steps if step.command[-1] != str(unit)]
    changed = any(step.command[-1] == str(unit) for step in steps)
    if changed:
        steps.append(Step("Have systemd read it", (*_SYSTEMCTL, "daemon-reload")))
    if facts.by_hand:
        then.append("end the lensd that runs (lensd stop); systemctl --user start lensd takes its place")
        now: tuple[str, ...] = ()
    else:
        now = ("--now",)
    if not facts.enabled or (now and (not facts.active or reloads)):
        title = "Start it now and at each login" if now else "Start it at each login"
        hint = "journalctl --user -u lensd"
        steps.append(Step(title, (*_SYSTEMCTL, "enable", *now, "lensd.service"), hint=hint))
    return steps


def _done(facts: Facts, numbers: dict[str, int]) -> tuple[str, ...]:
    there = {each.label for each in facts.loopbacks}
    said = {
        f"the module is there for kernel {facts.kernel}": facts.module_built,
        f"Secure Boot knows the key that signs it ({facts.key})": facts.secure_boot and facts.key == "enrolled",
        "it is loaded at each start": facts.at_boot,
        **{f'"{label}" is /dev/video{number}': label in there for label, number in numbers.items()},
        "the service starts at login": facts.enabled,
    }
    return tuple(text for text, holds in said.items() if holds)
