"""Networks, real ONNX files made with the onnx package: allowed ones pass, each forbidden one is named."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lensd.errors import PackageError
from lensd.lens.network import check_network
from lensd.lens.onnx_file import read_network
from lensd.lens.protobuf import Field, MessageReader, Wire, signed
from lensd.lens.shape_rules import ALLOWED_OPERATORS
from tests.lens.packages import SIZE, box_network

WHOLE = box_network().SerializeToString()


def refuse(model: onnx.ModelProto | bytes, told: str) -> PackageError:
    content = model if isinstance(model, bytes) else model.SerializeToString()
    with pytest.raises(PackageError, match=told) as caught:
        check_network(content, SIZE, "tiny.lens/generator.onnx")
    assert caught.value.what == "tiny.lens/generator.onnx"
    return caught.value


def with_node(*nodes: onnx.NodeProto) -> onnx.ModelProto:
    model = box_network()
    model.graph.node.extend(nodes)
    return model


def test_a_plain_network_passes_with_its_figures():
    facts = check_network(WHOLE, SIZE, "x")
    assert facts.operators["Conv"] == 1
    assert facts.parameters == 4 * SIZE * SIZE + 12 + 2
    assert facts.macs == SIZE * SIZE * 12


def test_our_reader_sees_what_the_onnx_package_sees():
    network, model = read_network(WHOLE, "x"), onnx.load_from_string(WHOLE)
    assert [(n.operator, list(n.inputs), list(n.outputs)) for n in network.nodes] == [
        (n.op_type, list(n.input), list(n.output)) for n in model.graph.node
    ]
    for tensor in model.graph.initializer:
        ours = network.constants[tensor.name]
        assert ours.shape == tuple(tensor.dims)
        assert bytes(ours.raw) == numpy_helper.to_array(tensor).tobytes()


@pytest.mark.parametrize(
    "operator", ["Loop", "If", "Scan", "NonZero", "RandomNormal", "SequenceAt", "Range", "ConstantOfShape"]
)
def test_an_operator_outside_the_list_is_named(operator):
    assert operator not in ALLOWED_OPERATORS
    refuse(with_node(helper.make_node(operator, ["x"], ["z"])), f"operator '{operator}', which is not on the list")


def test_a_loop_with_its_body_is_refused():
    body = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
    refuse(with_node(helper.make_node("Loop", ["n", "c"], ["z"], body=body)), "a subgraph in operator 'Loop'")


def test_a_subgraph_hidden_in_an_allowed_operator_is_refused():
    inner = helper.make_graph([helper.make_node("Loop", ["a"], ["b"])], "inner", [], [])
    refuse(with_node(helper.make_node("Relu", ["x"], ["z"], extra=inner)), "a subgraph in operator 'Relu'")


@pytest.mark.parametrize("domain", ["com.microsoft", "ai.onnx.ml", "evil"])
def test_operators_of_others_are_refused(domain):
    refuse(with_node(helper.make_node("Relu", ["x"], ["z"], domain=domain)), f"an operator of '{domain}'")
    model = box_network()
    model.opset_import.append(helper.make_opsetid(domain, 1))
    refuse(model, f"needs the operators of '{domain}'")


def test_local_functions_are_refused():
    model = box_network()
    relu = helper.make_node("Relu", ["a"], ["b"])
    model.functions.append(helper.make_function("mine", "Twice", ["a"], ["b"], [relu], [helper.make_opsetid("", 17)]))
    refuse(model, "has field 25 in a ModelProto")


def test_weights_in_another_file_are_refused():
    model = box_network()
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    refuse(model, "keeps constant 'weights' in another file")


def test_a_constant_that_says_it_has_ten_gigabytes_is_refused():
    model = box_network()
    model.graph.initializer[0].dims[:] = [2_500_000, 1000]
    refuse(model, "says that constant 'weights' has 2500000000 elements, and holds 12")


def test_a_constant_hidden_in_an_attribute_is_bounded_too():
    tensor = TensorProto(dims=[1 << 30], data_type=TensorProto.FLOAT, raw_data=b"\0" * 4, name="big")
    refuse(with_node(helper.make_node("Constant", [], ["z"], value=tensor)), "elements, and holds 1")


def test_sparse_constants_are_refused():
    model = box_network()
    sparse = model.graph.sparse_initializer.add()
    sparse.dims[:] = [1 << 40]
    refuse(model, "has field 15 in a GraphProto")


@pytest.mark.parametrize("size", [96, 256])
def test_another_size_than_the_manifests_is_refused(size):
    refuse(box_network(size), rf"input of shape \(1, {size}, {size}, 3\)")


def test_a_network_with_two_inputs_is_refused():
    model = box_network()
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.UINT8, [1]))
    refuse(model, "has 2 inputs")


def test_a_network_that_takes_floats_is_refused():
    model = box_network()
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT
    refuse(model, "ONNX type 1")


def test_an_open_shape_is_refused():
    model = box_network()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    refuse(model, r"input of shape \(-1, 64, 64, 3\)")


def test_an_opset_that_nobody_tried_is_refused():
    model = box_network()
    model.opset_import[0].version = 5
    refuse(model, "is of opset 5; 11 to 26 are allowed")


def test_a_second_graph_which_a_runtime_would_merge_is_refused():
    hidden = onnx.ModelProto()
    hidden.graph.node.append(helper.make_node("Loop", ["x"], ["z"]))
    refuse(WHOLE + hidden.SerializeToString(), "has graph twice")


def test_scaling_into_terabytes_is_refused_before_anything_runs():
    model = box_network()
    scales = numpy_helper.from_array(np.array([1, 1, 100, 100], np.float32), "scales")
    model.graph.initializer.append(scales)
    model.graph.node.append(helper.make_node("Resize", ["painted", "", "scales"], ["huge"]))
    refuse(model, "'Resize' that makes 1x4x6400x6400")


def test_broadcasting_into_gigabytes_is_refused():
    model = box_network()
    for name, shape in (("tall", (1, 20_000, 1)), ("wide", (1, 1, 20_000))):
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(shape, np.float32), name))
    model.graph.node.append(helper.make_node("Add", ["tall", "wide"], ["huge"]))
    refuse(model, "'Add' that makes 1x20000x20000")


def test_a_network_that_would_compute_for_minutes_is_refused():
    model = box_network()
    last = "painted"
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((4, 4, 63, 63), np.float32), "kernel"))
    for number in range(500):
        model.graph.node.append(helper.make_node("Conv", [last, "kernel"], [f"c{number}"], pads=[31] * 4))
        last = f"c{number}"
    refuse(model, "too much work in all")


def test_an_output_of_another_shape_than_it_says_is_refused():
    model = box_network()
    next(n for n in model.graph.node if n.output[0] == "pixels").attribute[0].ints[:] = [0, 3, 2, 1]
    check_network(model.SerializeToString(), SIZE, "x")  # square: rows and columns swapped fit as well
    next(n for n in model.graph.node if n.output[0] == "pixels").attribute[0].ints[:] = [0, 1, 2, 3]
    refuse(model, r"says that it gives \(1, 64, 64, 4\), and gives \(1, 4, 64, 64\)")


def test_a_large_file_is_refused_unread():
    refuse(bytes(33 * 1024 * 1024), "at most 33554432 are allowed")


def test_a_file_of_a_million_tiny_fields_is_refused_in_time():
    refuse(b"\x72\x00" * 1_000_000, "has more than 200000 protocol buffer fields")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_package_error(content):
    with pytest.raises(PackageError):
        check_network(content, SIZE, "x")


@given(
    st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=8),
    st.integers(0, 400),
)
@settings(max_examples=300, deadline=None)
def test_a_damaged_network_passes_or_is_refused_with_a_package_error(damage, cut):
    content = bytearray(WHOLE)
    for at, value in damage:
        # The constants are most of the file; the structure is at its beginning and its end.
        content[at if at < 500 else len(WHOLE) - 1 - at % 400] = value
    try:
        facts = check_network(bytes(content[: len(content) - cut]), SIZE, "x")
    except PackageError as error:
        assert error.why  # noqa: PT017  # or it passes
    else:
        assert facts.operators


@given(st.integers(-(2**63), 2**63 - 1))
def test_numbers_are_read_as_protocol_buffers_write_them(value):
    attribute = onnx.AttributeProto(i=value).SerializeToString()
    message = MessageReader("x").read(memoryview(attribute), "AttributeProto", {3: Field("i", Wire.VARINT)})
    assert signed(message.number("i")) == value


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_lists_are_read_packed_and_unpacked_alike(values):
    fields = {1: Field("dims", Wire.VARINT, repeated=True), 8: Field("dims", Wire.VARINT, repeated=True)}
    plain = onnx.AttributeProto(ints=values).SerializeToString()
    packed = TensorProto(int64_data=values).SerializeToString().replace(b"\x3a", b"\x0a", 1)
    for content in (plain, packed):
        message = MessageReader("x").read(memoryview(content), "x", fields)
        assert [signed(value) for value in message.numbers("dims")] == values
