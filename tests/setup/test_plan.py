"""From facts of a machine to the steps that are left."""

import pytest

from lensd.errors import SetupError
from lensd.setup.distribution import Distribution
from lensd.setup.facts import Loopback
from lensd.setup.plan import outputs_now
from lensd.setup.undo import make_undo
from tests.setup.machines import OBS, OTHER, OURS, OWN, UNIT, WANTED, commands, machine, options_file, plan, set_up

FEDORA = Distribution("fedora", "Fedora Linux 44", "44")
ARCH = Distribution("arch", "Arch Linux")
APT = "apt-get install --yes --no-install-recommends"
# All that may ever be run as root.
ROOT_TOOLS = {
    "apt-get", "dnf", "pacman", "akmods", "install", "rm", "modprobe", "mokutil", "usermod", "gpasswd",
    "v4l2loopback-ctl", "udevadm",
}  # fmt: skip


def test_a_fresh_debian_gets_module_options_group_and_service_in_this_order():
    told = commands(machine())
    assert told == [
        "apt-get update",
        f"{APT} v4l2loopback-dkms linux-headers-6.1.0-28-amd64 linux-headers-amd64",
        "install -D -m 644 /dev/stdin /etc/modprobe.d/snaplens.conf",
        "install -D -m 644 /dev/stdin /etc/modules-load.d/snaplens.conf",
        "install -D -m 644 /dev/stdin /etc/udev/rules.d/60-snaplens-camera.rules",
        "udevadm control --reload",
        "modprobe v4l2loopback",
        "usermod -aG video ada",
        f"install -D -m 644 /dev/stdin {UNIT}",
        "install -D -m 644 /dev/stdin /home/ada/.local/share/applications/x.desktop",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now lensd.service",
    ]


def test_what_is_set_up_needs_nothing():
    assert commands(set_up()) == []


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (
            {"distribution": ARCH, "kernel_base": "linux-lts"},
            ["pacman -S --needed --noconfirm v4l2loopback-dkms linux-lts-headers"],
        ),
        (
            {"distribution": FEDORA, "kernel": "6.17.1-300.fc44", "rpm_fusion": True},
            [
                "dnf install --assumeyes akmod-v4l2loopback kernel-devel-6.17.1-300.fc44",
                "akmods --kernels 6.17.1-300.fc44",
            ],
        ),
        ({"headers": True}, ["apt-get update", f"{APT} v4l2loopback-dkms"]),
    ],
)
def test_each_distribution_installs_with_its_own_tool(facts, expected):
    assert commands(machine(**facts))[: len(expected)] == expected


def test_fedora_is_first_told_of_the_archive_that_has_the_module():
    [first, *_] = commands(machine(distribution=FEDORA))
    assert first.startswith("dnf install --assumeyes https://")
    assert first.endswith("-44.noarch.rpm")


@pytest.mark.parametrize("family", ["", "ostree"])
def test_a_system_that_we_cannot_install_on_is_told_what_it_needs(family):
    with pytest.raises(SetupError) as error:
        plan(machine(distribution=Distribution(family, "Some Linux")))
    assert "lensd setup" in error.value.hint
    assert commands(machine(distribution=Distribution(family, "Some Linux"), module_built=True))[0].startswith(
        "install "
    )


def test_options_of_others_are_kept_and_overruled_by_a_file_that_is_read_later():
    facts = machine(module_built=True, options=(options_file("v4l2loopback.conf", OBS),))
    [step] = [step for step in plan(facts).steps if "modprobe.d" in str(step)]
    assert step.command[-1] == "/etc/modprobe.d/zz-snaplens.conf"
    assert "video_nr=10,42 " in step.content
    assert '"OBS Virtual Camera,SnapLens Camera"' in step.content


def test_a_file_that_another_now_overrules_is_written_anew_and_the_old_one_removed():
    facts = set_up(options=(options_file("snaplens.conf", OURS), options_file("v4l2loopback.conf", OBS)))
    assert [each for each in commands(facts) if "modprobe" in each] == [
        "install -D -m 644 /dev/stdin /etc/modprobe.d/zz-snaplens.conf",
        "rm -f -- /etc/modprobe.d/snaplens.conf",
    ]


def test_a_number_that_a_webcam_or_another_program_has_is_not_taken():
    facts = machine(
        module_built=True, taken=frozenset({42}), options=(options_file("obs.conf", OBS.replace("10", "43")),)
    )
    [step] = [step for step in plan(facts).steps if "modprobe.d" in str(step)]
    assert "video_nr=43,44 " in step.content


def test_two_outputs_are_two_cameras_with_names_of_their_own():
    facts = machine(module_built=True)
    [step] = [step for step in plan(facts, outputs=2).steps if "modprobe.d" in str(step)]
    assert 'devices=2 video_nr=42,43 card_label="SnapLens Camera,SnapLens Camera 2" exclusive_caps=1,1' in step.content


def test_a_setup_that_is_not_told_how_many_keeps_those_that_there_are():
    assert outputs_now(machine()) == 1
    two = options_file("snaplens.conf", OURS.replace("SnapLens Camera", "SnapLens Camera,SnapLens Camera 2"))
    assert outputs_now(machine(options=(two,))) == 2
    assert outputs_now(set_up(loopbacks=(OWN, Loopback(43, "SnapLens Camera 2")))) == 2


def test_a_second_output_is_added_beside_the_first_where_the_module_can():
    told = commands(set_up(adds=True), outputs=2)
    assert "v4l2loopback-ctl add -n 'SnapLens Camera 2' -x 1 -b 4 /dev/video43" in told
    assert not [each for each in told if each.startswith("modprobe")]


def test_where_the_module_cannot_add_it_is_loaded_anew_after_the_service_let_go():
    told = commands(set_up(), outputs=2)
    assert told[-4:] == [
        "systemctl --user stop lensd.service",
        "modprobe -r v4l2loopback",
        "modprobe v4l2loopback",
        "systemctl --user enable --now lensd.service",
    ]


@pytest.mark.parametrize(
    "loopbacks", [(OTHER,), (OTHER, OWN), (Loopback(42, "SnapLens Camera", both_ways=True, holders=("zoom (pid 7)",)),)]
)
def test_a_module_that_others_use_is_never_unloaded(loopbacks):
    facts = set_up(loopbacks=loopbacks)
    planned = plan(facts, outputs=2)
    assert not [str(step) for step in planned.steps if step.command[0] in ("modprobe", "v4l2loopback-ctl")]
    assert planned.then[0].startswith("restart the computer")


@pytest.mark.parametrize(("key", "asks"), [("missing", True), ("unknown", True), ("waiting", False)])
def test_secure_boot_is_explained_and_its_key_enrolled_never_switched_off(key, asks):
    planned = plan(machine(secure_boot=True, key=key))
    told = [str(step) for step in planned.steps]
    assert ("mokutil --import /var/lib/dkms/mok.pub" in told) == asks
    assert "modprobe v4l2loopback" not in told
    assert "Secure Boot stays on" in planned.why[0]
    assert "Enroll MOK" in planned.then[0]


def test_an_enrolled_key_needs_nothing():
    assert "modprobe v4l2loopback" in commands(machine(secure_boot=True, key="enrolled", module_built=True))


def test_a_daemon_that_was_started_by_hand_is_left_alone():
    planned = plan(set_up(active=False, enabled=False, by_hand=True))
    assert [str(step) for step in planned.steps] == ["systemctl --user enable lensd.service"]
    assert "lensd stop" in planned.then[0]


def test_a_session_without_systemd_gets_no_service():
    planned = plan(machine(user_systemd=False))
    assert not [step for step in planned.steps if "systemctl" in step.command or str(UNIT) in step.command]
    assert "lensd run" in planned.then[-1]


def test_only_the_systems_own_tools_ever_run_as_root():
    machines = [
        machine(),
        machine(distribution=FEDORA, secure_boot=True),
        machine(distribution=ARCH),
        set_up(adds=True),
    ]
    steps = [step for facts in machines for step in plan(facts, outputs=2).steps]
    steps += make_undo(set_up(), WANTED, UNIT, ["package v4l2loopback-dkms", "group ada"]).steps
    assert {step.command[0] for step in steps if step.root} <= ROOT_TOOLS
    assert {step.command[0] for step in steps if not step.root} <= {"install", "rm", "systemctl"}


def test_undo_takes_back_what_setup_left_and_nothing_else():
    planned = make_undo(set_up(), WANTED, UNIT, ["package v4l2loopback-dkms", "group ada"])
    assert [str(step) for step in planned.steps] == [
        "systemctl --user disable --now lensd.service",
        f"rm -f -- {UNIT} /home/ada/.local/share/applications/x.desktop",
        "systemctl --user daemon-reload",
        "rm -f -- /etc/modprobe.d/snaplens.conf /etc/modules-load.d/snaplens.conf",
        "modprobe -r v4l2loopback",
        "apt-get remove --yes v4l2loopback-dkms",
        "gpasswd --delete ada video",
    ]


def test_undo_leaves_a_file_that_another_has_written():
    planned = make_undo(set_up(load_file="v4l2loopback\n"), WANTED, UNIT, [])
    assert "modules-load.d" not in " ".join(map(str, planned.steps))


def test_undo_leaves_the_module_to_others_who_use_it():
    planned = make_undo(set_up(loopbacks=(OWN, OTHER)), WANTED, UNIT, ["package v4l2loopback-dkms"])
    told = [str(step) for step in planned.steps]
    assert not [each for each in told if each.startswith(("modprobe", "apt-get"))]
    assert any("other programs" in each for each in planned.then)


def test_undo_where_nothing_was_done_has_no_steps():
    assert make_undo(machine(), WANTED, UNIT, []).steps == ()
