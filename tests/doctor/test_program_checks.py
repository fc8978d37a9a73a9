"""The checks of programs, service and disk, on what the real tools write."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from lensd.doctor import module_build, programs, service
from lensd.doctor.mend import mend
from lensd.doctor.report import Finding

NODE = Path("/dev/video42")


@pytest.mark.parametrize(
    ("said", "status", "word"),
    [
        ("v4l2loopback/0.12.7, 6.1.0-28-amd64, x86_64: installed\n", "ok", "built for kernel 6.1.0-28-amd64"),
        ("v4l2loopback, 0.12.7, 6.1.0-28-amd64, x86_64: installed\n", "ok", "0.12.7 is built"),
        ("v4l2loopback/0.15.0, 6.1.0-27-amd64, x86_64: installed\n", "fail", "only for 6.1.0-27-amd64"),
        ("v4l2loopback/0.15.0, 6.1.0-28-amd64, x86_64: built\n", "fail", "is built for kernel"),
        ("v4l2loopback/0.15.0: added\n", "fail", "is not built for the running kernel"),
        ("", "ok", "knows no v4l2loopback"),
    ],
)
def test_a_module_that_was_not_built_for_this_kernel_is_found(said, status, word):
    [finding] = module_build.dkms(said, "6.1.0-28-amd64")
    assert finding.status == status
    assert word in finding.detail
    assert bool(finding.hint) == (status != "ok")


def test_what_each_version_of_the_module_can_do_is_told():
    told = {
        version: next(iter(module_build.abilities(True, version))).detail for version in (None, (0, 13, 2), (0, 15, 0))
    }
    assert "does not tell who looks" in told[None]
    assert "several programs" in told[0, 13, 2]
    assert "lensd setup --outputs 2" in told[0, 15, 0]
    assert list(module_build.abilities(False, None)) == []


def node_of_pipewire(**props):
    return {"id": 7, "type": "PipeWire:Interface:Node", "info": {"props": {"media.class": "Video/Source", **props}}}


@pytest.mark.parametrize(
    ("objects", "status", "word"),
    [
        ([node_of_pipewire(**{"api.v4l2.path": "/dev/video42"})], "ok", "as a source: /dev/video42"),
        ([node_of_pipewire(**{"node.description": "SnapLens Camera"})], "ok", "its own node"),
        ([node_of_pipewire(**{"api.v4l2.path": "/dev/video0"})], "warn", "has no source for /dev/video42"),
        ([{"info": None}, 7], "warn", "no source"),
    ],
)
def test_pipewires_view_of_the_camera_is_read_from_its_dump(objects, status, word):
    [finding] = programs.pipewire(json.dumps(objects), NODE)
    assert finding.status == status
    assert word in finding.detail


def test_a_snap_without_its_plug_gets_the_command_that_connects_it():
    said = """Interface  Plug                 Slot     Notes
camera     zoom-client:camera   -        -
camera     firefox:camera       :camera  -
network    zoom-client:network  :network -
"""
    zoom, firefox = programs.snaps(said)
    assert (zoom.status, zoom.hint) == ("warn", "sudo snap connect zoom-client:camera")
    assert (firefox.name, firefox.status) == ("snap firefox", "ok")


def test_a_flatpak_that_may_not_open_devices_gets_the_command_that_lets_it(tmp_path, monkeypatch):
    """With a program that answers as flatpak does."""
    stand_in = tmp_path / "flatpak"
    stand_in.write_text("""#!/bin/sh
case "$*" in
    list*) printf 'us.zoom.Zoom\\norg.mozilla.firefox\\norg.gnome.Maps\\n' ;;
    *Zoom) printf '[Context]\\nshared=network;\\ndevices=dri;\\n' ;;
    *) printf '[Context]\\ndevices=all;\\n' ;;
esac
""")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    zoom, firefox = programs.flatpaks()
    assert (zoom.status, zoom.hint) == ("warn", "flatpak override --user --device=all us.zoom.Zoom")
    assert (firefox.name, firefox.status) == ("flatpak org.mozilla.firefox", "ok")


@pytest.mark.parametrize(
    ("said", "status", "fix"),
    [
        ("LoadState=loaded\nActiveState=active\nNRestarts=0\nUnitFileState=enabled", "ok", ""),
        ("LoadState=loaded\nActiveState=failed\nResult=exit-code\nUnitFileState=enabled", "fail", "restart"),
        ("LoadState=loaded\nActiveState=inactive\nUnitFileState=enabled", "warn", "start"),
        ("LoadState=loaded\nActiveState=inactive\nUnitFileState=disabled", "warn", "enable"),
        ("LoadState=not-found\nActiveState=inactive", "warn", ""),
        ("", "ok", ""),
    ],
)
def test_the_service_is_judged_and_what_starts_it_may_be_run_by_fix(said, status, fix):
    [finding] = service.unit(said)
    assert finding.status == status
    assert (finding.fix[2] if finding.fix else "") == fix


def test_the_last_complaints_of_the_journal_are_shown_newest_first_and_once():
    journal = "INFO keeper: fine\nWARNING keeper: first\nERROR worker: second\nERROR worker: second\n"
    found = list(service.last_errors(journal))
    assert [finding.detail for finding in found] == ["ERROR worker: second", "WARNING keeper: first"]


def test_a_folder_that_may_not_be_written_fails_the_disk(tmp_path):
    [finding] = service.disk((tmp_path / "deep/er",))
    assert finding.name == "disk"
    assert "free at" in finding.detail
    if os.geteuid():
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        assert next(iter(service.disk((tmp_path,)))).status == "fail"
        tmp_path.chmod(0o700)


def test_fix_runs_what_may_be_run_and_nothing_else(tmp_path):
    def touch(name):
        return (sys.executable, "-c", f"open({str(tmp_path / name)!r}, 'w')")

    findings = [
        Finding("a", "warn", "x", "do it", touch("safe")),
        Finding("b", "ok", "x", "", touch("well")),
        Finding("c", "fail", "x", "sudo rm"),
        Finding("d", "fail", "x", "y", (str(tmp_path / "nothing"),)),
    ]
    assert len(mend(findings)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["safe"]
