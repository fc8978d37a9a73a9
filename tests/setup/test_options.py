"""The module's options in modprobe.d, beside those of others; folders as modprobe reads them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from lensd.errors import ConfigError
from lensd.setup import options
from tests.setup.machines import OBS, OURS, options_file

OWN = [("SnapLens Camera", 42)]


def as_modprobe_reads(folder) -> str:
    """The options that the real modprobe hands to the module, by its own reading of a folder."""
    done = subprocess.run(
        [shutil.which("modprobe", path="/usr/sbin:/sbin:/usr/bin"), "-C", folder, "-c"],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("options v4l2loopback ")]
    return "\n".join(lines)


def test_alone_the_file_makes_one_camera_that_chrome_lists():
    made = options.merged({}, OWN)
    assert made == dict(options.parse(OURS))
    assert dict(options.parse(options.as_file(made))) == made
    shipped = Path(options.__file__).parent / "systemd/modprobe.d/snaplens.conf"
    assert made == dict(options.parse(shipped.read_text()))


def test_devices_of_others_stay_as_they_were_before_ours():
    made = options.merged(dict(options.parse(OBS)), OWN)
    assert made["video_nr"] == "10,42"
    assert made["card_label"] == "OBS Virtual Camera,SnapLens Camera"
    assert (made["exclusive_caps"], made["devices"]) == ("1,1", "2")


def test_lists_that_others_left_short_are_filled_and_their_own_words_kept():
    text = "options v4l2loopback devices=3 video_nr=7 max_buffers=8 max_openers=20"
    made = options.merged(dict(options.parse(text)), OWN)
    assert (made["video_nr"], made["exclusive_caps"]) == ("7,-1,-1,42", "0,0,0,1")
    assert made["card_label"] == ",,,SnapLens Camera"
    assert (made["max_buffers"], made["max_openers"], made["devices"]) == ("8", "20", "4")


def test_options_that_make_no_device_add_none():
    made = options.merged({"exclusive_caps": "1", "debug": "1"}, OWN)
    assert (made["devices"], made["exclusive_caps"], made["debug"]) == ("1", "1", "1")


def test_more_devices_than_the_module_makes_are_refused():
    with pytest.raises(ConfigError, match="more than its 8"):
        options.merged({"devices": "8"}, OWN)


@pytest.mark.parametrize(
    ("others", "name"),
    [
        ([], "snaplens.conf"),
        (["obs.conf"], "snaplens.conf"),
        (["v4l2loopback.conf"], "zz-snaplens.conf"),
        (["zz-x.conf"], "zzz-snaplens.conf"),
    ],
)
def test_our_file_is_read_last(others, name):
    assert options.file_name([options_file(each, OBS) for each in others]) == name
    assert options_file(name, OURS).ours


def test_modprobe_itself_reads_what_we_read(tmp_path):
    folder = tmp_path / "etc/modprobe.d"
    folder.mkdir(parents=True)
    (folder / "v4l2loopback.conf").write_text(
        'options v4l2loopback video_nr=10 \\\n  card_label="OBS Virtual Camera"\n'
    )
    (folder / "broken.conf").write_text('options v4l2loopback card_label="no end\n')
    before = options.read_files(tmp_path)
    others = [file for file in before if not file.ours]
    assert options.effective(others) == {"video_nr": "10", "card_label": "OBS Virtual Camera"}
    made = options.merged(options.effective(others), OWN)
    (folder / options.file_name(others)).write_text(options.as_file(made))
    assert options.effective(options.read_files(tmp_path)) == made
    last = as_modprobe_reads(folder).splitlines()[-1]
    assert dict(options.parse(last)) == made


def test_a_file_in_etc_hides_the_one_of_its_name_that_a_package_brought(tmp_path):
    for folder, number in (("etc/modprobe.d", 5), ("usr/lib/modprobe.d", 6)):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "obs.conf").write_text(f"options v4l2loopback video_nr={number}\n")
    [file] = options.read_files(tmp_path)
    assert file.options == (("video_nr", "5"),)


def test_numbers_stay_below_64_and_are_nobody_elses():
    assert options.free_numbers(2, {42}) == [43, 44]
    assert options.free_numbers(1, set(range(42, 64))) == [41]
    with pytest.raises(ConfigError, match="no free number"):
        options.free_numbers(1, set(range(64)))
