"""A webcam with a face in it, a learned lens, and what a reader sees of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lensd.config import shipped_lenses_dir
from lensd.frames import Picture
from tests.guest.inside import reading
from tests.guest.inside.daemon import Daemon
from tests.guest.inside.feeding import clock_feed, read_clock
from tests.guest.inside.kernel import wait_for
from tests.guest.inside.test_guest_end_to_end import GAP_MS, settled

pytestmark = pytest.mark.camera


class Eyes:
    """Finds the glasses in pictures of the demo: a wide, dark bar over its face, where the demo itself is skin.

    The demo's face is followed by its own drawing: `lensd.camera.demo` tells where it puts the portrait.
    """

    def __init__(self) -> None:
        self.right, self.total, self.problems = 0, 0, []

    def look(self, picture: np.ndarray, _now_ns: int) -> None:
        self.total += 1
        found = glasses(Picture(1280, 720, picture))
        if found is None:
            self.problems.append(self.total)
        else:
            self.right += 1


def glasses(picture: Picture) -> tuple[float, float, float] | None:
    """Return centre and width of the widest row of near-black pixels above skin; None where there is none.

    Skin is what BT.601 calls so: Cb 85..125, Cr 135..170. The glasses are a bar of 60 to 260 px, at most a third as
    high, with skin right below its middle (nose and cheeks).
    """
    dark = picture.y[: 720 * 2 // 3] < 45
    rows = dark.sum(1)
    best = None
    for top in range(20, 460, 4):
        if rows[top] < 60:
            continue
        row = np.flatnonzero(dark[top])
        for run in np.split(row, np.flatnonzero(np.diff(row) > 12) + 1):
            if not 60 <= len(run) <= 260 or run[-1] - run[0] > 270:
                continue
            width, centre = run[-1] - run[0], (run[0] + run[-1]) // 2
            below = np.s_[(top + width // 2) // 2 : (top + width * 2 // 3) // 2, centre // 2 - 6 : centre // 2 + 6]
            u, v, y = picture.u[below].mean(), picture.v[below].mean(), picture.y[top + width // 2, centre]
            if 85 <= u <= 127 and 133 <= v <= 175 and y > 70 and (best is None or width > best[2]):
                best = (float(centre), float(top), float(width))
    return best


def test_the_glasses_sit_on_the_face_in_nearly_every_picture(loopback, daemon, figure):
    settled(daemon.start("--camera", "demo", "--lens", "thug-life", "--no-preview"))
    eyes = Eyes()
    with reading.mmap(loopback, keep=1, on_picture=eyes.look) as seen:
        seen.wait(300)
    share = eyes.right / eyes.total
    figure("pictures with the glasses", f"{share:.3f} of {eyes.total}")
    assert share >= 0.95, eyes.problems[:20]
    assert daemon.command("switch", "none").returncode == 0
    bare = Eyes()
    with reading.mmap(loopback, keep=1, on_picture=bare.look) as seen:
        seen.wait(60)
    figure("the same measure without a lens", f"{bare.right / bare.total:.3f}")
    assert bare.right / bare.total < 0.05, "the measure sees glasses where there are none"


def test_latency_by_a_clock_in_the_pixels(two_loopbacks, daemon, figure):
    node, face_webcam = two_loopbacks
    ages: list[float] = []

    def look(picture: np.ndarray, now_ns: int) -> None:
        age = read_clock(Picture(1280, 720, picture).y, now_ns)
        if age is not None:
            ages.append(age)

    with clock_feed(face_webcam):
        settled(daemon.start("--camera", str(face_webcam), "--lens", "none", "--no-preview"))
        with reading.mmap(node, keep=1, on_picture=look) as seen:
            seen.wait(300)
    assert len(ages) > 200
    ages = ages[30:]
    for part in (50, 95, 99):
        figure(f"webcam to reader p{part}, ms", round(float(np.percentile(ages, part)), 1))
    assert np.percentile(ages, 50) < 1000, "the clock is not read right"


def broken_lens(home: Path) -> None:
    """A lens of the user's whose network is not what its manifest says."""
    folder = home / "data/lensd/lenses/broken.lens"
    shutil.copytree(shipped_lenses_dir() / "thug-life.lens", folder)
    manifest = (folder / "lens.toml").read_text().replace('name = "thug-life"', 'name = "broken"')
    (folder / "lens.toml").write_text(manifest)
    network = bytearray((folder / "generator.onnx").read_bytes())
    network[len(network) // 2] ^= 0xFF
    (folder / "generator.onnx").write_bytes(network)


def test_a_hundred_switches_under_load_leave_no_gap_and_the_last_wins(loopback, daemon, figure):
    broken_lens(daemon.home)
    settled(daemon.start("--camera", "demo", "--lens", "thug-life", "--no-preview"))
    with reading.mmap(loopback, keep=1) as seen:
        seen.wait(60)
        from_ns = time.monotonic_ns()
        names = ("none", "thug-life-overlay", "thug-life", "next", "previous")
        for number in range(100):
            daemon.call("switch", lens=names[number % len(names)])
        daemon.call("switch", lens="thug-life")
        seen.wait(30)
        figure("100 switches, s", round((time.monotonic_ns() - from_ns) / 1e9, 1))
        figure("longest gap, ms", round(seen.longest_gap_ms(from_ns), 1))
        assert seen.longest_gap_ms(from_ns) <= GAP_MS
        assert daemon.status()["lens"] == "thug-life"
        assert daemon.status()["worker"]["lens"] == "thug-life"
        refused = daemon.command("switch", "broken", check=False)
        assert refused.returncode == 65
        assert "generator.onnx" in refused.stderr
        assert "hash" in refused.stderr.lower() or "SHA-256" in refused.stderr
        assert daemon.status()["worker"]["lens"] == "thug-life"
        assert daemon.status()["worker"]["restarts"] == 0


def test_switches_from_many_clients_at_once_all_end(loopback, daemon):
    settled(daemon.start("--camera", "demo", "--lens", "none", "--no-preview"))
    ended: list[str] = []

    def switch(name: str) -> None:
        ended.append(daemon.command("switch", name, check=False).stderr)

    threads = [threading.Thread(target=switch, args=(name,)) for name in ("thug-life", "none", "thug-life-overlay") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(ended) == 9
    assert not [text for text in ended if "Traceback" in text]
    assert daemon.call("switch", lens="thug-life")["lens"] == "thug-life"
    wait_for(lambda: daemon.status()["worker"]["lens"] == "thug-life", 5, "the last one wins")


def test_a_broken_last_lens_gives_a_card_and_never_a_bare_face(loopback, daemon: Daemon, figure):
    broken_lens(daemon.home)
    state = daemon.home / "state/lensd/state.json"
    state.parent.mkdir(parents=True)
    state.write_text(json.dumps({"lens": "broken"}))
    daemon.start("--camera", "demo", "--no-preview")
    daemon.wait_status(40, "the card is on air", on_air="lens-failed", lens="broken")
    with reading.mmap(loopback, keep=90) as seen:
        seen.wait(90)
    deviations = [float(picture[: 1280 * 720].astype(float).std()) for picture in seen.pictures]
    figure("rate of the card", round(seen.fps(), 1))
    assert max(deviations) < 40, "a card is mostly one colour; the demo's deviation is over 50"
    assert seen.fps() >= 27
    assert daemon.command("switch", "thug-life").returncode == 0
    daemon.wait_status(10, "lensed pictures are on air", on_air="worker")
