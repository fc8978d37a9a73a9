"""`lensd report`: all that a bug report needs, and nothing of whom it is from."""

import json
import os
import subprocess
import sys
import tarfile

import pytest

from lensd.doctor import bug_report
from lensd.doctor.discretion import Discretion, of_this_machine
from lensd.doctor.report import Finding
from tests.lens.packages import write_generator

ADA = Discretion(
    [
        ("ada", "<user>"),
        ("Ada Lovelace", "<name>"),
        ("Lovelace", "<name>"),
        ("engine1", "<host>"),
        ("F00BA4", "<number>"),
    ]
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("camera /home/ada/My Holiday/me and bob.mp4: gone", "camera <path>: gone"),
        ("by /dev/v4l/by-id/usb-046d_HD_Pro_C920_F00BA4-video-index0", "by /dev/v4l/by-id/usb-<camera>-video-index0"),
        ("http://127.0.0.1:8790/?token=KzMMP6PRELi0I0Cz_GX9h", "http://127.0.0.1:8790/?token=<token>"),
        ("ADA on engine1.local, Ada Lovelace, serial f00ba4", "<user> on <host>.local, <name>, serial <number>"),
        ("from 192.168.1.7 or ada@example.com or 00:1b:44:11:3a:b7", "from <address> or <address> or <address>"),
        ("Bob's iPhone Camera gives MJPG", "<name>'s iPhone Camera gives MJPG"),
        ("cv 4.14.0.94, /usr/lib/x, /dev/video0, canada", "cv 4.14.0.94, /usr/lib/x, /dev/video0, canada"),
        ("holiday.JPG is read", "<file> is read"),
    ],
)  # fmt: skip
def test_what_tells_of_a_person_is_taken_out_and_what_helps_is_left(text, expected):
    assert ADA.text(text) == expected


def test_values_are_gone_through_to_the_bottom():
    told = ADA.value({"camera": "me and bob.mp4", "list": [{"ada": "/home/ada/x"}], "fps": 30.0, "none": None})
    assert told == {"camera": "<file>", "list": [{"<user>": "<path>"}], "fps": 30.0, "none": None}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A person with a lens of their own and a film as the camera."""
    home = tmp_path_factory.mktemp("lovelace-home")
    write_generator(home / "data/lensd/lenses/aunt-ethel.lens")
    (home / "config/lensd").mkdir(parents=True)
    (home / "config/lensd/config.toml").write_text(f'camera = "{home}/Birthday of Bob.mp4"\n')
    return home


def test_the_archive_has_every_part_and_nothing_of_whom_it_is_from(home, monkeypatch):
    for name in ("CONFIG_HOME", "DATA_HOME", "STATE_HOME", "RUNTIME_DIR"):
        monkeypatch.setenv(f"XDG_{name}", str(home / name.partition("_")[0].lower()))
    monkeypatch.setenv("HOME", str(home))
    findings = [Finding("camera", "fail", f"{home}/Birthday of Bob.mp4: no such file", "lensd devices"),
                Finding("lens aunt-ethel in onnxruntime", "ok", "golden pair 99 dB")]  # fmt: skip
    files = bug_report.gather(findings)
    path = home / "report.tar.gz"
    bug_report.write(files, path)
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        names = [entry.name for entry in archive]
        text = "\n".join(archive.extractfile(entry).read().decode() for entry in archive)
    assert {name.partition("/")[2] for name in names} == {
        "README.txt", "about.json", "doctor.json", "status.json", "settings.json", "module.txt", "journal.txt",
    }  # fmt: skip
    for secret in ("Birthday", "Bob", "lovelace", "ethel", "Ethel", os.uname().nodename, str(home)):
        assert secret not in text
    assert json.loads(files["settings.json"])["camera"] == "<file>"
    assert [finding["status"] for finding in json.loads(files["doctor.json"])] == ["fail", "ok"]


def test_this_machines_own_numbers_are_known():
    words = dict(of_this_machine().words)
    assert os.uname().nodename in words


def test_the_command_says_where_it_may_not_write(tmp_path):
    program = [sys.executable, "-m", "lensd", "report", str(tmp_path / "no/such/x.tar.gz")]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert done.stderr == f"error: {tmp_path}/no/such/x.tar.gz: No such file or directory\nhint:  lensd report FILE\n"
