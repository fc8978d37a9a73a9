"""Headless Chromium, driven through the DevTools protocol over its pipe: as little as the page's tests need."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One browser with one tab."""

    def __init__(self, profile, *, width=1280, height=860):
        their_in, our_out = os.pipe()
        our_in, their_out = os.pipe()
        flags = [
            "--headless=new",
            "--no-sandbox",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            f"--user-data-dir={profile}",
            f"--window-size={width},{height}",
            "--remote-debugging-pipe",
        ]
        # The pipe is descriptors 3 and 4, which only a shell can promise.
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{their_in} 4>&{their_out}', "bash", CHROMIUM, *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(their_in, their_out),
            process_group=0,
        )
        os.close(their_in)
        os.close(their_out)
        self._out, self._in = our_out, our_in
        self._pending, self._id, self._session = b"", 0, None
        self.events, self._front = [], None
        targets = self("Target.getTargets")["targetInfos"]
        self._target = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self(f"{domain}.enable")

    def __call__(self, method, **params):
        """Send a command and return its result."""
        self._id += 1
        message = {"id": self._id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._id:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _receive(self):
        while b"\0" not in self._pending:
            data = os.read(self._in, 1 << 20)
            assert data, "Chromium has ended"
            self._pending += data
        line, self._pending = self._pending.split(b"\0", 1)
        return json.loads(line)

    def open(self, address):
        self("Page.navigate", url=address)

    def run(self, expression):
        """Return the value of a JavaScript expression, awaited where it is a promise."""
        result = self("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def until(self, expression, timeout_s=15.0):
        """Wait until the expression is true, and return its value."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            if value := self.run(expression):
                return value
            time.sleep(0.05)
        raise AssertionError(
            f"not within {timeout_s} s: {expression}; the page says: {self.run('document.body.innerText')}"
        )

    def click(self, selector):
        """Press and release the mouse in the middle of an element, brought into view first."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'nearest'}})")
        box = f"document.querySelector({json.dumps(selector)}).getBoundingClientRect()"
        x, y = self.run(f"(({{left, top, width, height}}) => [left + width / 2, top + height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            self("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key, **more):
        for kind in ("keyDown", "keyUp"):
            self("Input.dispatchKeyEvent", type=kind, key=key, **more)

    def hide(self):
        """Bring another tab to the front."""
        self._front = self._to_browser("Target.createTarget", url="about:blank")["targetId"]

    def bring_back(self):
        """Close the other tab again."""
        if self._front:
            self("Page.bringToFront")
            self._to_browser("Target.closeTarget", targetId=self._front)
            self._front = None

    def _to_browser(self, method, **params):
        session, self._session = self._session, None
        try:
            return self(method, **params)
        finally:
            self._session = session

    def screenshot(self, path=None):
        picture = base64.b64decode(self("Page.captureScreenshot", format="png")["data"])
        if path:
            path.write_bytes(picture)
        return picture

    def problems(self):
        """Return what the browser complained of: exceptions, console errors, refusals by the page's policy."""
        self.run("0")  # everything that was said before has arrived then
        kinds = {"Runtime.exceptionThrown", "Log.entryAdded"}
        said = [event["params"] for event in self.events if event.get("method") in kinds]
        return [params for params in said if params.get("entry", {}).get("level", "error") == "error"]

    def close(self):
        os.close(self._out)  # it ends by itself when its pipe does
        os.close(self._in)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
