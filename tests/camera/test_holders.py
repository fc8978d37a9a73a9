"""Who holds a device open, by real processes."""

import subprocess
import sys
from pathlib import Path

from lensd.camera.holders import Holder, holders


def test_another_process_that_has_a_device_open_is_named():
    code = "import sys; file = open('/dev/full'); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"open\n"
        found = [each for each in holders().get(Path("/dev/full"), []) if each.pid == process.pid]
        assert len(found) == 1
        assert str(found[0]) == f"{found[0].program} (pid {process.pid})"
        process.stdin.close()
    assert all(each.pid != process.pid for each in holders().get(Path("/dev/full"), []))


def test_what_we_hold_ourselves_is_not_told():
    with Path("/dev/full").open("wb"):
        assert all(isinstance(each, Holder) and each.program for each in holders().get(Path("/dev/full"), []))
        assert not [each for each in holders().get(Path("/dev/full"), []) if each.pid == __import__("os").getpid()]
