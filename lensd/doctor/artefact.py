"""What a runtime runs, made of a lens and proved on its golden pair before anything is kept.

For TensorRT and TensorRT for RTX that is a plan, built in a process of its own; every other runtime runs the package's
own network. Where the GPU that a plan is for is not here, the plan cannot be run: then the network it was built from is
what was proved, and the artefact says so.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lensd.engine.cuda import gpu
from lensd.engine.plan_build import TIMINGS
from lensd.engine.plan_process import PlanBuild
from lensd.engine.tensorrt import TensorRtEngine, keep_plan
from lensd.errors import ConfigError, LensError, RuntimeMissing
from lensd.lens.network import check_network
from lensd.tuning.prove import Proof, prove, prove_engine
from lensd.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lensd.config import RuntimeChoice
    from lensd.lens.manifest import Precision
    from lensd.lens.package import LensPackage

BUILT = ("tensorrt", "tensorrt-rtx")
_MODULES = {
    "tensorrt": "tensorrt",
    "tensorrt-rtx": "tensorrt_rtx",
    **dict.fromkeys(("openvino", "openvino-gpu", "openvino-npu"), "openvino"),
}


@dataclass(frozen=True, slots=True)
class Artefact:
    """One file that a runtime runs.

    Attributes:
        lens, runtime, precision: of which lens, for what, with which of its networks.
        version: of the runtime's module; empty where nobody says.
        compute_capability: of the GPU that a plan is for, such as "8.9"; empty for a network.
        content: the file.
        network_sha256: of the network that it is, or was built from.
        seconds: that the build took; 0 for a network.
        log: what TensorRT said meanwhile, a line each; empty for a network.
        network: the network's proof in ONNX Runtime, for a plan; None where the artefact is the network.
        proof: of the artefact itself; None where it cannot be run here.
        unproved: why not; empty where it was.
    """

    lens: str
    runtime: str
    precision: str
    version: str
    compute_capability: str
    content: bytes
    network_sha256: str
    seconds: float
    log: str
    network: Proof | None
    proof: Proof | None
    unproved: str

    @property
    def name(self) -> str:
        """The file's name: LENS.onnx, LENS.int8.onnx, LENS-tensorrt-rtx-sm89.plan."""
        precision = "" if self.precision == "float32" else self.precision
        if self.runtime not in BUILT:
            return ".".join(filter(None, (self.lens, precision, "onnx")))
        kind = "-".join(filter(None, (self.lens, self.runtime, precision)))
        return f"{kind}-sm{self.compute_capability.replace('.', '')}.plan"

    @property
    def timings(self) -> str:
        """What the log says of the timing cache; empty for a network."""
        lines = [line for line in self.log.splitlines() if line.startswith(TIMINGS)]
        return lines[-1].removeprefix(TIMINGS) if lines else ""

    def facts(self) -> dict[str, Any]:
        """Return what is written beside the file, as JSON carries it: all but its content and the log."""
        values = {name: getattr(self, name) for name in self.__slots__ if name not in ("content", "log")}
        for name in ("network", "proof"):
            values[name] = None if values[name] is None else asdict(values[name])
        head = {"file": self.name, "bytes": len(self.content), "sha256": hashlib.sha256(self.content).hexdigest()}
        return {**head, **values, "seconds": round(self.seconds, 3), "timing_cache": self.timings}

    def write(self, folder: Path) -> list[Path]:
        """Write the file into `folder`, what is known of it beside it as JSON, and the log; the file itself last.

        Raises:
            ConfigError: the folder cannot be written.
        """
        path = folder / self.name
        facts = path.with_name(f"{path.name}.json")
        contents = {facts: json.dumps(self.facts(), indent=1).encode() + b"\n", path: self.content}
        if self.log:
            contents = {path.with_suffix(".log"): self.log.encode(), **contents}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for each, content in contents.items():
                write_whole(each, content)
        except OSError as error:
            raise ConfigError(str(path), error.strerror or str(error), "--output FOLDER") from error
        return list(contents)


def make_artefact(
    package: LensPackage,
    runtime: RuntimeChoice,
    precision: Precision = "float32",
    compute_capability: str | None = None,
    tell: Callable[[float], None] = lambda _share: None,
) -> Artefact:
    """Return what `runtime` runs of the generator in `package`, proved on the golden pair as far as it can be here.

    A plan for this machine's own GPU is also kept where the daemon finds it.

    Args:
        package: of kind generator.
        runtime: not "auto".
        precision: which of its networks.
        compute_capability: of another GPU, such as "8.9"; None takes this machine's.
        tell: told the share of a build that is done, 0..1.

    Raises:
        LensError: no such network, one that is not allowed, or another picture than the golden one.
        EngineError: the runtime is missing, or cannot build or run it.
        ConfigError: a compute capability for what is not built.
    """
    crop, network = package.manifest.crop, package.network_in(precision)  # raises where there is none
    if crop is None:
        raise LensError(f"lens {package.name}", "has no network", "lensd lenses")
    check_network(network, crop.size_px, f"{package.name}.lens in {precision}")
    digest = hashlib.sha256(network).hexdigest()
    if runtime not in BUILT:
        if compute_capability:
            raise ConfigError("--compute-capability", f"{runtime} runs the package's own network; nothing is built")
        own = prove(package, runtime, precision)
        return Artefact(
            package.name, runtime, precision, _version(runtime), "", network, digest, 0.0, "", None, own, ""
        )
    reference = prove(package, "onnxruntime", precision)  # a minute's build of a wrong network would be for nothing
    plan, log, seconds = _built(network, package.name, runtime, compute_capability, tell)
    here, unproved = _gpu_here(compute_capability)
    proof: Proof | None = None
    if here:
        engine = TensorRtEngine(network, runtime=runtime, name=f"lens {package.name}", plan=plan)
        with closing(engine):
            proof = prove_engine(package, engine, precision)
        keep_plan(network, runtime, plan)
    return Artefact(
        lens=package.name,
        runtime=runtime,
        precision=precision,
        version=_version(runtime),
        compute_capability=compute_capability or here,
        content=plan,
        network_sha256=digest,
        seconds=seconds,
        log=log,
        network=reference,
        proof=proof,
        unproved=unproved,
    )


def _built(
    network: bytes, name: str, runtime: str, compute_capability: str | None, tell: Callable[[float], None]
) -> tuple[bytes, str, float]:
    """Return plan, log and seconds."""
    begin = time.monotonic()
    with closing(PlanBuild(network, runtime, compute_capability=compute_capability, name=name)) as build:
        plan = build.result(tell)
        return plan, build.log(), time.monotonic() - begin


def _gpu_here(compute_capability: str | None) -> tuple[str, str]:
    """Return this machine's compute capability if a plan for `compute_capability` runs on it, else why it does not."""
    try:
        here = "{}.{}".format(*gpu().compute_capability)
    except RuntimeMissing as error:
        return "", f"there is no GPU here: {error.why}"
    if compute_capability in {None, here}:
        return here, ""
    return "", f"it is for GPUs of compute capability {compute_capability}, and this one has {here}"


def _version(runtime: str) -> str:
    try:
        return importlib.metadata.version(_MODULES.get(runtime, "onnxruntime"))
    except importlib.metadata.PackageNotFoundError:  # onnxruntime-gpu brings the same module under its own name
        return ""
