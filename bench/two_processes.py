"""The daemon's two processes on recorded frames: the real worker, and the keeper's own parts that publish.

One picture costs what both processes took of a core since the picture before, all their threads together; its latency
is from the frame's time to the end of the write. Without a virtual camera pictures are written into memory of the same
size as a driver's buffer, by the same copy.
"""

import json
import os
import selectors
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import lensd.keeper.worker_process as spawning
from lensd.config import Settings
from lensd.evaluation.rehearsal import Rehearsal
from lensd.frames import PixelFormat, VideoFormat
from lensd.keeper.publisher import Publisher
from lensd.keeper.worker_process import WorkerProcess

FRAMES = 60
SIZES = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080)}
FORMATS = {"mjpg": PixelFormat.MJPG, "yuyv": PixelFormat.YUYV}
_START_S = 30.0
_SETTLE_S = 2.5  # the worker's garbage collector, the finder's first looks
_SWITCH_S = 2.5


def record(path, face, side, size, pixels):
    """Write FRAMES frames of one size there and back, so that nothing jumps, for RecordedCamera; return the path."""
    rehearsal = Rehearsal(face, side, VideoFormat(*size, 30))
    frames = [rehearsal.frame(n, pixels, 0).data for n in range(FRAMES)]
    frames += frames[-2:0:-1]
    head = {"width": size[0], "height": size[1], "fps": 30, "pixels": str(pixels), "lengths": [len(f) for f in frames]}
    with path.open("wb") as file:
        file.write(json.dumps(head).encode() + b"\n")
        file.writelines(frames)
    return path


def cpu_ns(pid):
    """Return what a process has taken of a core, all threads: its CPU clock, as clock_getcpuclockid(3) names it."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def resident_mb(pid, but=""):
    """Return a process's resident MB (10^6 bytes), without the mapping of the file `but`."""
    total, counted = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        name, _, rest = line.partition(" ")
        if not name.endswith(":"):
            counted = not (but and but in rest)
        elif name == "Rss:" and counted:
            total += int(rest.split()[0])
    return total * 1024 / 1e6


class _Noted:
    """The shared picture's reader, noting the stamp of what was copied last."""

    def __init__(self, reader):
        self._reader, self.stamp = reader, None
        self.newest_sequence = reader.newest_sequence

    def copy_newest(self, out):
        """Copy it."""
        self.stamp = self._reader.copy_newest(out)
        return self.stamp


class TwoProcesses:
    """Starts them, measures, and ends them; a context."""

    def __init__(self, frames, lens="thug-life", runtime="auto", output="none"):
        """Start the worker on the file `frames`, and write to `output`."""
        head = json.loads(frames.open("rb").readline())
        self.settings = Settings(
            width=head["width"], height=head["height"], lens=lens, runtime=runtime, output=output, camera="recorded"
        )
        self._frames, self._selector = frames, selectors.DefaultSelector()
        self.publisher = Publisher(output, self.settings.format, time.monotonic_ns())
        self.costs_ms, self.latencies_ms, self.captured_ns, self.written_ns = [], [], [], []
        self._mark_ns, self._sequence, self.answers = 0, 0, []
        spawning._spawn = self._spawn
        self.started_ns = time.monotonic_ns()
        self.worker = WorkerProcess(1, self.settings, lens, self._selector, self)
        self.reader = _Noted(self.worker.reader)
        self.publisher.show(self.reader)

    def _spawn(self, pictures, signal, control):
        script = Path(__file__).with_name("recorded_camera.py")
        command = [sys.executable, "-P", str(script), "--pictures", str(pictures), "--signal", str(signal)]
        env = spawning._MALLOC | os.environ | {"RECORDED_FRAMES": str(self._frames)}
        command += ["--control", str(control)]
        return subprocess.Popen(command, pass_fds=(pictures, signal, control), env=env)

    def __enter__(self):
        """Return it."""
        return self

    def __exit__(self, *_):
        """End the worker."""
        self.worker.stop()
        self.worker.wait(2)
        self.worker.close()
        self.publisher.close()

    def worker_picture(self, _worker):
        """Publish it, and note what it took."""
        self.publisher.picture_ready(time.monotonic_ns())
        if self.reader.stamp is None:
            return
        now, captured = time.monotonic_ns(), self.reader.stamp.captured_ns
        spent = cpu_ns(self.worker.pid) + time.process_time_ns()
        # On a machine that is busy with other things the worker may have made two meanwhile, of which the newer counts.
        made, self._sequence = self.reader.stamp.sequence - self._sequence, self.reader.stamp.sequence
        if made < 1:
            return
        self.costs_ms += [(spent - self._mark_ns) / made / 1e6] * made
        self.latencies_ms.append((now - captured) / 1e6)
        self.captured_ns.append(captured)
        self.written_ns.append(now)
        self._mark_ns = spent

    def worker_event(self, _worker, event):
        """Keep answers to switches."""
        if event.get("event") == "switched":
            self.answers.append((time.monotonic_ns(), event))

    def worker_ended(self, worker):
        """Nothing can be measured any more."""
        worker.wait(0)
        raise SystemExit(f"the worker ended with status {worker.exit_status}")

    def turn(self, until):
        """Publish until `until()` says so."""
        limit = time.monotonic() + _START_S
        while not until():
            for key, mask in self._selector.select(0.05):
                key.data(mask)
            if time.monotonic() > limit:
                raise SystemExit(
                    f"nothing came in {_START_S:g} s; the worker says {self.worker.state} {self.worker.why}"
                )

    def first_picture_s(self):
        """Return how long it took from the start of the process to the first lensed picture, written."""
        self.turn(lambda: self.costs_ms)
        return (self.written_ns[0] - self.started_ns) / 1e9

    def run(self, seconds, way=None):
        """Return the scenario's figures, over `seconds` of steady state; with `way` once the lens runs in that way."""
        self.first_picture_s()
        if way is not None:
            self.turn(lambda: self._runs_in(way))
        self._for(_SETTLE_S)
        skip, skip_latencies = len(self.costs_ms), len(self.latencies_ms)
        self._for(seconds)
        costs, latencies = self.costs_ms[skip:], self.latencies_ms[skip_latencies:]
        return {
            "cpu_ms_median": round(float(np.median(costs)), 2),
            "cpu_ms_p95": round(float(np.percentile(costs, 95)), 2),
            "latency_ms_p50": round(float(np.percentile(latencies, 50)), 2),
            "latency_ms_p99": round(float(np.percentile(latencies, 99)), 2),
            "rss_mb": round(resident_mb(self.worker.pid, self._frames.name), 1),
        }

    def _runs_in(self, way):
        told = self.worker.status
        return (told.get("runtime"), told.get("runtimes", {}).get("precision")) == tuple(way)

    def _for(self, seconds):
        end = time.monotonic() + seconds
        self.turn(lambda: time.monotonic() > end)

    def switch(self, lens):
        """Switch to `lens` beside the running one; return what a viewer sees of it."""
        begin_ns, first = time.monotonic_ns(), len(self.written_ns)
        self.worker.send({"command": "switch", "id": len(self.answers) + 1, "lens": lens})
        asked = len(self.answers)
        self.turn(lambda: len(self.answers) > asked)
        answered_ns, event = self.answers[-1]
        if event["error"]:
            raise SystemExit(f"switch to {lens}: {event['error']}")
        self._for(_SWITCH_S)
        after = next(at for at, ns in enumerate(self.written_ns) if ns > answered_ns) + 2
        gaps = np.diff(self.written_ns[first - 1 : after]) / 1e6
        periods = np.rint(np.diff(self.captured_ns[first - 1 : after]) * 30 / 1e9).astype(int)
        return {
            "gap_ms": round(float(gaps.max()), 1),
            "frames_lost": int((periods - 1).sum()),
            "load_ms": round((answered_ns - begin_ns) / 1e6),
        }
