"""Plays systemd's part for one service: the notification socket, and the descriptor store."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

from tests.guest.inside.daemon import Daemon
from tests.guest.inside.kernel import wait_for

_FROM = 20  # so that the shell can make it number 3
# As systemd.exec(5) has it: descriptors from 3 on, and the process's own pid beside them.
_HAND_DOWN = 'eval "exec 3<&$0 $0<&-"; export LISTEN_PID=$$; exec "$@"'


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
                self.stored[fields["FDNAME"]] = fcntl.fcntl(descriptors[0], fcntl.F_DUPFD_CLOEXEC, _FROM)
            elif "FDSTOREREMOVE" in fields and fields["FDNAME"] in self.stored:
                os.close(self.stored.pop(fields["FDNAME"]))
            for descriptor in descriptors:
                os.close(descriptor)
            if "END" in fields:
                return

    def start(self, *arguments: str) -> Service:
        """Start `lensd run ARGUMENTS` with what is stored, and do not wait."""
        command = [sys.executable, "-m", "lensd", "run", *arguments]
        environment = dict(self.daemon.environment)
        handed: tuple[int, ...] = ()
        if self.stored:
            ((name, descriptor),) = self.stored.items()
            handed = (descriptor,)
            environment |= {"LISTEN_FDS": "1", "LISTEN_FDNAMES": name}
            command = ["bash", "-c", _HAND_DOWN, str(descriptor), *command]
        with self.daemon.log_path.open("ab") as log:
            self.daemon.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=handed,
                start_new_session=True,
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
