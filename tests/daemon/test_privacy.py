"""What the daemon leaves behind and whom it talks to: nothing, and nobody."""

import os
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.daemon.conftest import LENSD

DEMO = ("--camera", "demo", "--output", "none", "--size", "640x480", "--lens", "thug-life-overlay", "--always-on")
TABLES = ("tcp", "tcp6", "udp", "udp6", "udplite", "raw", "raw6", "packet", "icmp")
LOOPBACK = "0100007F"  # 127.0.0.1 as /proc/net/tcp has it


@pytest.fixture(autouse=True)
def at_home(daemon):
    """As on a person's computer: ONNX Runtime sends no telemetry where it takes itself to be tested."""
    for name in ("CI", "GITHUB_ACTIONS", "ORT_RUNNING_UNIT_TESTS", "ORT_DISABLE_TELEMETRY"):
        daemon.environment.pop(name, None)


def processes(daemon):
    """Return the keeper and all that it started."""
    found, waiting = [], [daemon.process.pid]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for thread in Path(f"/proc/{pid}/task").iterdir():
            waiting += [int(child) for child in (thread / "children").read_text().split()]
    return found


def sockets(pid):
    """Return "tcp 0100007F:2256", ... for each socket of a process that speaks any protocol of the Internet's."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    seen = []
    for table in TABLES:
        path = Path(f"/proc/{pid}/net/{table}")
        rows = [row.split() for row in path.read_text().splitlines()[1:]] if path.exists() else []
        seen += [f"{table} {row[1]}" for row in rows if inodes & set(row)]
    return seen


def until_settled(daemon):
    daemon.until_on_air("worker")
    daemon.until(lambda: daemon.status()["worker"].get("faces"), "a face is tracked, so every network has run")


def test_the_page_listens_on_this_computer_only_and_nothing_else_opens_a_socket(daemon):
    daemon.start(*DEMO)
    until_settled(daemon)
    daemon.until(lambda: daemon.command("preview").returncode == 0, "the page is there")
    seen = [each for pid in processes(daemon) for each in sockets(pid)]
    assert len(processes(daemon)) >= 3
    assert len(seen) == 1
    assert seen[0].startswith(f"tcp {LOOPBACK}:")


def test_without_any_network_the_pictures_go_on(daemon):
    """In a namespace with no interface but a loopback that is down; the page costs nothing, if it can listen or not."""
    if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode:
        pytest.skip("no network namespaces here")
    with daemon.log.open("ab") as log:
        daemon.process = subprocess.Popen(
            ["unshare", "-rn", *LENSD, "-v", "run", *DEMO],
            env=daemon.environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    daemon.until(lambda: daemon.command("status").returncode == 0, "it listens")
    until_settled(daemon)
    daemon.until(lambda: daemon.status()["fps"] > 10, "pictures flow")
    net = Path(f"/proc/{daemon.process.pid}/net")
    interfaces = [row.split(":")[0].strip() for row in (net / "dev").read_text().splitlines()[2:]]
    assert interfaces == ["lo"]
    for table in TABLES:
        if (net / table).exists():
            rows = [row.split() for row in (net / table).read_text().splitlines()[1:]]
            # Some kernels let the page listen there all the same.
            assert all(table == "tcp" and row[1].startswith(f"{LOOPBACK}:") for row in rows), (table, rows)
    assert daemon.status()["worker"]["restarts"] == 0
    assert "Traceback" not in daemon.said()


def files_under(*folders):
    return {path: path.stat().st_size for folder in folders for path in folder.rglob("*") if path.is_file()}


def writable_files(pid):
    """Return the regular files that a process has open for writing or mapped to be written."""
    found = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        try:
            flags = int(info.read_text().split("flags:")[1].split()[0], 8)
            path = Path(f"/proc/{pid}/fd/{info.name}").readlink()
        except FileNotFoundError:
            continue
        if flags & (os.O_WRONLY | os.O_RDWR) and path.is_file() and stat.S_ISREG(path.stat().st_mode):
            found.add(path)
    for row in Path(f"/proc/{pid}/maps").read_text().splitlines():
        fields = row.split(maxsplit=5)
        if len(fields) == 6 and fields[1][1] == "w" and fields[1][3] == "s" and fields[5].startswith("/"):
            found.add(Path(fields[5]))
    return {path for path in found if not str(path).startswith(("/memfd:", "/dev/"))}


def test_no_picture_gets_to_a_disk(daemon, tmp_path):
    scratch, home = tmp_path / "scratch", tmp_path / "home"
    for folder in (scratch, home):
        folder.mkdir()
    daemon.environment |= {"TMPDIR": str(scratch), "HOME": str(home)}
    daemon.start(*DEMO)
    until_settled(daemon)
    daemon.command("switch", "next")
    daemon.command("pause")
    daemon.command("resume")
    daemon.until_on_air("worker")
    open_files = {path for pid in processes(daemon) for path in writable_files(pid)}
    assert open_files <= {daemon.log, daemon.home / "runtime/lensd/lensd.pid"}
    written = files_under(daemon.home, scratch, home)
    written.pop(daemon.log)
    names = {path.name for path in written}
    assert names <= {"lensd.pid", "state.json"}, names
    assert sum(written.values()) < 1000
    daemon.end()


def test_the_log_tells_neither_a_picture_nor_its_name(daemon, tmp_path):
    folder = tmp_path / "holiday-with-anna"
    folder.mkdir()
    Image.fromarray(np.full((480, 640, 3), 90, np.uint8)).save(folder / "anna-at-the-sea.png")
    daemon.environment |= {"LENSD_LOG": "DEBUG", "JOURNAL_STREAM": "8:1"}  # as under systemd
    arguments = ("--camera", str(folder / "anna-at-the-sea.png"), "--output", "none", "--no-preview", "--always-on")
    daemon.start(*arguments).until_on_air("worker")
    (folder / "anna-at-the-sea.png").rename(folder / "anna-elsewhere.png")
    os.kill(daemon.worker_pid(), 9)
    daemon.until(lambda: daemon.status()["on_air"] not in {"worker", "starting"}, "the file is gone")
    snapshot = folder / "me.png"
    assert daemon.command("snapshot", str(snapshot)).returncode == 0
    daemon.end()
    assert "anna" not in daemon.said()
    assert str(snapshot) not in daemon.said()
