"""What the documents say of the format is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from lensd.lens import container, network, shapes
from lensd.lens.manifest import MANIFEST_BYTES_MAX, SCHEMA, parse_manifest
from lensd.lens.shape_rules import ALLOWED_OPERATORS
from lensd.sharing.examine import LIMITS
from lensd.worker.bounds import worker_limits

DOCS = Path(__file__).resolve().parents[2] / "docs"
FORMAT = (DOCS / "lens-format.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", FORMAT, re.DOTALL)


def test_the_operators_that_are_allowed_are_those_that_are_listed():
    (listed,) = blocks("text")
    assert set(re.split(r"[,\s]+", listed.strip())) == ALLOWED_OPERATORS


def test_the_examples_are_manifests():
    overlay, tables = blocks("toml")
    assert parse_manifest(overlay.encode(), "lens.toml").stickers[0].width == 1.05
    head = overlay.split("[[sticker]]")[0].replace('kind = "overlay"', 'kind = "generator"')
    names = ("generator.onnx", "generator.int8.onnx", "golden/in.png", "golden/out.png")
    files = "[files]\n" + "".join(f'"{name}" = "{"0" * 64}"\n' for name in names)
    generator = parse_manifest(f"{head}{tables}{files}".encode(), "lens.toml").generator
    assert generator.int8.golden_psnr_db == 37.0


def test_the_bounds_are_those_of_the_code():
    text = " ".join(FORMAT.split())
    assert f"# The lens package, schema {SCHEMA}" in text
    assert f"at most {container.FILES_MAX} files and {container.TOTAL_BYTES_MAX >> 20} MiB" in text
    assert f"at most {MANIFEST_BYTES_MAX >> 10} KiB" in text
    assert f"{network.NETWORK_BYTES_MAX >> 20} MiB, opset {network.OPSET_MIN} to {network.OPSET_MAX}" in text
    for bound in (shapes.ELEMENTS_MAX, shapes.ELEMENTS_SUM_MAX, shapes.MACS_MAX):
        assert f"{bound:,}" in text
    assert f"{LIMITS.address_bytes >> 30} GiB of address space, {LIMITS.cpu_s} s" in text
    assert f"{(worker_limits().data_bytes or 8 << 30) >> 30} GiB of memory of its own" in text
    assert "prove a package whole, not who made it" in text
