"""Lenses that come and go while the camera runs: `lensd lens` beside a daemon."""

from tests.lens.packages import write_overlay

DEMO = ("--camera", "demo", "--output", "none", "--no-preview", "--size", "320x240", "--lens", "none", "--always-on")


def test_a_lens_is_worn_renewed_and_removed_without_a_restart(daemon, tmp_path):
    daemon.start(*DEMO).until_on_air("worker")
    worker = daemon.worker_pid()

    def lensd(*arguments, fine=True):
        done = daemon.command(*arguments)
        assert (done.returncode == 0) is fine, done.stderr
        return done.stdout + done.stderr

    made = write_overlay(tmp_path / "made" / "dots.lens")
    assert "wear it: lensd switch dots" in lensd("lens", "install", str(made))
    assert lensd("switch", "dots") == "Lens dots is on.\n"
    changed = (made / "lens.toml").read_text().replace('version = "1.0.0"', 'version = "1.1.0"')
    (made / "lens.toml").write_text(changed)
    assert "The camera shows the new one." in lensd("lens", "install", str(made), "--upgrade")
    assert "without it your face would be bare" in lensd("lens", "remove", "dots", fine=False)
    assert daemon.status()["lens"] == "dots"
    assert "Removed" in lensd("lens", "remove", "dots", "--switch-to", "thug-life-overlay")
    told = daemon.status()
    assert (told["lens"], told["worker"]["pid"], told["worker"]["restarts"]) == ("thug-life-overlay", worker, 0)
