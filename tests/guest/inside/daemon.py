"""`lensd run` with folders of its own, as a user would start it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lensd.control.client import call
from tests.guest.inside.kernel import wait_for
from tests.guest.inside.processes import end


class Daemon:
    """A running daemon.

    Attributes:
        process: the keeper. log: what it printed. home: its XDG folders.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log_path = home / "lensd.log"
        self.environment = dict(os.environ, HOME=str(home), PYTHONUNBUFFERED="1")
        for name, folder in (
            ("RUNTIME_DIR", "run"),
            ("STATE_HOME", "state"),
            ("CACHE_HOME", "cache"),
            ("DATA_HOME", "data"),
        ):
            (home / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
            self.environment[f"XDG_{name}"] = str(home / folder)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.home / "run/lensd/control.sock"

    @property
    def log(self) -> str:
        """All that the daemon printed."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def start(self, *arguments: str) -> Daemon:
        """Start `lensd run ARGUMENTS`, and wait until the control socket answers."""
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "lensd", "run", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = self.process
        wait_for(lambda: process.poll() is not None or self._answers(), 30, f"lensd answers\n{self.log}")
        assert process.poll() is None, f"lensd ended with {process.returncode}\n{self.log}"
        return self

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask over the control socket."""
        return call(method, params, path=self.socket)

    def status(self) -> dict[str, Any]:
        """Return what `lensd status --json` shows."""
        return self.call("status")

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `lensd WORDS` as the same user."""
        done = subprocess.run(
            [sys.executable, "-m", "lensd", *words], env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr + self.log
        return done

    def wait_status(self, timeout_s: float, what: str, **wanted: Any) -> float:
        """Wait until the status has these values; returns how long that took, s."""
        seen: dict[str, Any] = {}

        def fits() -> bool:
            with contextlib.suppress(Exception):
                seen.update(self.status())
            return all(seen.get(name) == value for name, value in wanted.items())

        try:
            return wait_for(fits, timeout_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\nstatus: {seen}\n{self.log}") from None

    def processes(self) -> list[int]:
        """Return the keeper and all that it started, however indirectly, by the environment that they inherited."""
        mark = f"XDG_RUNTIME_DIR={self.home}/run".encode()
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                if folder.name.isdigit() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def send(self, number: signal.Signals) -> None:
        """Send the keeper a signal."""
        assert self.process
        self.process.send_signal(number)

    def stop(self, timeout_s: float = 2) -> float:
        """Send SIGTERM, wait, and return how long the end took, s; nothing may be left behind."""
        assert self.process
        start = time.monotonic()
        self.send(signal.SIGTERM)
        try:
            status = self.process.wait(timeout_s + 8)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after SIGTERM\n{self.log}") from None
        took = time.monotonic() - start
        assert status == 0, f"ended with {status}\n{self.log}"
        wait_for(lambda: not self.processes(), timeout_s, "no process is left behind")
        return took

    def end(self) -> None:
        """End everything, whatever state it is in."""
        if self.process is not None:
            end(self.process)
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _answers(self) -> bool:
        with contextlib.suppress(Exception):
            self.status()
            return True
        return False


@contextlib.contextmanager
def lensd(home: Path, *arguments: str) -> Iterator[Daemon]:
    """Run `lensd run ARGUMENTS` for the block."""
    daemon = Daemon(home)
    try:
        yield daemon.start(*arguments)
    except BaseException:
        print(daemon.log)
        raise
    finally:
        daemon.end()
