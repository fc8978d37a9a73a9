"""Write stubs/tensorrt_rtx and stubs/tensorrt from the real modules' own signatures.

    pip install tensorrt-rtx pybind11-stubgen ruff
    pip download --no-deps -d DIR tensorrt_cu13_bindings
    python scripts/make_trt_stubs.py DIR/tensorrt_cu13_bindings-*.whl

Only what lensd uses is kept. TensorRT for RTX says its signatures without a GPU; the full TensorRT cannot even be
imported without its libraries, so its stub takes those of TensorRT for RTX, name by name, where its compiled module
names the same class and member, and leaves out the rest.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

STUBS = Path(__file__).resolve().parent.parent / "stubs"
RTX = "tensorrt_rtx"
# Class to members; an empty tuple keeps the values of an enumeration.
USED: dict[str, tuple[str, ...]] = {
    "DataType": (),
    "TensorIOMode": (),
    "ComputeCapability": (),
    "ExecutionContextAllocationStrategy": (),
    "Dims": ("__len__", "__getitem__"),
    "ILogger": ("ERROR", "INTERNAL_ERROR", "WARNING", "__init__", "log"),
    "IProgressMonitor": ("__init__", "phase_start", "step_complete", "phase_finish"),
    "IHostMemory": ("nbytes",),
    "ITensor": ("name", "shape", "dtype"),
    "INetworkDefinition": ("num_inputs", "num_outputs", "get_input", "get_output"),
    "ParserError": ("desc", "node"),
    "OnnxParser": ("__init__", "parse", "num_errors", "get_error"),
    "ITimingCache": ("serialize",),
    "IBuilderConfig": (
        "progress_monitor",
        "num_compute_capabilities",
        "set_compute_capability",
        "create_timing_cache",
        "set_timing_cache",
        "get_timing_cache",
        "add_optimization_profile",
    ),
    "Builder": (
        "__init__",
        "create_network",
        "create_builder_config",
        "create_optimization_profile",
        "build_serialized_network",
    ),
    "Runtime": ("__init__", "deserialize_cuda_engine"),
    "ICudaEngine": (
        "num_io_tensors",
        "get_tensor_name",
        "get_tensor_mode",
        "get_tensor_shape",
        "get_tensor_dtype",
        "get_tensor_profile_shape",
        "create_execution_context",
    ),
    "IExecutionContext": ("set_input_shape", "set_tensor_address", "execute_async_v3"),
    "IOptimizationProfile": ("set_shape",),
}
KNOWN = {*USED, "Buffer", "ClassVar", "SupportsInt", "SupportsIndex", "None", "Any", "Severity", "Sequence"}
BUFFERS = ("IHostMemory",)  # the buffer protocol has no signature that pybind11 could tell
# How pybind11 spells what Python calls otherwise.
PLAIN = (
    (r"\btyping\.SupportsInt( \| typing\.SupportsIndex)?\b", "int"),
    (r"\bcollections\.abc\.Buffer\b|\btyping_extensions\.Buffer\b", "Buffer"),
    (r"\btyping\.(ClassVar|Any|overload)\b", r"\1"),
    (r"\bILogger\.Severity\b", "object"),
    (r"-> \.\.\.:", "-> ParserError:"),  # a C++ name
    (r"-> (IHostMemory|ICudaEngine|IExecutionContext|ITimingCache):", r"-> \1 | None:"),  # a null pointer
    (r"-> tuple:", "-> tuple[int, ...]:"),
    (r": (\w+) = None", r": \1 | None = None"),
    (r"\bshape: tuple\)", "shape: tuple[int, ...])"),
    (r"\bshape: list\)", "shape: list[int])"),
    (r"\b(min|opt|max): Dims\b", r"\1: Dims | tuple[int, ...]"),  # pybind11 converts it
)


def generated(folder: Path) -> str:
    """Return what pybind11-stubgen writes about TensorRT for RTX; some of it is not Python."""
    module = f"{RTX}_bindings.{RTX}"
    command = [sys.executable, "-m", "pybind11_stubgen", module, "-o", str(folder)]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return (folder / f"{RTX}_bindings" / f"{RTX}.pyi").read_text()


def class_stub(text: str, name: str, members: tuple[str, ...]) -> list[str]:
    """Return the lines of one class: the members named, in their order, or an enumeration's values."""
    if (start := re.search(rf"^class {name}\b.*:$", text, re.MULTILINE)) is None:
        raise SystemExit(f"{RTX} has no class {name}")
    body = text[start.end() :].split("\nclass ", 1)[0]
    lines = [start.group()]
    if not members:
        values = re.findall(rf"^    (\w+): typing\.ClassVar\[{name}\]", body, re.MULTILINE)
        return [*lines, *(f"    {value}: ClassVar[{name}]" for value in values)]
    for member in members:
        found = re.findall(rf"^((?:    @.*\n)*    (?:def {member}\(.*\).*:|{member}: .*))$", body, re.MULTILINE)
        if not found:
            raise SystemExit(f"{RTX} has no {name}.{member}")
        overloads = [signature for signature in found if set(re.findall(r"\b[A-Z]\w*[a-z0-9]\b", signature)) <= KNOWN]
        for signature in overloads:
            lines += [line for line in signature.splitlines() if len(overloads) > 1 or "overload" not in line]
    if name in BUFFERS:
        lines.append("    def __buffer__(self, flags: int, /) -> memoryview: ...")
    return lines


def plain(line: str) -> str:
    """Return a signature in Python's own words."""
    for pattern, replacement in PLAIN:
        line = re.sub(pattern, replacement, line)
    return f"{line} ..." if line.endswith(":") and "def " in line else line


def version(wheel: Path) -> str:
    """Return the version in a wheel's name."""
    return wheel.name.split("-")[1]


def main() -> None:
    """Write both stubs."""
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    wheel = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        text = generated(Path(folder))
    with zipfile.ZipFile(wheel) as archive:
        compiled = archive.read("tensorrt_bindings/tensorrt.so")
    import tensorrt_rtx  # not needed for the usage text

    head = "# Written by scripts/make_trt_stubs.py from {};\n# only what lensd uses.\n"
    imports = "from typing import ClassVar, overload\n\nfrom typing_extensions import Buffer\n\n__version__: str\n\n"
    classes = {name: class_stub(text, name, members) for name, members in USED.items()}
    rtx = head.format(f"tensorrt_rtx {tensorrt_rtx.__version__}") + imports
    rtx += "\n".join(plain(line) for lines in classes.values() for line in lines)
    # A compiled pybind11 module holds each name as a C string, perhaps as the tail of a longer one.
    shared = [name for name in USED if f"{name}\0".encode() in compiled]
    for name, member in ((cls, member) for cls in shared for member in USED[cls]):
        if not (member.startswith("__") or "compute_cap" in member or f"{member}\0".encode() in compiled):
            raise SystemExit(f"tensorrt {version(wheel)} has no {name}.{member}")
    full = head.format(f"tensorrt {version(wheel)} (names) and tensorrt_rtx (signatures)")
    full += (
        "from tensorrt_rtx import (\n"
        + "".join(f"    {name} as {name},\n" for name in shared)
        + ")\n\n__version__: str\n"
    )
    for module, content in ((RTX, rtx), ("tensorrt", full)):
        path = STUBS / module / "__init__.pyi"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        subprocess.run(["ruff", "format", "--quiet", str(path)], check=True)
        sys.stdout.write(f"{path.relative_to(STUBS.parent)}: {len(content.splitlines())} lines\n")


if __name__ == "__main__":
    main()
