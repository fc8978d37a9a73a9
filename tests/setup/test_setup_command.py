"""`lensd setup` as a person types it, and its steps as they are run; the guest does the whole of it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lensd.errors import SetupError
from lensd.setup import carry_out, facts, secure_boot, user_files
from lensd.setup.distribution import read_distribution
from lensd.setup.step import Step, write_file


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name.lower()))
    for name in ("SUDO_UID", "PKEXEC_UID", "DOAS_USER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def lensd(*words, **variables):
    program = Path(sys.prefix) / "bin/lensd"
    return subprocess.run(
        [program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **variables},
    )


def test_a_dry_run_shows_commands_and_files_and_changes_nothing(home):
    done = lensd("setup", "--dry-run", "--outputs", "2")
    if "one image" in done.stderr or "do not know how" in done.stderr:
        pytest.skip(done.stderr)
    assert (done.returncode, done.stderr) == (0, "")
    assert "/etc/modprobe.d/" in done.stdout
    assert "SnapLens Camera,SnapLens Camera 2" in done.stdout
    assert done.stdout.endswith("Nothing was changed.\n")
    assert list(home.iterdir()) == []


def test_without_a_person_to_ask_nothing_is_done(home):
    done = lensd("setup")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert list(home.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have come by sudo")
def test_it_is_not_to_be_run_by_sudo(home):
    done = lensd("setup", "--dry-run", SUDO_UID="1000")
    assert done.returncode == 69
    assert "is to be run as yourself" in done.stderr


def test_a_file_is_written_whole_by_install_from_what_the_plan_shows(tmp_path):
    target = tmp_path / "deep/er/x.conf"
    carry_out.run_step(write_file("x", target, "one\ntwo\n", root=False), ())
    assert target.read_text() == "one\ntwo\n"
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_step_that_fails_says_so_with_its_hint_and_is_not_remembered(home):
    with pytest.raises(SetupError, match="false ended with status 1") as error:
        carry_out.run_step(Step("Try", ("false",), remembers=("package x",), hint="look"), ())
    assert error.value.hint == "look"
    assert carry_out.remembered() == []


def test_what_a_step_leaves_behind_is_remembered_until_it_is_taken_back(home):
    for _ in range(2):
        carry_out.run_step(Step("Try", ("true",), remembers=("package x",)), ())
    assert carry_out.remembered() == ["package x"]
    carry_out.forget()
    assert carry_out.remembered() == []


def test_tools_are_not_looked_for_in_the_users_folders(tmp_path, monkeypatch):
    fake = tmp_path / "frobnicate"
    shutil.copy("/bin/true", fake)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SetupError, match="there is no frobnicate"):
        carry_out.run_step(Step("Try", ("frobnicate",), root=True), ())


def test_the_unit_starts_the_very_program_that_was_installed(home):
    text = user_files.unit(Path('/home/ada/50% "off"/lensd'))
    assert 'ExecStart="/home/ada/50%% \\"off\\"/lensd" run' in text.splitlines()
    entry, _ = user_files.menu_files(Path("/opt/x/lensd")).values()
    assert entry.count('Exec="/opt/x/lensd" ') == 4


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ('ID=debian\nVERSION_ID="12"\n', "debian"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "ubuntu"),
        ("ID=fedora\nVERSION_ID=44\n", "fedora"),
        ("ID=manjaro\nID_LIKE=arch\n", "arch"),
        ("ID=nixos\n", ""),
    ],
)  # fmt: skip
def test_distributions_are_known_by_their_kin(tmp_path, text, family):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(text)
    assert read_distribution(tmp_path).family == family


def test_facts_are_read_from_the_files_of_a_system(tmp_path, monkeypatch):
    kernel = os.uname().release
    for name, text in {
        f"lib/modules/{kernel}/modules.dep": "updates/dkms/v4l2loopback.ko.zst:\n",
        f"lib/modules/{kernel}/pkgbase": "linux-zen\n",
        "etc/modules-load.d/x.conf": "# cameras\nv4l2loopback\n",
        "etc/modprobe.d/x.conf": "options v4l2loopback devices=1\n",
        "etc/os-release": "ID=arch\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    variable = tmp_path / "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
    variable.parent.mkdir(parents=True)
    variable.write_bytes(b"\6\0\0\0\1")
    monkeypatch.setattr(sys, "argv", [str(Path(sys.prefix) / "bin/lensd")])
    found = facts.gather([], tmp_path)
    assert found.module_built
    assert found.at_boot
    assert not found.loaded
    assert (found.kernel_base, found.distribution.family) == ("linux-zen", "arch")
    assert [file.path.name for file in found.options] == ["x.conf"]
    assert found.secure_boot
    assert secure_boot.is_on(tmp_path)
    variable.write_bytes(b"\6\0\0\0\0")
    assert not secure_boot.is_on(tmp_path)
