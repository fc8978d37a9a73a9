"""How fast the frame's path is, and beside what: `make bench` (three minutes), `make bench ARGS="--quick"` (one).

One table for people; the last line of standard output is one JSON document, which bench/check.py compares with
bench/budgets.toml. Times are what was taken of a core, so that a busy machine disturbs little; latencies are by the
clock. Ratios are taken in one run, the ways taking turns.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: one core is what is measured

import cv2
import numpy as np
from idle import idle
from others_ways import Article, Peers
from two_processes import FORMATS, FRAMES, SIZES, TwoProcesses, record

from lensd.engine.select import candidates
from lensd.errors import LensdError
from lensd.evaluation.cost import measure_cost
from lensd.evaluation.frame_path import FramePath, machine_gmacs
from lensd.evaluation.rehearsal import Rehearsal, golden_face
from lensd.frames import PixelFormat, VideoFormat
from lensd.lens.catalogue import find_lenses
from lensd.lens.open import find_package
from lensd.lens.package import open_package
from lensd.tuning.tuner import Tuner

LENS = "thug-life"
_PACED = 30
_STAGES = ("decode", "track", "lens", "blend", "publish")


def say(text="", **options):
    """Print at once."""
    print(text, flush=True, **options)


def progress(text):
    """Tell who waits at a terminal what is going on."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text} …" if text else "\r\x1b[K", end="", file=sys.stderr, flush=True)


def frames_of(face, side, size, pixels, count=FRAMES):
    """Return recorded frames of one size."""
    rehearsal = Rehearsal(face, side, VideoFormat(*size, 30))
    return [rehearsal.frame(n, pixels, 10**9 + n * 33_333_333) for n in range(count)]


def scenarios(face, side, folder, seconds, output, way):
    """Measure every size and format in two processes, with the lens in `way`; return the figures."""
    told, stages = {}, {}
    for size_name, size in SIZES.items():
        for format_name, pixels in FORMATS.items():
            name = f"{size_name}-{format_name}"
            progress(name)
            frames = record(folder / name, face, side, size, pixels)
            with TwoProcesses(frames, LENS, output=output) as running:
                told[name] = running.run(seconds, way)
                stages[name] = running.worker.status["stages_ms"]
            frames.unlink()
    say(f"{'ms of a core a picture':24}{'median':>8}{'p95':>8}{'latency p50':>14}{'p99':>8}{'worker MB':>11}")
    for name, row in told.items():
        figures = (row["cpu_ms_median"], row["cpu_ms_p95"], row["latency_ms_p50"], row["latency_ms_p99"])
        say(f"{name:24}{figures[0]:8.2f}{figures[1]:8.2f}{figures[2]:14.1f}{figures[3]:8.1f}{row['rss_mb']:11.1f}")
    say(f"\n{'stages: p50 / p95 / p99':24}" + "".join(f"{stage:>22}" for stage in _STAGES))
    for name, row in stages.items():
        cells = (" / ".join(f"{row[stage][p]:.2f}" for p in ("p50", "p95", "p99")) for stage in _STAGES)
        say(f"{name:24}" + "".join(f"{cell:>22}" for cell in cells))
    return told


def starts(face, side, folder, output):
    """Measure a cold start and a switch; print the first, return the second."""
    progress("a cold start and a switch")
    frames = record(folder / "start", face, side, SIZES["720p"], PixelFormat.MJPG)
    with TwoProcesses(frames, "dog-overlay", output=output) as running:
        running.first_picture_s()
        running.run(1.0)
        switched = running.switch(LENS)
    cold = []
    for _ in range(3):
        with TwoProcesses(frames, LENS, output=output) as running:
            cold.append(running.first_picture_s())
    say(f"\nfirst lensed picture {np.median(cold):.2f} s after the worker's start (three: {np.round(cold, 2)})")
    say(
        f"switch to {LENS}: ready after {switched['load_ms']} ms beside the running lens, longest gap "
        f"{switched['gap_ms']} ms, {switched['frames_lost']} frames lost"
    )
    return switched


def parts(face, side):
    """Print where the time goes in one thread, for each lens and each runtime."""
    size = SIZES["720p"]
    frames = frames_of(face, side, size, PixelFormat.MJPG)
    say(
        f"\n{'720p MJPG, one thread':24}" + "".join(f"{s:>10}" for s in ("decode", "network", "track", "lens", "blend"))
    )
    for info in find_lenses():
        progress(info.name)
        with FramePath(info.name, VideoFormat(*size, 30), "onnxruntime") as path:
            path.rehearse(frames, 2)
            row = {stage: ring.percentiles_ms()["p50"] for stage, ring in path.metrics.stages.items()}
            network = path.tracking_network.taken.percentiles_ms()["p50"]
            drawing = path.lens_network.taken.percentiles_ms()["p50"] if path.lens_network else 0.0
        cells = (row["decode"], network, row["track"] - network, row["lens"], row["blend"])
        of_that = f"   of that the network {drawing:.2f}" if drawing else ""
        say(f"{info.name:24}" + "".join(f"{cell:10.2f}" for cell in cells) + of_that)
    progress("every runtime")
    for info in find_lenses():
        if info.kind == "generator":
            cost = measure_cost(open_package(info.path))
            for row in cost.runtimes:
                figures = f"{row.median_ms:6.2f} ms by the clock, {row.parity_db:.1f} dB to float32"
                say(f"{info.name} ({cost.gmac:.3f} GMAC) in {row.runtime}, {row.precision}: {figures}")
    for each in candidates():
        if not each.available:
            say(f"{each.runtime}: not here, {each.why}")


def paced(path, frames):
    """Show frames for a second, 30 of them: the search for more faces goes by the clock, and is not to count double."""
    begin = time.monotonic()
    for number in range(_PACED):
        time.sleep(max(0.0, begin + number / 30 - time.monotonic()))
        path.show(frames[number % len(frames)])


def side_by_side(face, side, rounds):
    """Return how many times as long the article's and the peers' ways take, the three taking turns."""
    progress("the article's way and the peers'")
    size = SIZES["720p"]
    frames = frames_of(face, side, size, PixelFormat.MJPG, 10)
    frames += frames[-2:0:-1]
    jpegs = [frame.data for frame in frames]
    article, peers = Article(size), Peers(size, open_package(find_package(LENS)).network)
    taken = {"ours": [], "article": [], "peers": []}
    with FramePath(LENS, VideoFormat(*size, 30)) as ours:
        ours.rehearse(frames, 3)
        for turn in range(rounds + 1):
            ways = {
                "ours": (lambda: paced(ours, frames), _PACED),
                "article": (lambda: [article.show(jpeg) for jpeg in jpegs[:2]], 2),
                "peers": (lambda: peers.run(jpegs), len(jpegs)),
            }
            for name, (run, count) in ways.items():
                begin = time.process_time()
                run()
                if turn:  # the first is a warm-up
                    taken[name].append((time.process_time() - begin) / count * 1e3)
    median = {name: float(np.median(values)) for name, values in taken.items()}
    article_ratio, peer_ratio = median["article"] / median["ours"], median["peers"] / median["ours"]
    say(
        f"\n720p MJPG, ms of a core a picture, taking turns: ours {median['ours']:.1f}; the article's way "
        f"{median['article']:.0f}, {article_ratio:.1f} times; the peers' {median['peers']:.1f}, {peer_ratio:.2f} times"
    )
    return round(article_ratio, 2), round(peer_ratio, 2)


def main():
    """Measure, print, and end with the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the time, a little more noise")
    parser.add_argument("--output", default="none", help="a loopback's node; none writes into memory (default)")
    parser.add_argument("--seconds", type=float, help="for each scenario")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    seconds = arguments.seconds or (4 if arguments.quick else 10)
    package = open_package(find_package(LENS))
    face, side = golden_face(package)
    progress("the machine")
    gmacs = machine_gmacs()
    # As the daemon has it after its first minute; the workers below find it in the same notes.
    way = Tuner().measure(package, lambda way: progress(f"the machine: {way}"))
    where = arguments.output if arguments.output != "none" else "memory like a driver's buffer, by the same copy"
    say(
        f"SnapLens Camera with {LENS} in {way}, {os.cpu_count()} processors of {gmacs:.0f} GMAC/s; "
        f"pictures go to {where}\n"
    )
    with tempfile.TemporaryDirectory(prefix="lensd-bench-") as folder:
        told = scenarios(face, side, Path(folder), seconds, arguments.output, way)
        switched = starts(face, side, Path(folder), arguments.output)
    parts(face, side)
    article_ratio, peer_ratio = side_by_side(face, side, 3 if arguments.quick else 8)
    progress("nobody looks")
    resting = idle(arguments.output)
    progress("")
    say(
        f"nobody looks: worker gone, the keeper takes {resting['cpu_percent']} % of a core and {resting['rss_mb']} MB\n"
    )
    ratios = {"article_ratio": article_ratio, "peer_ratio": peer_ratio, "machine_gmacs": round(gmacs, 1)}
    say(json.dumps({"scenarios": told, **ratios, "idle": resting, "switch": switched}))


if __name__ == "__main__":
    try:
        main()
    except LensdError as error:
        raise SystemExit(f"error: {error.what}: {error.why}\nhint:  {error.hint}") from None
    except KeyboardInterrupt:
        raise SystemExit("\ninterrupted") from None
