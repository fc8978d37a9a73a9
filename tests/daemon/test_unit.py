"""lensd/setup/systemd/lensd.service, as systemd itself judges it, and the camera under its filter of system calls."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "lensd/setup/systemd/lensd.service"
EXPOSURE = 6.3  # of 10; what is left is told in docs/desktop.md
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="there is no systemd-analyze here")


def values(key):
    return [line.split("=", 1)[1] for line in UNIT.read_text().splitlines() if line.startswith(f"{key}=")]


def test_the_unit_keeps_the_camera_over_a_restart_and_reloads_on_sighup():
    assert values("Type") == ["notify"]
    assert values("FileDescriptorStoreMax") == ["8"]
    assert values("ExecReload") == ["/bin/kill -HUP $MAINPID"]
    assert values("RestartSec") == ["100ms"]
    assert (values("StartLimitIntervalSec"), values("StartLimitBurst")) == (["120"], ["10"])
    assert "AF_INET6" not in values("RestrictAddressFamilies")[0]


@pytest.fixture
def analyze(tmp_path):
    home = tmp_path / "home"
    (home / ".local/bin").mkdir(parents=True)
    shutil.copy("/bin/true", home / ".local/bin/lensd")
    (tmp_path / "run").mkdir(mode=0o700)
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "PATH": "/usr/bin:/bin"}
    unit = tmp_path / "lensd.service"  # %h is root's home for systemd-analyze, wherever HOME is
    unit.write_text(UNIT.read_text().replace("%h", str(home)))

    def run(*words):
        return subprocess.run(
            [ANALYZE, "--user", *words, str(unit)], env=environment, capture_output=True, text=True, timeout=60
        )

    return run


@needs_systemd
def test_systemd_finds_no_fault_with_the_unit(analyze):
    said = analyze("verify", "--man=no").stderr.splitlines()
    # What newer ones know: slower and slower restarts, from 254 on.
    assert not [line for line in said if "lensd.service" in line and "Unknown key 'Restart" not in line], said


@needs_systemd
def test_the_unit_is_as_closed_as_the_docs_say(analyze):
    done = analyze("security", "--offline=true")
    told = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert told, done.stdout + done.stderr
    assert float(told[1]) <= EXPOSURE
    assert f"says {told[1]} for the unit" in " ".join((ROOT / "docs/desktop.md").read_text().split())


UNDER_THE_FILTER = """
import ctypes, os, sys
library = ctypes.CDLL("libseccomp.so.2")
library.seccomp_init.restype = ctypes.c_void_p
filter = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(0x00050000 | 1)))  # EPERM for all but these
for name in sys.argv[1].split():
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        assert not library.seccomp_rule_add(filter, ctypes.c_uint32(0x7FFF0000), number, 0), name
assert not library.seccomp_load(filter)
os.execv(sys.executable, [sys.executable, "-m", "lensd", "-v", "run", *sys.argv[2:]])
"""


def system_calls(group):
    """Return the names in a group such as "@system-service", whatever groups it is made of."""
    listed = subprocess.run([ANALYZE, "syscall-filter", group], capture_output=True, text=True, check=True).stdout
    names = set()
    for line in listed.splitlines()[1:]:
        word = line.strip()
        if word.startswith("@"):
            names |= system_calls(word)
        elif word and not word.startswith("#"):
            names.add(word)
    return names


@needs_systemd
def test_the_camera_runs_under_the_units_filter_of_system_calls(daemon):
    allowed = set()
    for value in values("SystemCallFilter"):
        for group in value.removeprefix("~").split():
            allowed = allowed - system_calls(group) if value.startswith("~") else allowed | system_calls(group)
    assert "mount" not in allowed
    with daemon.log.open("ab") as log:
        arguments = ("--camera", "demo", "--output", "none", "--lens", "thug-life", "--size", "640x480", "--always-on")
        daemon.process = subprocess.Popen(
            [sys.executable, "-c", UNDER_THE_FILTER, " ".join(allowed), *arguments],
            env=daemon.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    daemon.until(lambda: daemon.command("status").returncode == 0, "it listens")
    daemon.until_on_air("worker")
    daemon.until(lambda: daemon.status()["worker"].get("faces"), "the networks run")
    daemon.until(lambda: daemon.command("preview").returncode == 0, "the page is there")
    assert daemon.end() == 0
    said = daemon.said()
    assert "Operation not permitted" not in said
    assert "Traceback" not in said
