"""Facts of machines as they are met, for the planner."""

from pathlib import Path

from lensd.setup.distribution import Distribution
from lensd.setup.facts import Facts, Loopback
from lensd.setup.options import OptionsFile, parse
from lensd.setup.plan import LOAD_TEXT, make_plan

UNIT = Path("/home/ada/.config/systemd/user/lensd.service")
WANTED = {UNIT: "[Service]\n", Path("/home/ada/.local/share/applications/x.desktop"): "[Desktop Entry]\n"}
DEBIAN = Distribution("debian", "Debian GNU/Linux 12", "12")
OURS = 'options v4l2loopback devices=1 video_nr=42 card_label="SnapLens Camera" exclusive_caps=1 max_buffers=4'
OBS = 'options v4l2loopback video_nr=10 card_label="OBS Virtual Camera" exclusive_caps=1'
OWN = Loopback(42, "SnapLens Camera")
OTHER = Loopback(10, "OBS Virtual Camera")


def options_file(name: str, text: str) -> OptionsFile:
    return OptionsFile(Path("/etc/modprobe.d") / name, tuple(parse(text)))


def machine(**facts) -> Facts:
    """A fresh Debian with systemd, but for `facts`."""
    fresh = {
        "distribution": DEBIAN,
        "kernel": "6.1.0-28-amd64",
        "images": ("linux-image-6.1.0-28-amd64", "linux-image-amd64"),
        "user": "ada",
        "in_video": False,
        "taken": frozenset({0, 1}),
    }
    return Facts(**{**fresh, **facts})


def set_up(**facts) -> Facts:
    """A machine on which nothing is left to do, but for `facts`."""
    whole = {
        "module_built": True,
        "headers": True,
        "loaded": True,
        "loopbacks": (OWN,),
        "options": (options_file("snaplens.conf", OURS),),
        "at_boot": True,
        "rule": True,
        "load_file": LOAD_TEXT,
        "in_video": True,
        "files": {path: text.encode() for path, text in WANTED.items()},
        "enabled": True,
        "active": True,
    }
    return machine(**{**whole, **facts})


def plan(facts: Facts, outputs: int = 1):
    return make_plan(facts, WANTED, UNIT, outputs)


def commands(facts: Facts, outputs: int = 1) -> list[str]:
    return [str(step) for step in plan(facts, outputs).steps]
