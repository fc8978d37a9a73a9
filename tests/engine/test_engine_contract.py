"""What every engine promises, asked of each that runs on this machine."""

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lensd.engine import select
from lensd.errors import EngineError
from tests.engine import tiny_networks as tiny

AVAILABLE = [candidate.runtime for candidate in select.candidates() if candidate.available]


@pytest.fixture(params=AVAILABLE)
def runtime(request):
    return request.param


@pytest.fixture
def opened(runtime):
    """Open networks in the runtime under test, and close them afterwards."""
    engines = []

    def open_(network, name="tiny"):
        engines.append(select.open_engine(network, runtime=runtime, name=name))
        return engines[-1]

    yield open_
    for engine in engines:
        engine.close()


def pixels(seed=0, side=tiny.SIDE):
    return np.random.default_rng(seed).integers(0, 256, (1, side, side, 3), dtype=np.uint8)


def test_a_processor_runtime_is_always_there():
    assert "onnxruntime" in AVAILABLE


def test_an_engine_says_what_goes_in_and_out(opened, runtime):
    engine = opened(tiny.inverted_with_matte())
    assert engine.runtime == runtime
    assert (engine.input.name, engine.input.shape, engine.input.dtype) == ("x", (1, 16, 16, 3), np.uint8)
    assert (engine.output.name, engine.output.shape, engine.output.dtype) == ("y", (1, 16, 16, 4), np.uint8)


def test_the_network_is_computed_into_the_callers_buffer_and_the_input_is_left_alone(opened):
    engine = opened(tiny.inverted_with_matte())
    x, out = pixels(), np.zeros((1, 16, 16, 4), np.uint8)
    before = x.copy()
    engine.infer(x, out)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(out[..., :3], 255 - x)
    assert (out[..., 3] == 255).all()


def test_the_same_picture_twice_gives_the_same_result(opened):
    engine = opened(tiny.inverted_with_matte())
    x, first, second = pixels(), *(np.zeros((1, 16, 16, 4), np.uint8) for _ in range(2))
    engine.infer(x, first)
    engine.infer(x, second)
    engine.infer(x, first)
    np.testing.assert_array_equal(first, second)


def test_new_pixels_in_the_same_buffer_are_seen(opened):
    engine = opened(tiny.identity())
    x, out = pixels(1), np.zeros((1, 16, 16, 3), np.uint8)
    for seed in range(5):
        x[...] = pixels(seed)
        engine.infer(x, out)
        np.testing.assert_array_equal(out, pixels(seed))


def test_other_buffers_at_every_call_are_no_harder(opened):
    engine = opened(tiny.identity())
    for seed in range(20):
        x, out = pixels(seed), np.zeros((1, 16, 16, 3), np.uint8)
        engine.infer(x, out)
        np.testing.assert_array_equal(out, x)


def test_two_networks_do_not_disturb_each_other(opened):
    same, negative = opened(tiny.identity()), opened(tiny.inverted_with_matte())
    x, a, b = pixels(), np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 16, 16, 4), np.uint8)
    for _ in range(3):
        same.infer(x, a)
        negative.infer(x, b)
    np.testing.assert_array_equal(a, x)
    np.testing.assert_array_equal(b[..., :3], 255 - x)


def test_a_network_may_answer_with_float32_numbers(opened):
    engine = opened(tiny.mean_colour())
    assert engine.output.dtype == np.float32
    x, out = pixels(), np.zeros((1, 3), np.float32)
    engine.infer(x, out)
    np.testing.assert_allclose(out[0], x.mean((0, 1, 2)), rtol=1e-5)


@pytest.mark.parametrize(
    ("x", "out", "why"),
    [
        (np.zeros((1, 16, 16, 4), np.uint8), np.zeros((1, 16, 16, 3), np.uint8), "input must be 1x16x16x3 uint8"),
        (np.zeros((1, 16, 16, 3), np.int8), np.zeros((1, 16, 16, 3), np.uint8), "not 1x16x16x3 int8"),
        (np.zeros((1, 16, 32, 3), np.uint8)[:, :, ::2], np.zeros((1, 16, 16, 3), np.uint8), "input must be C-contig"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.zeros((16, 16, 3), np.uint8), "output must be 1x16x16x3 uint8"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, 16, 16, 3), np.float32), "not 1x16x16x3 float32"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.broadcast_to(np.uint8(0), (1, 16, 16, 3)), "output must be"),
        (np.zeros((1, 16, 16, 3), np.uint8), np.frombuffer(bytes(768), np.uint8).reshape(1, 16, 16, 3), "writable"),
    ],
)
def test_wrong_buffers_are_refused_before_anything_runs(opened, x, out, why):
    engine = opened(tiny.identity())
    with pytest.raises(EngineError, match=why):
        engine.infer(x, out)
    good, result = pixels(), np.zeros((1, 16, 16, 3), np.uint8)
    engine.infer(good, result)
    np.testing.assert_array_equal(result, good)


@pytest.mark.parametrize("network", [b"", b"garbage", tiny.identity()[:40], tiny.inverted_with_matte()[:-30]])
def test_corrupt_bytes_are_an_engine_error_of_one_line(runtime, network):
    with pytest.raises(EngineError) as caught:
        select.open_engine(network, runtime=runtime, name="broken")
    assert caught.value.what.startswith("broken")
    assert caught.value.why
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (tiny.two_outputs(), "1 inputs and 2 outputs"),
        (tiny.float_input(), "input 'x' is float32, not uint8"),
        (tiny.any_size(), r"no fixed shape: 1x\?x\?x3"),
    ],
)
def test_a_network_that_the_frames_path_cannot_feed_is_refused(runtime, network, why):
    with pytest.raises(EngineError, match=why):
        select.open_engine(network, runtime=runtime)


def test_an_engine_opened_in_one_thread_runs_in_another(opened):
    engine = opened(tiny.inverted_with_matte())
    x, out = pixels(), np.zeros((1, 16, 16, 4), np.uint8)
    thread = threading.Thread(target=engine.infer, args=(x, out))
    thread.start()
    thread.join(30)
    np.testing.assert_array_equal(out[..., :3], 255 - x)


@pytest.mark.parametrize("runtime", [r for r in AVAILABLE if r in {"onnxruntime", "openvino"}], indirect=True)
def test_a_processor_engine_computes_in_the_callers_thread_only(opened):
    engine = opened(tiny.heavy())
    x, out = np.ones(engine.input.shape, np.uint8), np.zeros(engine.output.shape, np.uint8)
    engine.infer(x, out)
    process, thread, wall = time.process_time(), time.thread_time(), time.perf_counter()
    while time.perf_counter() - wall < 0.5:
        engine.infer(x, out)
    mine, all_ = time.thread_time() - thread, time.process_time() - process
    assert all_ < 1.25 * mine + 0.05, f"{all_:.2f} s of processor time, {mine:.2f} s of it in the calling thread"


@pytest.mark.parametrize("runtime", [r for r in AVAILABLE if r in {"onnxruntime", "openvino"}], indirect=True)
def test_an_idle_engine_does_not_spin(opened):
    engine = opened(tiny.heavy())
    x, out = np.ones(engine.input.shape, np.uint8), np.zeros(engine.output.shape, np.uint8)
    engine.infer(x, out)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.1


def test_steady_state_takes_no_memory(opened):
    engine = opened(tiny.inverted_with_matte(128))
    x, out = pixels(side=128), np.zeros((1, 128, 128, 4), np.uint8)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    for _ in range(50):
        engine.infer(x, out)
    before = resident()
    for _ in range(500):
        engine.infer(x, out)
    assert resident() - before < 2 << 20
