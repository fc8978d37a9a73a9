"""A plan being built in a process of its own, while a processor runtime may serve."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lensd.config import cache_dir
from lensd.errors import ConfigError, EngineError, RuntimeMissing

if TYPE_CHECKING:
    from collections.abc import Callable

_END_S = 5.0
_NEWS_S = 0.2
_ERRORS = {kind.code: kind for kind in (ConfigError, RuntimeMissing, EngineError)}


class PlanBuild:
    """One build; ask `advance` until it answers. It ends with `close`, or at its next step when its owner is gone.

    Attributes:
        progress: the share done, 0..1.
    """

    def __init__(
        self, network: bytes, runtime: str, *, compute_capability: str | None = None, name: str = "network"
    ) -> None:
        """Start building; the arguments are `plan_build.build_plan`'s."""
        self._what = f"{name} in {runtime}"
        self.progress = 0.0
        self._folder = tempfile.TemporaryDirectory(prefix="lensd-plan-")
        folder = Path(self._folder.name)
        self._plan, self._complaints = folder / "network.plan", folder / "stderr"
        (folder / "network.onnx").write_bytes(network)
        self._log = folder / "build.log"
        command = [sys.executable, "-m", "lensd.engine.plan_build", "--runtime", runtime, "--name", name]
        command += ["--log", str(self._log), "--timings", str(cache_dir() / "plans")]
        if compute_capability:
            command += ["--compute-capability", compute_capability]
        with (folder / "network.onnx").open("rb") as network_file, self._complaints.open("wb") as complaints:
            self._process = subprocess.Popen(
                [*command, str(self._plan)], stdin=network_file, stdout=subprocess.PIPE, stderr=complaints
            )

    def advance(self, timeout_s: float) -> bytes | None:
        """Wait at most `timeout_s` for news; return the plan once it is done, else None.

        Raises:
            EngineError, RuntimeMissing, ConfigError: as `plan_build.build_plan`, or its process died.
        """
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        if not select.select([self._process.stdout], [], [], timeout_s)[0]:
            return None
        line = self._process.stdout.readline()  # lines are short and written whole
        news: dict[str, Any] = json.loads(line) if line.startswith(b"{") else {}
        if "progress" in news:
            self.progress = max(self.progress, float(news["progress"]))
        elif "plan_bytes" in news:
            self.progress = 1.0
            return self._plan.read_bytes()
        elif "error" in news:
            error = news["error"]
            raise _ERRORS.get(error["code"], EngineError)(error["what"], error["why"], error["hint"])
        elif not line:
            raise EngineError(self._what, f"the build ended early: {self._death()}")
        return None

    def result(self, report: Callable[[float], None] = lambda _share: None) -> bytes:
        """Wait for the plan, telling `report` the share done five times a second.

        Raises:
            EngineError, RuntimeMissing, ConfigError: as `advance`.
        """
        while (plan := self.advance(_NEWS_S)) is None:
            report(self.progress)
        report(self.progress)
        return plan

    def log(self) -> str:
        """Return what TensorRT has said so far, a line each; ask before `close`."""
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def _death(self) -> str:
        status = self._process.wait(_END_S)
        said = self._complaints.read_text(errors="replace").strip().splitlines()
        return f"killed by signal {-status}" if status < 0 else said[-1] if said else f"exit status {status}"

    def close(self) -> None:
        """End the build, done or not, and remove its files."""
        self._process.kill()
        self._process.wait(_END_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()
