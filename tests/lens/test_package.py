"""Packages in folders and zips: the whole ones open, each hostile one is refused with a sentence."""

from __future__ import annotations

import os
import pickle
import shutil
import socket
import stat
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lensd.errors import LensError, ManifestError, PackageError
from lensd.lens.package import open_package
from tests.lens.packages import box_picture, png, seal, write_generator


def zipped(folder, target, *, top: str | None = None, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(target, "w", method) as archive:
        for path in sorted(folder.rglob("*")):
            name = str(path.relative_to(folder))
            archive.write(path, f"{top}/{name}" if top else name)
    return target


def resealed(folder, text_of=lambda text: text):
    """Write the manifest again, with the hashes of what is there now."""
    head = (folder / "lens.toml").read_text().split("\n[files]")[0]
    return seal(folder, text_of(head))


def test_a_folder_opens(generator):
    package = open_package(generator)
    assert package.name == "tiny"
    assert set(package.contents) == {
        "CARD.md", "LICENSE", "generator.onnx", "golden/in.png", "golden/out.png", "preview.webp",
    }  # fmt: skip
    assert package.network == (generator / "generator.onnx").read_bytes()


@pytest.mark.parametrize("top", [None, "tiny.lens"])
def test_a_zip_opens_like_its_folder(generator, tmp_path, top):
    package = open_package(zipped(generator, tmp_path / "any name.zip", top=top))
    assert dict(package.contents) == dict(open_package(generator).contents)


def test_an_opened_package_is_what_was_checked_whatever_happens_to_the_folder(generator):
    package, before = open_package(generator), (generator / "generator.onnx").read_bytes()
    shutil.rmtree(generator)
    assert package.network == before
    with pytest.raises(TypeError):
        package.contents["generator.onnx"] = b""


def test_an_overlay_has_no_network(overlay):
    with pytest.raises(PackageError, match="of kind overlay"):
        _ = open_package(overlay).network


def test_a_link_inside_is_refused(generator, tmp_path):
    (generator / "CARD.md").rename(tmp_path / "card")
    (generator / "CARD.md").symlink_to(tmp_path / "card")
    with pytest.raises(PackageError, match="CARD\\.md', which is no plain file"):
        open_package(generator)


def test_a_linked_folder_inside_is_refused(generator, tmp_path):
    (generator / "golden").rename(tmp_path / "golden")
    (generator / "golden").symlink_to(tmp_path / "golden")
    with pytest.raises(PackageError, match="golden', which is no plain file"):
        open_package(generator)


def test_a_fifo_inside_is_refused_at_once(generator):
    os.mkfifo(generator / "LICENSE.md")
    with pytest.raises(PackageError, match="no plain file"):
        open_package(generator)


def test_a_socket_in_place_of_a_package_is_refused(tmp_path):
    path = str(tmp_path / "s.lens")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        with pytest.raises(PackageError, match="neither a folder nor a zip"):
            open_package(tmp_path / "s.lens")


def test_a_wrong_hash_is_refused(generator):
    content = bytearray((generator / "generator.onnx").read_bytes())
    content[-1] ^= 1
    (generator / "generator.onnx").write_bytes(content)
    with pytest.raises(PackageError, match="SHA-256 is another") as caught:
        open_package(generator)
    assert caught.value.what == "tiny.lens/generator.onnx"


def test_a_file_that_nobody_listed_is_refused(generator):
    (generator / "extra.md").write_text("hello")
    with pytest.raises(PackageError, match=r"holds extra.md, which \[files\] does not list"):
        open_package(generator)


def test_a_listed_file_that_is_not_there_is_refused(generator):
    (generator / "LICENSE").unlink()
    with pytest.raises(PackageError, match="lacks LICENSE"):
        open_package(generator)


def test_a_missing_manifest_is_said_so(generator):
    (generator / "lens.toml").unlink()
    with pytest.raises(ManifestError, match="is missing"):
        open_package(generator)


def test_another_folder_name_than_the_lens_is_refused(generator):
    moved = generator.rename(generator.parent / "other.lens")
    with pytest.raises(PackageError, match=r"must be named tiny\.lens"):
        open_package(moved)


def test_a_pickle_beside_the_network_is_refused_even_when_listed(generator):
    (generator / "weights.pt").write_bytes(pickle.dumps({"w": 1}))
    with pytest.raises(LensError, match=r"weights\.pt"):
        open_package(resealed(generator))


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_under_the_networks_name_is_refused(generator, protocol):
    (generator / "generator.onnx").write_bytes(pickle.dumps({"w": 1}, protocol))
    with pytest.raises(PackageError, match="is a pickle"):
        open_package(resealed(generator))


def test_a_torch_checkpoint_under_the_networks_name_is_refused(generator, tmp_path):
    with zipfile.ZipFile(tmp_path / "model.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps([1]))
    shutil.copy(tmp_path / "model.pt", generator / "generator.onnx")
    with pytest.raises(PackageError, match=r"as torch\.save writes pickles"):
        open_package(resealed(generator))


def test_a_picture_that_says_it_is_huge_is_refused_before_it_is_decoded(generator):
    content = bytearray(png(box_picture()))
    content[16:24] = struct.pack(">II", 60_000, 60_000)  # 14 GB of pixels
    (generator / "golden/out.png").write_bytes(content)
    with pytest.raises(PackageError, match="says 60000x60000; the manifest says 64x64"):
        open_package(resealed(generator))


def test_a_sticker_that_says_it_is_huge_is_refused(overlay):
    content = bytearray((overlay / "dots.png").read_bytes())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    (overlay / "dots.png").write_bytes(content)
    with pytest.raises(PackageError, match="says 50000x50000; at most 1024"):
        open_package(resealed(overlay))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("golden/in.png", b"GIF89a" + bytes(60), "is not a PNG"),
        ("golden/in.png", png(np.zeros((64, 64), np.uint8)), "must be an 8-bit RGB PNG"),
        ("golden/out.png", png(np.zeros((64, 64, 3), np.uint8)), "must be an 8-bit RGBA PNG"),
        ("preview.webp", b"RIFF" + bytes(60), "is not a WebP picture"),
        ("preview.webp", b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + b"\xff" * 6 + bytes(30), "at most 1024 pixels"),
        ("CARD.md", b"\x80\x05", "is not a text in UTF-8"),
    ],
)
def test_a_file_of_another_type_than_its_name_is_refused(generator, name, content, told):
    (generator / name).write_bytes(content)
    with pytest.raises(PackageError, match=told):
        open_package(resealed(generator))


def test_a_folder_with_too_much_in_it_is_refused_before_it_is_read(generator):
    with (generator / "generator.onnx").open("r+b") as file:
        file.truncate(10 * 1024**3)  # sparse
    with pytest.raises(PackageError, match="at most 67108864 are allowed"):
        open_package(generator)


def test_a_folder_with_too_many_files_is_refused(generator):
    for number in range(70):
        (generator / f"a{number}.png").write_bytes(b"")
    with pytest.raises(PackageError, match="more than 64 files"):
        open_package(generator)


@pytest.mark.parametrize(
    "name", ["../evil.md", "/etc/evil.md", "golden/../../evil.md", "a\\b.md", "x/y/z.md", "C:evil.md"]
)
def test_a_zip_with_a_path_leading_out_is_refused(generator, tmp_path, name):
    path = zipped(generator, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, "evil")
    with pytest.raises(PackageError, match="names are plain and relative"):
        open_package(path)
    assert not list(tmp_path.rglob("evil.md"))


def test_a_zip_with_a_link_is_refused(generator, tmp_path):
    path = zipped(generator, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("passwd.md")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PackageError, match="links and devices are refused"):
        open_package(path)


def test_a_zip_with_a_name_twice_is_refused(generator, tmp_path):
    path = zipped(generator, tmp_path / "tiny.zip")
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("CARD.md", "another")
    with pytest.raises(PackageError, match="twice"):
        open_package(path)


def test_a_zip_bomb_is_refused(generator, tmp_path):
    (generator / "generator.onnx").write_bytes(bytes(60 * 1024 * 1024))
    path = zipped(resealed(generator), tmp_path / "tiny.zip")
    assert path.stat().st_size < 100_000
    with pytest.raises(PackageError, match="a zip bomb"):
        open_package(path)


@pytest.mark.parametrize("claimed", [10 * 1024**3 % 2**32, 2**32 - 2])
def test_a_zip_header_of_gigabytes_is_refused_before_anything_is_unpacked(generator, tmp_path, claimed):
    path = zipped(generator, tmp_path / "tiny.zip", method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 24 : at + 28] = struct.pack("<I", claimed)
    path.write_bytes(content)
    with pytest.raises(PackageError, match=r"a zip bomb|at most 67108864"):
        open_package(path)


def test_a_zip_whose_directory_lists_a_million_files_is_refused_unread(tmp_path):
    entry = b"PK\x01\x02" + bytes(42)
    size = len(entry) * 100_000
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 65_000, 65_000, size, 0, 0)
    (tmp_path / "many.zip").write_bytes(entry * 100_000 + end)
    with pytest.raises(PackageError, match="more than 64 files"):
        open_package(tmp_path / "many.zip")


def test_an_encrypted_zip_is_refused(generator, tmp_path):
    path = zipped(generator, tmp_path / "tiny.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(PackageError, match="encrypted"):
        open_package(path)


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 255)), min_size=1, max_size=6))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
def test_a_damaged_zip_opens_or_is_refused_with_a_lens_error(tmp_path, damage):
    folder = tmp_path / "whole" / "tiny.lens"
    if not folder.exists():
        zipped(write_generator(folder), tmp_path / "whole.zip")
    content = bytearray((tmp_path / "whole.zip").read_bytes())
    for at, value in damage:
        content[-(at % len(content)) - 1] = value
    (tmp_path / "damaged.zip").write_bytes(content)
    try:
        package = open_package(tmp_path / "damaged.zip")
    except LensError as error:
        assert error.why  # noqa: PT017  # or it opens
    else:
        assert package.name == "tiny"


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x05\x06" + bytes(18), bytes(1000)])
def test_a_file_that_is_no_zip_is_refused(tmp_path, content):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(LensError):
        open_package(tmp_path / "x.zip")


def test_a_missing_package_is_said_so(tmp_path):
    with pytest.raises(PackageError, match="No such file"):
        open_package(tmp_path / "nowhere.lens")


def test_looking_at_packages_loads_no_heavy_library():
    code = (
        "import sys; import lensd.lens.package, lensd.lens.catalogue; lensd.lens.catalogue.find_lenses();"
        "print(sorted({'cv2', 'onnxruntime', 'PIL', 'av', 'onnx', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
