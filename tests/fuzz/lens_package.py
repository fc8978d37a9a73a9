"""Hostile bytes into everything that reads a lens package: `python -m tests.fuzz.lens_package [OPTIONS]`.

atheris (libFuzzer) steers by what the bytes reach in our code. An input's first byte chooses the door: a zip, a
lens.toml, a network, a picture's header, or a package with right hashes round a network or a picture. Whatever comes
in, what comes out is a result or a LensError; anything else, a second of a processor or 512 MB of memory end the run,
with the input kept as a file. Options are libFuzzer's (-max_total_time=600); without any it runs for a minute. It ends
with how many inputs there were.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
import zipfile
from pathlib import Path

import atheris
import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.fuzz_target import fuzz

with atheris.instrument_imports(include=["lensd.lens"]):
    from lensd.errors import LensError
    from lensd.lens.manifest import parse_manifest
    from lensd.lens.network import check_network
    from lensd.lens.package import open_package
    from lensd.lens.picture_headers import check_png, check_webp

LENSES = Path(__file__).resolve().parents[2] / "lensd" / "lenses"
SEED_BYTES_MAX = 64 * 1024
CPU_S_MAX = 1.0  # libFuzzer's own clock goes on while others have the processor
_MEMORY = os.memfd_create("package")
_PACKAGE = Path(f"/proc/self/fd/{_MEMORY}")
_GOLDEN = {name: (LENSES / "thug-life.lens" / name).read_bytes() for name in ("golden/in.png", "golden/out.png")}
_HEAD = (LENSES / "thug-life.lens" / "lens.toml").read_text().split("[files]")[0]


def zip_of(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def sealed(files: dict[str, bytes]) -> bytes:
    """A package of these files, with right hashes, as a zip."""
    listed = "".join(f'"{name}" = "{hashlib.sha256(content).hexdigest()}"\n' for name, content in files.items())
    return zip_of({**files, "lens.toml": f"{_HEAD}[files]\n{listed}".encode()})


def opened(content: bytes) -> None:
    os.ftruncate(_MEMORY, 0)
    os.pwrite(_MEMORY, content, 0)
    package = open_package(_PACKAGE)
    if package.manifest.crop is not None:
        check_network(package.network, package.manifest.crop.size_px, "x")


DOORS = (
    opened,
    lambda content: parse_manifest(content, "lens.toml"),
    lambda content: check_network(content, 256, "generator.onnx"),
    lambda content: check_png(content, "x", 4) if content[:1] == b"\x89" else check_webp(content, "x"),
    lambda content: opened(sealed({**_GOLDEN, "generator.onnx": content})),
    lambda content: opened(sealed({**_GOLDEN, "generator.onnx": b"\x08\x08", "preview.webp": content})),
)


def one_input(data: bytes) -> None:
    if data:
        began_s = time.process_time()
        with contextlib.suppress(LensError):
            DOORS[data[0] % len(DOORS)](data[1:])
        if time.process_time() - began_s > CPU_S_MAX:
            raise RuntimeError(f"took more than {CPU_S_MAX:g} s of processor time")


def small_network() -> bytes:
    """A network that passes: one operator after another, of many kinds, with hardly any weights."""
    constants = {
        "kernel": np.full((4, 3, 3, 3), 0.01, np.float32),
        "up": np.full((4, 4, 2, 2), 0.01, np.float32),
        "ones": np.ones(4, np.float32),
        "scale": np.float32(0.5),
        "zero": np.uint8(0),
        "sides": np.array([1, 1, 2, 2], np.float32),
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "starts": np.array([1, 1]),
        "ends": np.array([-1, -1]),
        "axes": np.array([2, 3]),
        "shape": np.array([1, 4, 256, -1]),
    }
    steps: list[tuple[str, list[str], dict[str, object]]] = [
        ("Cast", [], {"to": TensorProto.FLOAT}),
        ("Transpose", [], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["kernel"], {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
        ("InstanceNormalization", ["ones", "ones"], {}),
        ("LeakyRelu", [], {"alpha": 0.2}),
        ("QuantizeLinear", ["scale", "zero"], {}),
        ("DequantizeLinear", ["scale", "zero"], {}),
        ("ConvTranspose", ["up"], {"strides": [2, 2]}),
        ("AveragePool", [], {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Resize", ["", "sides"], {}),
        ("SpaceToDepth", [], {"blocksize": 2}),
        ("DepthToSpace", [], {"blocksize": 2}),
        ("Pad", ["pads"], {}),
        ("Slice", ["starts", "ends", "axes"], {}),
        ("Reshape", ["shape"], {}),
        ("Softmax", [], {"axis": 1}),
        ("Transpose", [], {"perm": [0, 2, 3, 1]}),
    ]
    nodes = [
        helper.make_node(kind, [f"n{at}", *more], [f"n{at + 1}"], **attributes)
        for at, (kind, more, attributes) in enumerate(steps)
    ]
    nodes.append(helper.make_node("Cast", [f"n{len(steps)}"], ["y"], to=TensorProto.UINT8))
    graph = helper.make_graph(
        nodes,
        "seed",
        [helper.make_tensor_value_info("n0", TensorProto.UINT8, [1, 256, 256, 3])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, 256, 256, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    content = bytes(model.SerializeToString())
    check_network(content, 256, "seed")
    return content


def seeds(folder: Path) -> None:
    """Begin with what is right: the lenses that come with lensd, and small networks."""
    for at, lens in enumerate(sorted(LENSES.glob("*.lens"))):
        files = {str(path.relative_to(lens)): path.read_bytes() for path in sorted(lens.rglob("*")) if path.is_file()}
        found = [(0, zip_of(files)), (1, files["lens.toml"]), (3, files["preview.webp"]), (5, files["preview.webp"])]
        found += [(3, content) for name, content in files.items() if name.endswith(".png")]
        found += [
            (door, content[:SEED_BYTES_MAX]) for door in (2, 4) for name, content in files.items() if ".onnx" in name
        ]
        for number, (door, content) in enumerate(found):
            (folder / f"{at}-{number}").write_bytes(bytes([door]) + content[:SEED_BYTES_MAX])


if __name__ == "__main__":
    fuzz(one_input, seeds, SEED_BYTES_MAX, timeout_s=60)
