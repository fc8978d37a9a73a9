"""What may be in the repository: no big files, no long ones, nothing of the machine that wrote them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 4_000_000
MOST_LINES = 320

# Put together here, so that this file does not find itself.
FOREIGN = [
    "/" + name
    for name in (
        "work/main",
        "work/shared",
        "root/",
        "tmp/venv",
        "tmp/brief",
        "opt/wheels",
        "opt/pypi",
        "usr/local/google",
    )
] + [".".join(name) for name in (("pypi", "org"), ("files", "pythonhosted", "org"), ("download", "pytorch", "org"))]


def tracked() -> list[Path]:
    # Another user's checkout (CI as root) is read all the same.
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str | None:
    content = path.read_bytes()
    return None if b"\0" in content else content.decode(errors="replace")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    texts = {str(path.relative_to(ROOT)): text for path in tracked() if (text := text_of(path)) is not None}
    assert len(texts) > 50
    return texts


def test_no_tracked_file_is_big():
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked()}
    assert {name: size for name, size in sizes.items() if size > MOST_BYTES} == {}


def test_no_file_is_too_long_to_be_read(texts):
    # The changelog grows for ever; stubs are as long as what they describe.
    lengths = {
        name: text.count("\n")
        for name, text in texts.items()
        if name != "CHANGELOG.md" and not name.startswith("stubs/")
    }
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_names_a_place_of_this_machine(texts):
    places = [
        place
        for place in (str(ROOT), sys.prefix, str(Path.home()), os.environ.get("XDG_RUNTIME_DIR", ""))
        if place.count("/") > 1
    ]
    pattern = re.compile("|".join(re.escape(place) for place in FOREIGN + places))
    # The guest mounts the host's files at a place of that name, inside itself.
    found = {
        name: match[0]
        for name, text in texts.items()
        if name != "tests/vm/guest-init" and (match := pattern.search(text))
    }
    assert found == {}


def test_no_merge_was_left_half_done(texts):
    markers = ("<" * 7 + " ", ">" * 7 + " ")
    assert not [path for path, text in texts.items() if any(line.startswith(markers) for line in text.splitlines())]


def test_no_module_has_a_name_that_says_nothing():
    nothing = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
    assert [str(path) for path in tracked() if path.suffix == ".py" and path.stem in nothing] == []


def test_what_a_shell_or_a_person_starts_is_executable(texts):
    started = [name for name, text in texts.items() if text.startswith("#!")]
    assert {".ci/run", "scripts/environment.sh", "tests/vm/vmrun"} <= set(started)
    assert [name for name in started if not os.access(ROOT / name, os.X_OK) and name != "tests/vm/guest-init"] == []
