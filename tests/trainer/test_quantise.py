"""A generator in INT8 and float16: what both runtimes ask of it, and how near it stays."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from click.testing import CliRunner
from onnx import TensorProto, numpy_helper

from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import ConfigError
from lensd.lens.network import check_network
from lensd.lens.open import find_package, lens_of
from lensd.lens.package import open_package
from tests.lens.packages import write_generator
from trainer.calibrate import losses_db, ranges
from trainer.generator import Generator
from trainer.half import halve
from trainer.onnx_graph import generator_onnx
from trainer.quantise import FLOAT_TAIL, float_tensors, per_channel, quantise
from trainer.quantise_command import quantise as command
from trainer.variants import make_variants
from trainer.widen import widen

CROPS = np.random.default_rng(3).integers(0, 256, (6, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> bytes:
    torch.manual_seed(1)
    generator = Generator((8, 8, 16, 16, 16), 1)
    generator(torch.rand(4, 3, 64, 64))
    return generator_onnx(generator.eval(), 64, 2.0)


@pytest.fixture(scope="module")
def narrow(network) -> bytes:
    return quantise(network, ranges(network, float_tensors(network), CROPS[:4], lambda: None))


def constants(content: bytes) -> dict[str, np.ndarray]:
    graph = onnx.load_model_from_string(content).graph
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def test_int8_paints_nearly_the_same_picture_and_passes_the_packages_check(network, narrow):
    assert losses_db(network, narrow, CROPS[4:]).min() > 35
    assert check_network(narrow, 64, "int8").macs == check_network(network, 64, "float").macs
    assert len(narrow) < len(network)


def test_every_zero_point_is_zero_and_no_bias_is_quantised(narrow):
    held = constants(narrow)
    graph = onnx.load_model_from_string(narrow).graph
    pairs = [node for node in graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert pairs
    assert not any(held[node.input[2]].any() for node in pairs)
    assert all(held[node.input[2]].dtype in (np.int8, np.uint8) for node in pairs)
    biases = [node.input[2] for node in graph.node if node.op_type == "Conv" and len(node.input) > 2]
    assert biases
    assert all(held[name].dtype == np.float32 for name in biases)


def test_only_what_comes_out_of_a_relu_is_unsigned(narrow):
    held = constants(narrow)
    graph = onnx.load_model_from_string(narrow).graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            assert (held[node.input[2]].dtype == np.uint8) == (made_by[node.input[0]] == "Relu")


def test_unsigned_tensors_fill_half_their_range_since_tensorrt_takes_them_for_signed_ones(network):
    names = float_tensors(network)
    held = constants(quantise(network, dict.fromkeys(names, 6.35)))
    assert all(held[f"{name}_scale"] == pytest.approx(0.05) for name in names)
    assert {held[f"{name}_zero"].dtype for name in names} == {np.dtype(np.uint8), np.dtype(np.int8)}


def test_onnx_runtime_runs_all_but_the_first_and_last_convolutions_on_integers(narrow, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(narrow, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    before = [node.op_type for node in onnx.load_model_from_string(narrow).graph.node]
    in_float = 2 + min(FLOAT_TAIL, before.count("Conv") // 4)
    assert kinds.count("QLinearConv") == before.count("Conv") - in_float > in_float


def test_a_longer_tail_in_float32_comes_nearer(network):
    near = []
    for tail in (0, FLOAT_TAIL):
        names = float_tensors(network, tail=tail)
        content = quantise(network, ranges(network, names, CROPS[:4], lambda: None), tail=tail)
        near.append(losses_db(network, content, CROPS[4:]).mean())
    assert near[0] < near[1]


@pytest.mark.parametrize("scale", [1e-3, 1.0, 50.0])
def test_weights_are_off_by_half_a_step_at_most(scale):
    weight = np.random.default_rng(0).normal(0, scale, (6, 4, 3, 3)).astype(np.float32)
    scales, integers = per_channel(weight)
    back = integers * scales.reshape(-1, 1, 1, 1)
    assert integers.dtype == np.int8
    assert (np.abs(back - weight).max((1, 2, 3)) <= scales * 0.501).all()


def test_float16_holds_no_float32_but_the_scales_of_a_resize(network):
    half = halve(network)
    graph = onnx.load_model_from_string(half).graph
    scales = {node.input[2] for node in graph.node if node.op_type == "Resize"}
    assert {tensor.name for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT} == scales
    assert losses_db(network, half, CROPS[4:]).min() > 55
    check_network(half, 64, "float16")


def test_widened_weights_change_nothing(network):
    wide = widen(network).SerializeToString()
    assert losses_db(network, wide, CROPS[4:]).min() == 99
    assert [node.op_type for node in onnx.load_model_from_string(wide).graph.node].count("Cast") == 2


def test_the_command_adds_both_to_a_package_and_float32_is_run_unless_asked(faces_folder, tmp_path):
    out = tmp_path / "narrow.lens"
    arguments = ["thug-life", "--faces", str(faces_folder), "--out", str(out)]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    package, source = open_package(out), open_package(find_package("thug-life"))
    assert package.network == source.network
    assert package.manifest.teacher == "thug-life-overlay"
    assert "int8: 0.91 MB, golden pair" in result.output
    assert b"int8: 0.91 MB" in package.contents["CARD.md"]
    seen: list[bytes] = []

    def make(content: bytes) -> OnnxRuntimeEngine:
        seen.append(content)
        return OnnxRuntimeEngine(content)

    for precision in ("int8", "float16"):
        lens_of(package, make, precision).close()
        assert seen.pop() == package.contents[f"generator.{precision}.onnx"]
    lens_of(package, make).close()
    assert seen == [source.network]


def test_a_network_without_inner_convolutions_is_refused_with_the_reason(faces_folder, tmp_path):
    package = open_package(write_generator(tmp_path / "box.lens"))
    with pytest.raises(ConfigError, match="cannot be made int8: it has no convolution"):
        make_variants(package, faces_folder, ["int8"])


def test_a_folder_whose_name_is_no_packages_is_refused_before_anything_is_read(tmp_path):
    result = CliRunner().invoke(command, ["thug-life", "--faces", str(tmp_path), "--out", str(tmp_path / "x")])
    assert isinstance(result.exception, ConfigError)
    assert result.exception.hint.endswith("x.lens")
