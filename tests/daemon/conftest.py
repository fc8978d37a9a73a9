"""A real daemon in folders of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LENSD = [sys.executable, "-m", "lensd"]


class Daemon:
    """`lensd run` as a person starts it, and the commands that talk to it."""

    def __init__(self, home):
        self.home, self.process, self.log = home, None, home / "log"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LENSD"))}
        for name in ("RUNTIME", "CACHE", "STATE", "DATA", "CONFIG"):
            folder = home / name.lower()
            folder.mkdir(exist_ok=True)
            self.environment[f"XDG_{name}_DIR" if name == "RUNTIME" else f"XDG_{name}_HOME"] = str(folder)

    def start(self, *arguments):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*LENSD, "-v", "run", *arguments], env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        self.until(lambda: self.command("status").returncode == 0, "it listens")
        return self

    def command(self, *arguments, timeout_s=40):
        return subprocess.run(
            [*LENSD, *arguments], env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def begin(self, *arguments):
        """Start a command without waiting for its end."""
        return subprocess.Popen(
            [*LENSD, *arguments], env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def status(self):
        done = self.command("status", "--json")
        assert done.returncode == 0, done.stderr + self.said()
        return json.loads(done.stdout)

    def said(self):
        return self.log.read_text()

    def until(self, holds, what, limit_s=25):
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"ended: {self.said()}"
            if holds():
                return
            time.sleep(0.05)
        pytest.fail(f"not within {limit_s} s: {what}\n{self.said()}")

    def until_on_air(self, what, limit_s=25):
        self.until(lambda: self.status()["on_air"] == what, f"{what} is on air", limit_s)

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(10)

    def worker_pid(self):
        return self.status()["worker"]["pid"]


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.kill()
        running.process.wait()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
