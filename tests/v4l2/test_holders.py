"""Who holds a device open, by real processes."""

import os
import subprocess
import sys
from pathlib import Path

from lensd.v4l2.holders import all_holders, holders

FULL = Path("/dev/full")


def test_another_process_that_has_a_device_open_is_named_for_the_device_and_among_all():
    code = "import sys; file = open('/dev/full'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"open\n"
        for found in (all_holders().get(FULL.stat().st_rdev, []), holders(FULL)):
            [ours] = [each for each in found if each.pid == process.pid]
            assert str(ours) == f"{ours.name} (pid {process.pid})"
            assert ours.name.startswith("python")
        process.stdin.close()
    assert process.pid not in {each.pid for each in holders(FULL)}


def test_a_link_to_a_device_is_the_device(tmp_path):
    (tmp_path / "by-id").symlink_to(FULL)
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with FULL.open() as full, subprocess.Popen(command, stdin=full, stdout=-1) as process:
        assert process.stdout
        process.stdout.readline()
        assert process.pid in {each.pid for each in holders(tmp_path / "by-id")}
        process.kill()


def test_what_we_hold_ourselves_is_not_told():
    with FULL.open("wb"):
        assert os.getpid() not in {each.pid for each in holders(FULL)}
        assert os.getpid() not in {each.pid for found in all_holders().values() for each in found}
