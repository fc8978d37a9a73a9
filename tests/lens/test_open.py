"""From a name to a lens that draws, with a real network in ONNX Runtime."""

from __future__ import annotations

import itertools

import numpy as np
import onnx
import pytest
from onnx import helper

from lensd.config import user_lenses_dir
from lensd.engine.onnxruntime import OnnxRuntimeEngine
from lensd.errors import EngineError, GoldenMismatch, LensError, PackageError
from lensd.frames import MOST_FACES, Face, Picture, TensorSpec
from lensd.lens.align import template_points
from lensd.lens.catalogue import find_lens, find_lenses, read_catalogue
from lensd.lens.generator import GeneratorLens
from lensd.lens.manifest import Crop
from lensd.lens.open import open_lens, stickers_of, teacher_of
from lensd.lens.package import open_package, read_manifest
from lensd.whole_file import write_whole
from tests.lens.packages import SIZE, box_network, box_picture, write_generator, write_overlay


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's own lenses folder, empty."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    user_lenses_dir().mkdir(parents=True)
    return user_lenses_dir()


class Opened:
    """Makes real engines, and knows which are still open."""

    def __init__(self):
        self.open = 0

    def __call__(self, network):
        engine = OnnxRuntimeEngine(network)
        close, self.open = engine.close, self.open + 1

        def closed():
            self.open -= 1
            close()

        engine.close = closed
        return engine


def face(scale=200.0, x=320.0, y=240.0, track=1):
    return Face(track, (template_points() * scale + np.array([x, y, 0], np.float32)).astype(np.float32), 1.0)


def test_a_generator_paints_its_box_in_the_middle_of_the_faces_square(generator):
    make = Opened()
    lens = open_lens(generator, make)
    layer = lens.draw(Picture(640, 480), face())
    assert lens.name == "tiny"
    np.testing.assert_array_equal(layer.rgba, box_picture())
    middle = layer.to_picture @ [(SIZE - 1) / 2, (SIZE - 1) / 2, 1]
    np.testing.assert_allclose(middle, [320, 240 - 0.05 * 200], atol=0.2)
    assert np.hypot(*layer.to_picture[:, 0]) * SIZE == pytest.approx(1.6 * 200, rel=1e-3)
    lens.close()
    assert make.open == 0


def test_what_is_drawn_on_one_face_stays_while_the_others_are_drawn(generator):
    lens = open_lens(generator, OnnxRuntimeEngine)
    layers = [lens.draw(Picture(640, 480), face(x=100.0 * number, track=number)) for number in range(MOST_FACES)]
    for one, other in itertools.combinations(layers, 2):
        assert not np.shares_memory(one.rgba, other.rgba)
    places = [layer.to_picture[0, 2] for layer in layers]
    np.testing.assert_allclose(np.diff(places), 100, atol=0.5)
    lens.close()


def test_drawing_does_not_touch_the_picture(generator):
    lens = open_lens(generator, OnnxRuntimeEngine)
    picture = Picture(640, 480, np.random.default_rng(0).integers(16, 235, 640 * 720, np.uint8))
    before = picture.data.copy()
    lens.draw(picture, face())
    np.testing.assert_array_equal(picture.data, before)
    lens.close()


@pytest.mark.parametrize("points", [np.zeros((478, 3)), np.full((478, 3), np.nan), template_points() * 1e-3])
def test_points_that_are_no_face_draw_nothing(generator, points):
    lens = open_lens(generator, OnnxRuntimeEngine)
    assert lens.draw(Picture(640, 480), Face(1, points.astype(np.float32), 1.0)) is None
    lens.close()


def test_an_overlay_draws_its_sticker_on_the_eyes(overlay):
    lens = open_lens(overlay, OnnxRuntimeEngine)
    layer = lens.draw(Picture(640, 480), face())
    rows, columns = np.nonzero(layer.rgba[..., 3] > 127)
    x, y = columns.mean() + layer.to_picture[0, 2], rows.mean() + layer.to_picture[1, 2]
    assert (x, y) == (pytest.approx(320, abs=1.5), pytest.approx(240 - 0.19 * 200, abs=1.5))
    lens.close()


def test_lens_none_draws_nothing():
    lens = open_lens("none", OnnxRuntimeEngine)
    assert lens.name == "none"
    assert lens.draw(Picture(640, 480), face()) is None
    lens.close()


def test_a_forbidden_network_never_reaches_a_runtime(tmp_path):
    model = box_network()
    model.graph.node.append(helper.make_node("NonZero", ["x"], ["z"]))

    def never(_network):
        pytest.fail("a runtime was given the network")

    with pytest.raises(PackageError, match="NonZero"):
        open_lens(write_generator(tmp_path / "tiny.lens", network=model), never)


def test_a_lens_whose_golden_pair_fails_leaves_no_engine_open(tmp_path):
    make = Opened()
    with pytest.raises(GoldenMismatch):
        open_lens(write_generator(tmp_path / "tiny.lens", network=box_network(colour=(1, 2, 3))), make)
    assert make.open == 0


def test_an_engine_of_another_size_is_refused_and_closed(generator):
    make = Opened()
    with pytest.raises(EngineError, match="its input is uint8"):
        GeneratorLens("tiny", Crop(1.6, 0.0, 128), make(open_package(generator).network))
    assert make.open == 0


def test_the_teacher_beside_a_package_is_found_first(tmp_path):
    write_overlay(tmp_path / "dots.lens", width=0.5)
    package = open_package(write_generator(tmp_path / "tiny.lens", teacher="dots"))
    assert [sticker.width for sticker in teacher_of(package)] == [0.5]
    overlay = open_package(tmp_path / "dots.lens")
    assert len(teacher_of(overlay)) == len(stickers_of(overlay)) == 1


def test_a_teacher_that_is_no_overlay_is_refused(tmp_path):
    write_generator(tmp_path / "other.lens")
    package = open_package(write_generator(tmp_path / "tiny.lens", teacher="other"))
    with pytest.raises(LensError, match="names other as its teacher, which is no overlay"):
        teacher_of(package)
    assert teacher_of(open_package(tmp_path / "other.lens")) is None


def test_none_comes_first_and_the_users_lenses_are_listed(home):
    write_generator(home / "zebra.lens")
    write_overlay(home / "apple.lens")
    listed = find_lenses()
    assert (listed[0].name, listed[0].kind, listed[0].path) == ("none", "none", None)
    mine = [(lens.name, lens.kind) for lens in listed if lens.source == "user"]
    assert mine == [("zebra", "generator"), ("apple", "overlay")]  # what is learned before what is drawn
    assert find_lens("zebra").preview == home / "zebra.lens" / "preview.webp"


def test_a_lens_opens_by_its_name(home):
    write_generator(home / "zebra.lens")
    lens = open_lens("zebra", OnnxRuntimeEngine)
    assert lens.name == "zebra"
    lens.close()


def test_an_unknown_name_gets_the_nearest_as_a_hint(home):
    write_generator(home / "zebra.lens")
    with pytest.raises(LensError, match="no such lens") as caught:
        find_lens("zebar")
    assert caught.value.hint == "did you mean zebra?"
    with pytest.raises(LensError) as caught:
        find_lens("\x1b[2J" + "x" * 1000)
    assert caught.value.what.isprintable()
    assert caught.value.hint == "lensd lenses"


def test_a_users_lens_cannot_take_the_name_of_a_shipped_one(home, tmp_path, monkeypatch):
    shipped = tmp_path / "shipped"
    write_overlay(shipped / "dots.lens")
    monkeypatch.setattr("lensd.lens.catalogue.shipped_lenses_dir", lambda: shipped)
    write_generator(home / "dots.lens")
    catalogue = read_catalogue()
    assert [(lens.name, lens.source) for lens in catalogue.lenses] == [("none", "built-in"), ("dots", "built-in")]
    assert "taken by a lens that came with lensd" in catalogue.skipped[0].error.why
    assert catalogue.skipped[0].path == home / "dots.lens"


def test_a_package_is_read_once_and_again_when_it_was_changed(home, monkeypatch):
    folder = write_overlay(home / "mine.lens")
    broken = write_overlay(home / "broken.lens")
    (broken / "lens.toml").write_text("rubbish")
    assert find_lens("mine").version == "1.0.0"
    read = []
    monkeypatch.setattr(
        "lensd.lens.catalogue.read_manifest", lambda path: read.append(path.name) or read_manifest(path)
    )
    for _ in range(2):
        assert [skipped.path.name for skipped in read_catalogue().skipped] == ["broken.lens"]
    assert read == []
    write_whole(
        folder / "lens.toml", (folder / "lens.toml").read_bytes().replace(b'version = "1.0.0"', b'version = "1.0.1"')
    )
    assert find_lens("mine").version == "1.0.1"
    assert read == ["mine.lens"]


def test_a_broken_package_is_skipped_with_its_reason_and_named_when_asked_for(home):
    write_generator(home / "good.lens")
    (write_generator(home / "broken.lens") / "lens.toml").write_text("schema = 1\n")
    (home / "notes.txt").write_text("not a lens")
    catalogue = read_catalogue()
    assert "good" in [lens.name for lens in catalogue.lenses]
    assert [(skipped.path.name, skipped.error.why) for skipped in catalogue.skipped] == [
        ("broken.lens", "kind is missing")
    ]
    with pytest.raises(LensError, match="kind is missing"):
        find_lens("broken")


def test_no_folder_of_the_users_is_no_error(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    assert find_lenses()[0].name == "none"


def test_a_lenses_folder_that_cannot_be_read_costs_its_lenses_only(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    user_lenses_dir().parent.mkdir(parents=True)
    user_lenses_dir().write_text("a file")
    catalogue = read_catalogue()
    assert catalogue.lenses[0].name == "none"
    assert [skipped.error.why for skipped in catalogue.skipped] == ["Not a directory"]


def test_every_shipped_lens_opens_and_passes_its_golden_pair():
    shipped = [lens for lens in find_lenses() if lens.source == "built-in" and lens.path is not None]
    assert shipped
    for info in shipped:
        lens = open_lens(info.path, OnnxRuntimeEngine)
        assert lens.draw(Picture(640, 480), face()) is not None
        lens.close()


def test_the_engines_specs_are_what_the_test_network_says():
    engine = OnnxRuntimeEngine(box_network().SerializeToString())
    assert engine.input == TensorSpec("x", (1, SIZE, SIZE, 3), np.dtype(np.uint8))
    engine.close()
    onnx.checker.check_model(box_network(), full_check=True)
