"""Real lens packages, small enough to make in every test."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIZE = 64


def box_network(size: int = SIZE, *, colour=(200, 30, 30), matte: float = 255.0) -> onnx.ModelProto:
    """A network that paints a box of one colour in the middle of its picture, a quarter of the side from each edge.

    The picture takes part, so that no runtime may fold it away: its values times 1e-6 are added.
    """
    plane = np.zeros((1, 4, size, size), np.float32)
    plane[0, :3] = np.array(colour, np.float32)[:, None, None]
    plane[0, 3, size // 4 : -size // 4, size // 4 : -size // 4] = matte
    weights = np.full((4, 3, 1, 1), 1e-6, np.float32)
    nodes = [
        helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "weights"], ["mixed"], kernel_shape=[1, 1]),
        helper.make_node("Add", ["mixed", "box"], ["painted"]),
        helper.make_node("Clip", ["painted", "low", "high"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["y"], to=TensorProto.UINT8),
    ]
    constants = {"weights": weights, "box": plane, "low": np.float32(0), "high": np.float32(255)}
    graph = helper.make_graph(
        nodes,
        "box",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, size, size, 3])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, size, size, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def webp() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (90, 90, 90)).save(stream, "WEBP")
    return stream.getvalue()


def box_picture(size: int = SIZE, colour=(200, 30, 30)) -> np.ndarray:
    """What `box_network` paints: (size, size, 4) uint8."""
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[..., :3] = colour
    pixels[size // 4 : -size // 4, size // 4 : -size // 4, 3] = 255
    return pixels


def seal(folder: Path, manifest: str) -> Path:
    """Write lens.toml with the hashes of all that lies in `folder`."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    hashes = [(name, hashlib.sha256((folder / name).read_bytes()).hexdigest()) for name in names if name != "lens.toml"]
    text = manifest + "\n[files]\n" + "".join(f'"{name}" = "{digest}"\n' for name, digest in hashes)
    (folder / "lens.toml").write_text(text)
    return folder


def head(name: str, kind: str) -> str:
    return (
        f'schema = 1\nname = "{name}"\ntitle = "A test"\nversion = "1.0.0"\nauthor = "Tests"\n'
        f'licence = "MIT"\nkind = "{kind}"\ntags = ["test"]\n'
    )


def write_generator(
    folder: Path,
    *,
    network: onnx.ModelProto | bytes | None = None,
    teacher: str = "",
    size=SIZE,
    int8: bytes | None = None,
) -> Path:
    folder.mkdir(parents=True)
    (folder / "golden").mkdir()
    network = network if network is not None else box_network(size)
    content = network if isinstance(network, bytes) else network.SerializeToString()
    (folder / "generator.onnx").write_bytes(content)
    (folder / "golden/in.png").write_bytes(png(np.full((size, size, 3), 100, np.uint8)))
    (folder / "golden/out.png").write_bytes(png(box_picture(size)))
    (folder / "preview.webp").write_bytes(webp())
    (folder / "CARD.md").write_text("# A test\n")
    (folder / "LICENSE").write_text("MIT\n")
    tables = f'[crop]\nside = 1.6\nup = 0.05\nsize_px = {size}\n[generator]\nnetwork = "generator.onnx"\n'
    if int8 is not None:
        (folder / "generator.int8.onnx").write_bytes(int8)
        tables += '[generator.int8]\nnetwork = "generator.int8.onnx"\ngolden_psnr_db = 35\n'
    if teacher:
        tables += f'[teacher]\noverlay = "{teacher}"\n'
    return seal(folder, head(folder.name.removesuffix(".lens"), "generator") + tables)


def write_overlay(folder: Path, *, centre=(0.0, -0.19), width=0.8) -> Path:
    folder.mkdir(parents=True)
    pixels = np.zeros((32, 64, 4), np.uint8)
    pixels[4:-4, 4:-4] = (200, 30, 30, 255)
    (folder / "dots.png").write_bytes(png(pixels))
    (folder / "preview.webp").write_bytes(webp())
    (folder / "LICENSE").write_text("MIT\n")
    tables = f'[[sticker]]\nimage = "dots.png"\nanchor = "eyes"\ncentre = [{centre[0]}, {centre[1]}]\nwidth = {width}\n'
    return seal(folder, head(folder.name.removesuffix(".lens"), "overlay") + tables)
