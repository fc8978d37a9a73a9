"""What is made to hurt is refused by an installation, in a process that could not have done much."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lensd.errors import LensError
from lensd.sharing.examination import examine
from lensd.sharing.store import install
from tests.lens.packages import box_network, write_generator
from tests.sharing.conftest import zip_of


def outside_data():
    model = box_network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../etc/passwd")
    return model


def huge_tensor():
    model = box_network()
    model.graph.node.insert(0, helper.make_node("Resize", ["x", "", "scales"], ["wide"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 3000, 3000, 1], np.float32), "scales"))
    return model


def looping():
    body = helper.make_graph([], "body", [], [])
    model = box_network()
    model.graph.node.append(helper.make_node("Loop", ["low"], ["z"], body=body))
    return model


def branching():
    model = box_network()
    model.graph.node.append(helper.make_node("If", ["low"], ["z"]))
    return model


def foreign():
    model = box_network()
    model.graph.node[2].domain = "com.example"
    return model


NETWORKS = {
    "keeps constant 'weights' in another file": outside_data,
    "too much work in all": huge_tensor,
    "subgraph in operator 'Loop'|operator 'Loop', which is not on the list": looping,
    "operator 'If', which is not on the list": branching,
    "only ONNX's own are allowed": foreign,
    r"has an input of shape \(1, 128, 128, 3\)": lambda: box_network(128),
}


@pytest.mark.parametrize("told", NETWORKS)
def test_a_hostile_network_is_refused_and_nothing_is_written(lenses, tmp_path, told):
    model = NETWORKS[told]()
    content = model.SerializeToString()
    folder = write_generator(tmp_path / "made" / "bad.lens", network=content, size=64)
    with pytest.raises(LensError, match=told):
        install(folder)
    assert not lenses.exists()


def bomb(path, inside):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{inside}/CARD2.md", bytes(60_000_000))


def leading_out(path, inside):
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../.bashrc", "echo")


def linking(path, inside):
    with zipfile.ZipFile(path, "a") as archive:
        entry = zipfile.ZipInfo(f"{inside}/link")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [(bomb, "a zip bomb"), (leading_out, r"names are plain and relative"), (linking, "links and devices are refused")],
)
def test_a_hostile_zip_is_refused_and_nothing_is_written(lenses, make, tmp_path, spoil, told):
    path = zip_of(make())
    spoil(path, "dots.lens")
    with pytest.raises(LensError, match=told):
        install(path)
    assert not lenses.exists()
    assert not (tmp_path / ".bashrc").exists()


def test_a_file_that_was_changed_on_the_way_is_refused(lenses, make):
    made = make()
    (made / "LICENSE").write_text("MIT, or so")
    with pytest.raises(LensError, match="its SHA-256 is another"):
        install(made)
    assert not lenses.exists()


def test_what_breaks_only_when_it_is_used_is_found_by_running_it(tmp_path):
    folder = write_generator(tmp_path / "bad.lens", network=box_network(matte=0.0))
    assert not examine(folder, run=False).run
    with pytest.raises(LensError, match="draws nothing at all") as refused:
        examine(folder)
    assert refused.value.code == "lens-golden"


def test_an_examination_that_takes_too_long_is_ended(make):
    with pytest.raises(LensError, match="could not be examined in 0 s"):
        examine(make(), timeout_s=0.01)


def test_a_process_behind_limits_can_do_little(tmp_path):
    code = """
        import json, sys, pathlib
        from lensd.sharing.examine import LIMITS
        from lensd.sharing.limits import confine
        confine(LIMITS._replace(address_bytes=512 << 20, cpu_s=1))
        done = {}
        try:
            bytearray(600 << 20)
        except MemoryError:
            done["memory"] = True
        try:
            pathlib.Path(sys.argv[1], "file").write_bytes(b"x")
        except OSError as error:
            done["file"] = error.strerror
        try:
            held = [open("/dev/null") for _ in range(100)]
        except OSError as error:
            done["files"] = error.strerror
        print(json.dumps(done), flush=True)
        while True:
            pass
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout) == {"memory": True, "file": "File too large", "files": "Too many open files"}
    assert done.returncode in {-signal.SIGXCPU, -signal.SIGKILL}
    assert (tmp_path / "file").stat().st_size == 0


def test_a_large_lens_fits_into_the_limits(tmp_path):
    """A limit must never stop a good lens: 512 pixels, and half a GiB of tensors that all live to the end."""
    size, width = 512, 24
    names = [f"wide{number}" for number in range(20)]
    nodes = [
        helper.make_node("Cast", ["x"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], perm=[0, 3, 1, 2]),
        *(helper.make_node("Conv", ["planes", f"w{at}"], [name]) for at, name in enumerate(names)),
        helper.make_node("Max", names, ["most"]),
        helper.make_node("Conv", ["most", "last"], ["mixed"]),
        helper.make_node("Add", ["mixed", "box"], ["painted"]),
        helper.make_node("Clip", ["painted", "low", "high"], ["clipped"]),
        helper.make_node("Transpose", ["clipped"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["y"], to=TensorProto.UINT8),
    ]
    random = np.random.default_rng(0)
    constants = {f"w{at}": random.normal(0, 1e-7, (width, 3, 1, 1)).astype(np.float32) for at in range(20)}
    plain = {tensor.name: numpy_helper.to_array(tensor) for tensor in box_network(size).graph.initializer}
    constants |= {name: plain[name] for name in ("box", "low", "high")}
    constants["last"] = np.full((4, width, 1, 1), 1e-7, np.float32)
    graph = helper.make_graph(
        nodes,
        "wide",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, size, size, 3])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, size, size, 4])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    report = examine(write_generator(tmp_path / "wide.lens", network=model, size=size))
    assert report.networks[0].psnr_db == 99.0
