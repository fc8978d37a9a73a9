"""What the daemon costs while nobody looks: the real keeper, started as systemd starts it."""

import os
import subprocess
import sys
import tempfile
import time

from two_processes import cpu_ns, resident_mb

_CALM_S = 4.0  # cards are drawn, the page is started or not, garbage is collected
_MEASURED_S = 20.0


def children(pid):
    """Return the ids of a process's children."""
    return subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()


def idle(output="none"):
    """Return the keeper's share of a core, percent, and its resident MB, once its worker is gone."""
    with tempfile.TemporaryDirectory() as folder:
        home = {
            f"XDG_{name}": folder for name in ("RUNTIME_DIR", "CONFIG_HOME", "STATE_HOME", "CACHE_HOME", "DATA_HOME")
        }
        command = [sys.executable, "-m", "lensd", "run", "--no-preview", "--output", output, "--linger", "0"]
        command += ["--camera", "demo", "--lens", "thug-life"]
        env = os.environ | home | {"JOURNAL_STREAM": "0:0"}  # no person started it, so it need not wait for one to look
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as keeper:
            try:
                time.sleep(_CALM_S)
                limit = time.monotonic() + 30
                while children(keeper.pid) and time.monotonic() < limit:
                    time.sleep(0.5)
                if keeper.poll() is not None or (left := children(keeper.pid)):
                    raise SystemExit(f"the keeper is not at rest: status {keeper.poll()}, processes {left}")
                before = cpu_ns(keeper.pid)
                time.sleep(_MEASURED_S)
                share = (cpu_ns(keeper.pid) - before) / 1e9 / _MEASURED_S
                return {"cpu_percent": round(100 * share, 3), "rss_mb": round(resident_mb(keeper.pid), 1)}
            finally:
                keeper.terminate()
                keeper.wait(5)
