"""Real Chromium: it lists "SnapLens Camera", opens it, and its canvas has the right pixels."""

from __future__ import annotations

import http.server
import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.guest.inside.kernel import set_controls, webcam
from tests.guest.inside.processes import running
from tests.guest.inside.test_guest_end_to_end import settled

pytestmark = pytest.mark.camera

LABEL = "SnapLens Camera"
# vivid's 75 % bars as sRGB, from left to right.
BARS_RGB = (
    (191, 191, 191),
    (191, 191, 0),
    (0, 191, 191),
    (0, 191, 0),
    (191, 0, 191),
    (191, 0, 0),
    (0, 0, 191),
    (0, 0, 0),
)
PAGE = """<!doctype html><title>reader</title><video autoplay muted playsinline></video><script>
async function open_(id) {
  return navigator.mediaDevices.getUserMedia({video: {deviceId: {exact: id}, width: 1280, height: 720}});
}
async function main() {
  const told = {labels: [], refused: {}};
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter(d => d.kind === "videoinput");
  for (const device of devices) {
    let stream;
    try { stream = await open_(device.deviceId); }
    catch (error) { told.refused[device.deviceId] = error.name; continue; }
    const track = stream.getVideoTracks()[0];
    told.labels.push(track.label);
    if (!track.label.startsWith("%LABEL%")) { track.stop(); continue; }
    const video = document.querySelector("video");
    video.srcObject = stream;
    let frames = 0;
    await new Promise(done => {
      const count = () => { frames += 1; frames < 30 ? video.requestVideoFrameCallback(count) : done(); };
      video.requestVideoFrameCallback(count);
    });
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth; canvas.height = video.videoHeight;
    const pen = canvas.getContext("2d");
    pen.drawImage(video, 0, 0);
    told.size = [video.videoWidth, video.videoHeight];
    told.pixels = [...Array(8).keys()].map(n =>
      [...pen.getImageData(Math.floor(canvas.width * (n + 0.5) / 8), 300, 1, 1).data].slice(0, 3));
    track.stop();
  }
  return told;
}
main().catch(error => ({error: String(error)})).then(
  told => fetch("/told", {method: "POST", body: JSON.stringify(told)}));
</script>""".replace("%LABEL%", LABEL)


class Handler(http.server.BaseHTTPRequestHandler):
    answers: queue.Queue[dict[str, Any]]

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def do_POST(self) -> None:
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def what_chromium_sees(profile: Path, timeout_s: float = 120) -> dict[str, Any]:
    """Open the page in headless Chromium and return what it tells."""
    Handler.answers = queue.Queue()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = ["chromium", "--headless=new", "--no-sandbox", "--use-fake-ui-for-media-stream"]
        command += ["--autoplay-policy=no-user-gesture-required", "--disable-dev-shm-usage", "--disable-gpu"]
        command += ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
        command += [f"--user-data-dir={profile}", f"http://127.0.0.1:{server.server_port}/"]
        try:
            with running(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                return Handler.answers.get(timeout=timeout_s)
        finally:
            server.shutdown()


def test_chromium_lists_the_camera_and_its_pixels_are_right(loopback, daemon, figure, tmp_path):
    node = webcam()
    assert node is not None
    set_controls(node, test_pattern=0, osd_text_mode=2)
    settled(daemon.start("--camera", str(node), "--lens", "none", "--no-preview", "--always-on"))
    told = what_chromium_sees(tmp_path / "profile")
    assert [label for label in told["labels"] if label.startswith(LABEL)], told
    assert told["size"] == [1280, 720], told
    assert told["refused"], "the webcam itself is ours, and not for others"
    pairs = zip(told["pixels"], BARS_RGB, strict=True)
    worst = max(abs(got - want) for seen, right in pairs for got, want in zip(seen, right, strict=True))
    figure("chromium's pixels off by", worst)
    assert worst <= 4, told["pixels"]
