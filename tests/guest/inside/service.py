"""Plays systemd's part for one service: the notification socket, and the descriptor store."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from lensd.settings_file import as_toml
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.kernel import wait_for

# An installed lensd, not an editable one, whose finder takes half of Python's own start.
_LENSD_RUN = f"import sys; sys.path[:] = {sys.path!r}; sys.argv[1:] = ['run']; from lensd.cli import main; main()"


class Service:
    """Starts keepers that notify us; keeps what they store, and hands it to the next one."""

    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon, self.stored, self.states = daemon, dict[str, int](), list[str]()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(folder / "notify"))
        daemon.environment |= {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "10000000"}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 4)
            fields = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.states += fields
            if "FDSTORE" in fields:
                self.stored[fields["FDNAME"]] = fcntl.fcntl(descriptors[0], fcntl.F_DUPFD_CLOEXEC, 4)
            elif "FDSTOREREMOVE" in fields and fields["FDNAME"] in self.stored:
                os.close(self.stored.pop(fields["FDNAME"]))
            for descriptor in descriptors:
                os.close(descriptor)
            if "END" in fields:
                return

    def start(self, **settings: object) -> Service:
        """Start `lensd run` with these settings in its file and with what is stored, and do not wait."""
        path = self.daemon.home / ".config/lensd/config.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{key} = {as_toml(value)}\n" for key, value in settings.items()))
        handed = list(self.stored.items())

        def between_fork_and_exec() -> None:  # as systemd.exec(5) has it
            os.environ.clear()
            os.environ.update(self.daemon.environment)
            if handed:
                aside = [fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64) for _, descriptor in handed]
                for number, descriptor in enumerate(aside):
                    os.dup2(descriptor, 3 + number)
                names = ":".join(name for name, _ in handed)
                count = str(len(handed))
                os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": names}

        with self.daemon.log_path.open("ab") as log:
            self.daemon.process = subprocess.Popen(
                [sys.executable, "-S", "-c", _LENSD_RUN],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=tuple(range(3, 3 + len(handed))),
                start_new_session=True,
                preexec_fn=between_fork_and_exec,  # noqa: PLW1509 the pid has to be told, and a shell would take as long as Python
            )
        return self

    def ready(self, timeout_s: float = 30) -> Service:
        """Wait until the keeper has said that it is ready."""
        wait_for(lambda: "READY" in self.states, timeout_s, f"READY=1\n{self.daemon.log}")
        self.states.clear()
        return self

    def close(self) -> None:
        """Forget everything; a stream that only the store kept ends here."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"END=1", self._socket.getsockname())
        self._thread.join(5)
        self._socket.close()
        for descriptor in self.stored.values():
            os.close(descriptor)
        self.stored.clear()
