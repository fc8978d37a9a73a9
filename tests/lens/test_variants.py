"""A lens's network in other precisions: named strictly, checked like the first, run where it is asked for."""

from __future__ import annotations

import pytest

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import GoldenMismatch, ManifestError, PackageError
from lensd.lens.manifest import VariantSpec, parse_manifest
from lensd.lens.open import lens_of
from lensd.lens.package import open_package
from tests.lens.packages import box_network, seal, write_generator

OTHER = box_network(colour=(205, 30, 30)).SerializeToString()
HOSTILE = box_network(matte=0.0).SerializeToString()


@pytest.fixture
def both(tmp_path):
    return write_generator(tmp_path / "both.lens", int8=OTHER)


def altered(folder, old: str, new: str) -> bytes:
    text = (folder / "lens.toml").read_text()
    assert old in text
    return text.replace(old, new).encode()


def test_the_manifest_says_which_networks_there_are(both):
    spec = open_package(both).manifest.generator
    assert spec.variant("float32") == VariantSpec("generator.onnx", 40.0)
    assert spec.variant("int8") == VariantSpec("generator.int8.onnx", 35.0)
    assert spec.variant("float16") is None


def test_float32_is_run_unless_another_is_asked_for(both):
    package, seen = open_package(both), []

    def make(network: bytes) -> OnnxRuntimeEngine:
        seen.append(network)
        return OnnxRuntimeEngine(network)

    lens_of(package, make).close()
    lens_of(package, make, "int8").close()
    assert seen == [package.network, OTHER]


def test_a_network_that_is_not_there_is_refused_with_the_command_that_makes_it(generator):
    with pytest.raises(PackageError, match="has no network in int8") as caught:
        open_package(generator).network_in("int8")
    assert "lensd quantise" in caught.value.hint


def test_the_other_network_is_held_to_its_own_golden_bound(both, tmp_path):
    """5 of 255 in one channel over a quarter of the picture: 45 dB."""
    (both / "lens.toml").write_bytes(altered(both, "golden_psnr_db = 35", "golden_psnr_db = 60"))
    package = open_package(both)
    lens_of(package, OnnxRuntimeEngine).close()
    with pytest.raises(GoldenMismatch, match="60 dB are needed"):
        lens_of(package, OnnxRuntimeEngine, "int8")
    empty = open_package(write_generator(tmp_path / "empty.lens", int8=HOSTILE))
    with pytest.raises(GoldenMismatch, match="draws nothing"):
        lens_of(empty, OnnxRuntimeEngine, "int8")


def test_the_other_network_passes_the_same_check_before_a_runtime_sees_it(tmp_path):
    package = open_package(write_generator(tmp_path / "odd.lens", int8=box_network(128).SerializeToString()))
    with pytest.raises(PackageError, match=r"odd.lens/generator.int8.onnx.*the manifest says"):
        lens_of(package, OnnxRuntimeEngine, "int8")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("golden_psnr_db = 35", "golden_psnr_db = 20", "generator.int8.golden_psnr_db must be a number from 30 to 60"),
        ("golden_psnr_db = 35", "more = 1", "generator.int8.more is unknown"),
        ("[generator.int8]", "[generator.int4]", "generator.int4 is unknown"),
        ('network = "generator.int8.onnx"\n', "", "generator.int8.network is missing"),
        ('network = "generator.int8.onnx"', 'network = "../generator.int8.onnx"', "must be the plain name"),
        ('network = "generator.int8.onnx"', 'network = "a.b.onnx"', "must be the plain name"),
        ('network = "generator.int8.onnx"', 'network = "generator.onnx"', "names one file as two networks"),
        ('network = "generator.int8.onnx"', 'network = "other.onnx"', "lacks 'other.onnx'"),
    ],
)
def test_what_the_schema_does_not_say_is_refused(both, old, new, told):
    with pytest.raises(ManifestError, match=told.replace("(", r"\(")):
        parse_manifest(altered(both, old, new), "lens.toml")


def test_a_network_that_no_table_names_is_foreign(generator):
    (generator / "generator.int8.onnx").write_bytes(OTHER)
    head = (generator / "lens.toml").read_text().split("\n[files]")[0]
    with pytest.raises(ManifestError, match=r"names 'generator\.int8\.onnx'"):
        open_package(seal(generator, head))
