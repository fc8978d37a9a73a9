"""A real PipeWire with a real WirePlumber, in a folder of their own, and what programs see of it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time

PROGRAMS = ("pipewire", "wireplumber", "pw-dump", "gst-launch-1.0", "dbus-run-session")


def missing():
    """Return which programs are not installed, and how to get them; empty where all are there."""
    lacking = [name for name in PROGRAMS if shutil.which(name) is None]
    if not lacking:
        plugin = subprocess.run(["gst-inspect-1.0", "pipewiresrc"], capture_output=True, timeout=60)
        lacking = [] if plugin.returncode == 0 else ["pipewiresrc"]
    packages = "pipewire pipewire-bin wireplumber dbus-daemon gstreamer1.0-tools gstreamer1.0-pipewire"
    return f"{', '.join(lacking)} missing: sudo apt install {packages}" if lacking else ""


class Session:
    """PipeWire as it runs from login to logout; it may be stopped and started again."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "PIPEWIRE_", "DBUS_"))
        }
        for name in ("RUNTIME", "CACHE", "STATE", "DATA", "CONFIG"):
            (folder / name.lower()).mkdir(mode=0o700)
            key = f"XDG_{name}_DIR" if name == "RUNTIME" else f"XDG_{name}_HOME"
            self.environment[key] = str(folder / name.lower())

    def start(self):
        script = 'pipewire & until [ -S "$XDG_RUNTIME_DIR/pipewire-0" ]; do sleep 0.1; done; exec wireplumber'
        with (self.folder / "pipewire.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["dbus-run-session", "--", "sh", "-c", script],
                env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        (self.folder / "runtime/pipewire-0").unlink(missing_ok=True)

    def cameras(self):
        """Return the properties of all nodes that a portal would offer as cameras."""
        done = subprocess.run(["pw-dump"], env=self.environment, capture_output=True, text=True, timeout=20)
        if done.returncode or not done.stdout.strip():
            return []
        nodes = (each for each in json.loads(done.stdout) if each["type"] == "PipeWire:Interface:Node")
        found = (node["info"]["props"] for node in nodes)
        return [one for one in found if one.get("media.class") == "Video/Source" and one.get("media.role") == "Camera"]

    @contextlib.contextmanager
    def reader(self, output, pictures):
        """Have GStreamer read so many pictures of the camera and write them to the file `output`, as I420."""
        words = ["gst-launch-1.0", "-q", "pipewiresrc", "target-object=snaplens-camera", f"num-buffers={pictures}"]
        words += ["!", "video/x-raw,format=I420", "!", "filesink", f"location={output}"]
        process = subprocess.Popen(
            words, env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def wait_for(holds, what, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {limit_s} s: {what}"
        time.sleep(0.1)
    return found
