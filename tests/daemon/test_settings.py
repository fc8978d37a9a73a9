"""The settings file, as a user meets it: shown, edited, checked, and read again by a running daemon."""

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from lensd.cli.group import group
from lensd.config import Settings, config_file
from lensd.errors import ConfigError
from lensd.settings_file import TEMPLATE, as_keys, as_toml, keys, parse_settings
from tests.daemon.conftest import alive

BASE = 'always_on = true\ncamera = "demo"\noutput = "none"\npreview = false\nsize = "640x480"\n'


TEXTS = st.text(max_size=8) | st.sampled_from(["demo", "auto", "none", "1280x720", "~x", "a/b", "pass"])
VALUES = st.recursive(
    TEXTS | st.booleans() | st.integers(-9, 5000) | st.floats(), lambda each: st.lists(each, max_size=3), max_leaves=4
)


@hypothesis(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(keys()), VALUES, max_size=4))
def test_any_values_are_settings_that_hold_or_refused_in_words_that_may_be_shown(values):
    written = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    refused, settings = "", Settings()
    try:
        settings = Settings.from_dict(parsed(written.replace("NaN", "nan").replace("Infinity", "inf")))
    except ConfigError as error:
        refused = str(error)
    assert refused.isprintable()
    assert Settings.from_dict(settings.as_dict()) == settings


@given(st.binary(max_size=200))
def test_any_bytes_are_settings_or_refused(content):
    with contextlib.suppress(ConfigError):
        Settings.from_dict(parsed(content))


@pytest.fixture
def path(daemon):
    path = daemon.home / "config/lensd/config.toml"
    path.parent.mkdir(parents=True)
    return path


def parsed(text):
    return parse_settings(text.encode() if isinstance(text, str) else text, config_file())


def test_the_template_names_every_setting_with_its_default():
    uncommented = "\n".join(line.removeprefix("# ") for line in TEMPLATE.splitlines() if " = " in line)
    values = parsed(uncommented)
    assert sorted(as_keys(values)) == sorted(keys())
    assert Settings.from_dict({**values, "lens": None}) == Settings()
    assert parsed(TEMPLATE) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('camra = "demo"', "camra is unknown; did you mean camera?"),
        ("no-face = 1", "no-face is unknown; did you mean no_face?"),
        ("xyzzy = 1", "xyzzy is unknown; there are camera, mirror"),
        ("width = 640", "width is unknown"),
        ('fps = "30"', 'fps must be a number, not "30"'),
        ("fps = true", "fps must be a number, not true"),
        ("fps = 900", "fps 900: must be from 1 to 120"),
        ("fps = nan", "fps nan: must be from 1 to 120"),
        ('no_face = "smile"', 'no_face must be one of "pass", "hold", "card", not "smile"'),
        ("preview = 1", "preview must be true or false, not 1"),
        ("camera = 0", 'camera must be text in "quotes" or a list of such texts, not 0'),
        ("camera = []", "camera, 0 names: must be from 1 to 16"),
        ("size = 720", 'size must be written as "1280x720", not 720'),
        ('size = "641x480"', "width 641: must be even"),
        ("[camera]\nname = 1", 'camera must be text in "quotes" or a list of such texts, not a table'),
        ("camera = ", "is no TOML"),
        ('camera = "a"\ncamera = "b"', "is no TOML"),
        (b"\xff", "is no TOML"),
        ('"\\u001b[31m" = 1', "?[31m is unknown"),
        ("# " + "x" * 70_000, "is longer than 64 KiB"),
        ("a = " + "[" * 20_000, "is no TOML"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(text, why):
    with pytest.raises(ConfigError) as refused:
        parsed(text)
    assert why in refused.value.why
    assert refused.value.hint == "lensd config edit"


def test_values_are_written_as_they_are_read():
    values = {"camera": 'a "name"\\ \n', "lens": "none", "fps": 29.97, "preview": False, "show_points": True}
    text = "\n".join(f"{key} = {as_toml(value)}" for key, value in values.items())
    assert parsed(text) == values


def test_files_are_named_from_home_or_from_the_settings_folder(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    folder = config_file().parent
    assert parsed('camera = "~/talk.mp4"') == {"camera": "/home/somebody/talk.mp4"}
    assert parsed('camera = "clips/talk.mp4"') == {"camera": str(folder / "clips/talk.mp4")}
    assert parsed('camera = "/dev/video2"') == {"camera": "/dev/video2"}
    assert parsed('camera = ["C920", "./a.mp4"]') == {"camera": ["C920", str(folder / "a.mp4")]}
    assert parsed('camera = "Integrated Camera"') == {"camera": "Integrated Camera"}


def test_the_file_holds_and_the_command_line_goes_before_it(daemon, path):
    path.write_text(BASE + 'lens = "none"\n')
    daemon.start("--size", "320x240").until_on_air("worker")
    told = daemon.status()
    assert (told["format"], told["lens"], told["camera"]) == ("320x240 at 30", "none", "demo")
    shown = daemon.command("config", "show").stdout
    assert 'camera = "demo"\n' in shown
    assert "fps = 30  # default\n" in shown
    assert '# the running camera has size = "320x240"' in shown


def test_a_reload_changes_the_lens_on_air_and_the_camera_with_another_worker(daemon, path):
    path.write_text(BASE + 'lens = "none"\n')
    daemon.start().until_on_air("worker")
    worker = daemon.worker_pid()
    path.write_text(BASE + 'lens = "thug-life-overlay"\n')
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until(lambda: daemon.status()["worker"].get("lens") == "thug-life-overlay", "the lens changes")
    assert daemon.worker_pid() == worker
    path.write_text(BASE.replace("640x480", "320x240") + 'show_points = true\nlens = "thug-life-overlay"\n')
    done = daemon.command("config", "reload")
    assert done.returncode == 0, done.stderr
    assert "has taken: show_points." in done.stdout
    assert "From its next start: size" in done.stdout
    daemon.until(lambda: daemon.worker_pid() not in {None, worker}, "another worker")
    daemon.until_on_air("worker")
    told = daemon.status()
    assert (told["format"], told["worker"]["restarts"]) == ("640x480 at 30", 0)
    assert told["settings"]["from_next_start"] == ["size"]
    assert not alive(worker)


def test_a_broken_file_changes_nothing_now_and_nothing_at_the_next_start(daemon, path):
    path.write_text(BASE + 'lens = "none"\n')
    daemon.start().until_on_air("worker")
    path.write_text(BASE + 'lens = "no')  # as an editor leaves it in the middle of writing
    refused = daemon.command("config", "reload")
    assert refused.returncode == 78
    assert "is no TOML" in refused.stderr
    assert "lensd config edit" in refused.stderr
    told = daemon.status()
    assert told["on_air"] == "worker"
    assert "is no TOML" in told["settings"]["problem"]["why"]
    assert "as they were" in daemon.command("status").stdout
    assert "as they were" in daemon.said()
    daemon.process.kill()
    daemon.process.wait()
    daemon.start().until_on_air("worker")
    assert daemon.status()["format"] == "640x480 at 30"
    path.write_text(BASE + 'lens = "none"\n')
    assert daemon.command("config", "reload").returncode == 0
    assert daemon.status()["settings"]["problem"] is None


def test_a_file_that_was_never_good_is_refused_at_the_start(daemon, path):
    path.write_text("camra = 1\n")
    done = daemon.command("run")
    assert done.returncode == 78
    assert done.stderr.splitlines()[0].endswith("camra is unknown; did you mean camera?")
    assert done.stderr.splitlines()[1] == "hint: lensd config edit"
    assert daemon.command("config", "check").returncode == 78


def test_a_lens_of_the_settings_that_is_gone_does_not_stop_the_camera(daemon, path):
    path.write_text(BASE + 'lens = "nonesuch"\n')
    daemon.start().until_on_air("worker")
    assert "lens of the settings cannot be had" in daemon.said()


EDITOR = """
import pathlib, sys
path = pathlib.Path(sys.argv[-1])
text = path.read_text()
sys.exit(9) if {text!r} == "fail" else path.write_text(text + {text!r})
"""


def edit(daemon, text):
    script = daemon.home / "editor.py"
    script.write_text(EDITOR.format(text=text))
    daemon.environment |= {"EDITOR": f"{sys.executable} '{script}'"}
    daemon.environment.pop("VISUAL", None)
    return daemon.command("config", "edit")


def test_an_edit_is_checked_before_it_replaces_the_file(daemon, path):
    done = edit(daemon, BASE)
    assert done.returncode == 0, done.stderr
    assert "holds from the next start" in done.stdout
    assert path.read_text() == TEMPLATE + BASE
    assert path.stat().st_mode & 0o777 == 0o600
    for text, status in (("lenz = 1\n", 78), ("fail", 78)):
        refused = edit(daemon, text)
        assert refused.returncode == status
        assert path.read_text() == TEMPLATE + BASE
    assert "Nothing was changed" in edit(daemon, "").stdout
    target = path.with_name("kept-elsewhere.toml")
    path.rename(target)
    path.symlink_to(target)
    daemon.start().until_on_air("worker")
    done = edit(daemon, 'lens = "none"\n')
    assert "The running camera has taken: lens." in done.stdout
    assert path.is_symlink()
    assert target.read_text().endswith('lens = "none"\n')
    daemon.until(lambda: daemon.status()["lens"] == "none", "the lens changes")
    assert "camera, lens, size, output, preview, always_on set" in daemon.command("config", "check").stdout


def test_a_closed_terminal_ends_the_daemon_and_sighup_without_one_does_not(daemon):
    ours, theirs = os.openpty()
    daemon.environment |= {"LENSD_LOG": "INFO"}
    daemon.start("--camera", "demo", "--output", "none", "--no-preview")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.until(lambda: "Settings read again" in daemon.said(), "the settings are read")
    assert daemon.process.poll() is None
    daemon.end()
    pid = os.fork()
    if not pid:
        os.setsid()
        os.close(ours)
        for descriptor in range(3):
            os.dup2(theirs, descriptor)
        os.close(os.open(os.ttyname(0), os.O_RDWR))  # a session's first terminal becomes its own
        words = ["-P", "-m", "lensd", "run", "--camera", "demo", "--output", "none", "--no-preview"]
        os.execve(sys.executable, [sys.executable, *words], daemon.environment)
    os.close(theirs)
    deadline = time.monotonic() + 30
    while daemon.command("status").returncode:
        assert time.monotonic() < deadline, "it does not start"
    os.close(ours)
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < deadline, "it lives on without its terminal"
        time.sleep(0.05)


def test_the_status_carries_the_settings(daemon):
    daemon.start("--camera", "demo", "--output", "none", "--no-preview", "--lens", "none")
    current = json.loads(daemon.command("status", "--json").stdout)["settings"]["current"]
    assert list(current) == keys()
    assert current["camera"] == "demo"


def test_favourites_are_kept_and_the_next_one_is_found(daemon):
    daemon.start("--camera", "demo", "--output", "none", "--no-preview", "--lens", "none", "--always-on")
    assert daemon.command("favourite", "nonesuch").returncode == 65
    assert daemon.command("switch", "next", "--favourites").returncode == 78
    assert "No favourites yet" in daemon.command("lenses", "--favourites").stdout
    for name in ("thug-life-overlay", "thug-life"):
        assert daemon.command("favourite", name).returncode == 0
    listed = daemon.command("lenses", "--favourites").stdout.split("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == ["thug-life", "thug-life-overlay"]
    assert all("*" in line for line in listed.splitlines())
    for wanted in ("thug-life-overlay", "thug-life", "thug-life-overlay"):
        assert daemon.command("switch", "next", "--favourites").returncode == 0
        assert daemon.status()["lens"] == wanted
    assert daemon.command("switch", "previous", "--favourites").returncode == 0
    assert daemon.status()["lens"] == "thug-life"
    daemon.command("favourite", "thug-life", "--remove")
    assert json.loads((daemon.home / "state/lensd/favourites.json").read_text()) == ["thug-life-overlay"]
    assert daemon.command("switch", "none", "--favourites").returncode == 78


def test_the_desktop_entry_calls_commands_that_there_are():
    lines = (
        (Path(__file__).parents[2] / "lensd/setup/share/applications/snaplens-camera.desktop").read_text().splitlines()
    )
    commands = [line.removeprefix("Exec=").split() for line in lines if line.startswith("Exec=")]
    assert len(commands) == 4
    known = group.list_commands(click.Context(group))
    assert all(words[0] == "lensd" and words[1] in known for words in commands)
    actions = next(line for line in lines if line.startswith("Actions=")).removeprefix("Actions=").strip(";").split(";")
    assert [f"[Desktop Action {name}]" in lines for name in actions] == [True] * 3
