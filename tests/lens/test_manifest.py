"""lens.toml: what is taken, what is refused and with which words."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.errors import ManifestError
from lensd.lens.manifest import Crop, GeneratorSpec, Manifest, StickerSpec, parse_manifest

GENERATOR = """\
schema = 1
name = "thug-life"
title = "Thug Life"
version = "1.0.0"
author = "SnapLens Camera"
licence = "MIT"
kind = "generator"
tags = ["sticker", "glasses"]
[crop]
side = 1.6
up = 0.05
size_px = 256
[generator]
network = "generator.onnx"
golden_psnr_db = 42
[teacher]
overlay = "thug-life-overlay"
[files]
"generator.onnx" = "{0}"
"golden/in.png" = "{0}"
"golden/out.png" = "{0}"
"CARD.md" = "{0}"
""".format("a" * 64)
OVERLAY = """\
schema = 1
name = "dots"
title = "Dots"
version = "1.0.0"
author = "SnapLens Camera"
licence = "MIT"
kind = "overlay"
[[sticker]]
image = "dots.png"
anchor = "eyes"
centre = [0, -0.19]
width = 0.9
[files]
"dots.png" = "{}"
""".format("a" * 64)


def test_a_generator_is_read_whole():
    manifest = parse_manifest(GENERATOR.encode(), "lens.toml")
    assert manifest.crop == Crop(side=1.6, up=0.05, size_px=256)
    assert manifest.generator == GeneratorSpec("generator.onnx", 42.0)
    assert (manifest.name, manifest.teacher, manifest.tags) == (
        "thug-life",
        "thug-life-overlay",
        ("sticker", "glasses"),
    )
    assert manifest.stickers == ()


def test_an_overlay_is_read_whole():
    manifest = parse_manifest(OVERLAY.encode(), "lens.toml")
    assert manifest.stickers == (StickerSpec("dots.png", "eyes", (0.0, -0.19), 0.9),)
    assert (manifest.crop, manifest.generator, manifest.teacher) == (None, None, None)


def test_the_manifest_cannot_be_changed():
    manifest = parse_manifest(OVERLAY.encode(), "lens.toml")
    with pytest.raises(TypeError):
        manifest.files["more.png"] = "b" * 64


def test_the_golden_psnr_is_40_where_it_is_not_given():
    manifest = parse_manifest(GENERATOR.replace("golden_psnr_db = 42\n", "").encode(), "lens.toml")
    assert manifest.generator.golden_psnr_db == 40


def required_keys() -> list[str]:
    return [line.split(" = ")[0] for line in GENERATOR.splitlines() if " = " in line and "tags" not in line][:10]


@pytest.mark.parametrize("key", [key for key in required_keys() if key != "golden_psnr_db"])
def test_a_missing_key_is_named(key):
    lines = [line for line in GENERATOR.splitlines() if not line.startswith(f"{key} = ")]
    with pytest.raises(ManifestError, match=rf"{key} is missing"):
        parse_manifest("\n".join(lines).encode(), "lens.toml")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("schema = 1", "schema = 2", "this version reads schema 1"),
        ("schema = 1", 'schema = "1"', "schema must be a whole number"),
        ("schema = 1", "schema = true", "schema must be a whole number"),
        ('name = "thug-life"', 'name = "Thug Life"', "name must be a lens name"),
        ('name = "thug-life"', 'name = "../etc"', "name must be a lens name"),
        ('name = "thug-life"', 'name = "none"', "name must be a lens name"),
        ('title = "Thug Life"', 'title = ""', "title must be 1 to 60 printable"),
        ('title = "Thug Life"', f'title = "{"x" * 61}"', "title must be 1 to 60 printable"),
        ('title = "Thug Life"', 'title = "\\u001b[2J"', "title must be 1 to 60 printable"),
        ('kind = "generator"', 'kind = "program"', "kind must be one of generator, overlay"),
        ("side = 1.6", "side = 99", "crop.side must be a number from 0.5 to 6"),
        ("side = 1.6", "side = nan", "crop.side must be a number"),
        ("side = 1.6", 'side = "1.6"', "crop.side must be a number"),
        ("size_px = 256", "size_px = 250", "crop.size_px must be a multiple of 16"),
        ("size_px = 256", "size_px = 4096", "crop.size_px must be a whole number from 64 to 512"),
        ("size_px = 256", "size_px = 256.0", "crop.size_px must be a whole number"),
        ('network = "generator.onnx"', 'network = "../generator.onnx"', "generator.network must be the plain name"),
        ('network = "generator.onnx"', 'network = "model.pt"', "generator.network must be the plain name"),
        ("golden_psnr_db = 42", "golden_psnr_db = 3", "must be a number from 30 to 60"),
        ("[files]", '[files]\n"weights.pt" = "' + "a" * 64 + '"', "weights.pt"),
        ("[files]", '[files]\n"run.py" = "' + "a" * 64 + '"', "run.py"),
        ('"CARD.md" = "' + "a" * 64, '"CARD.md" = "' + "A" * 64, "must be a SHA-256"),
        ('"CARD.md" = "' + "a" * 64, '"CARD.md" = "' + "a" * 63, "must be a SHA-256"),
        ('"golden/out.png"', '"golden/out2.png"', "lacks 'golden/out.png'"),
        ("[crop]", "colour = 1\n[crop]", "colour is unknown to schema 1 in a lens of kind 'generator'"),
        ("[crop]", "[crop]\nleft = 1", "crop.left is unknown"),
        ("[teacher]", "[[sticker]]\n[teacher]", "sticker is unknown to schema 1 in a lens of kind 'generator'"),
        ("side = 1.6", "side = 1" + "0" * 5000, "a line of more than 2000 bytes"),
    ],
)
def test_what_is_wrong_is_named(old, new, told):
    assert old in GENERATOR
    with pytest.raises(ManifestError, match=told) as caught:
        parse_manifest(GENERATOR.replace(old, new).encode(), "thug-life.lens/lens.toml")
    assert caught.value.what == "thug-life.lens/lens.toml"
    assert len(caught.value.why) < 500
    assert caught.value.why.isprintable()


def test_a_later_schema_says_how_to_update():
    with pytest.raises(ManifestError) as caught:
        parse_manifest(GENERATOR.replace("schema = 1", "schema = 2").encode(), "lens.toml")
    assert "pip install -U" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"schema = ",
        b"[" * 1900,
        b"a = " + b"[\n" * 30_000,
        b"a." * 30_000 + b"a = 1",
        b"",
        b"a = 1" + b"0" * 1900,
    ],
)
def test_what_is_no_toml_is_refused(content):
    with pytest.raises(ManifestError):
        parse_manifest(content, "lens.toml")


def test_a_large_file_is_refused_unread():
    with pytest.raises(ManifestError, match="at most 65536"):
        parse_manifest(b"#" * 65_537, "lens.toml")


@given(st.binary(max_size=400))
def test_any_bytes_give_a_manifest_or_an_error(content):
    with pytest.raises(ManifestError):
        parse_manifest(content, "lens.toml")


VALUES = st.recursive(
    st.one_of(st.integers(), st.floats(), st.booleans(), st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def written(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(str(value), repr(value))
        case str():
            return '"' + "".join(f"\\U{ord(c):08x}" for c in value) + '"'
        case list():
            return "[" + ", ".join(map(written, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{written(key)} = {written(item)}" for key, item in value.items()) + "}"
    return str(value)


@given(st.sampled_from([GENERATOR, OVERLAY]), st.integers(0, 30), VALUES)
def test_any_value_in_any_place_gives_a_manifest_or_an_error(text, at, value):
    lines = text.splitlines()
    keyed = [index for index, line in enumerate(lines) if " = " in line]
    at = keyed[at % len(keyed)]
    lines[at] = f"{lines[at].split(' = ')[0]} = {written(value)}"
    content = "\n".join(lines)
    try:
        tomllib.loads(content)
    except ValueError:
        return  # surrogates
    try:
        manifest = parse_manifest(content.encode(), "lens.toml")
    except ManifestError as error:
        assert error.why.isprintable()  # noqa: PT017  # or it is a manifest
    else:
        assert isinstance(manifest, Manifest)
