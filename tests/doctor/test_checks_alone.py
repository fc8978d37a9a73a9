"""How a check is run: whatever it does, the doctor goes on."""

import time

from lensd.doctor.report import Check, Finding, run_check, worst
from lensd.errors import SinkMissing


def check(look, limit_s=5.0):
    return Check("thing", look, limit_s)


def test_findings_come_in_their_order():
    found = [Finding("a", "ok", "fine"), Finding("b", "warn", "so so", "mend it")]
    assert run_check(check(lambda: iter(found))) == found


def test_our_own_error_is_a_failure_with_its_hint():
    def look():
        raise SinkMissing("SnapLens Camera", "the module is not loaded", "sudo modprobe v4l2loopback")

    [finding] = run_check(check(look))
    assert finding == Finding(
        "thing", "fail", "SnapLens Camera: the module is not loaded", "sudo modprobe v4l2loopback"
    )


def test_the_systems_error_is_a_failure_in_its_words(tmp_path):
    def look():
        (tmp_path / "nothing").read_text()
        yield Finding("never", "ok", "")

    [finding] = run_check(check(look))
    assert finding.detail == f"{tmp_path}/nothing: No such file or directory"


def test_any_other_error_is_a_failure_with_its_message_and_keeps_what_was_found_before():
    def look():
        yield Finding("first", "ok", "fine")
        raise ZeroDivisionError("division by zero")

    first, second = run_check(check(look))
    assert first.name == "first"
    assert second == Finding("thing", "fail", "the check itself failed: ZeroDivisionError: division by zero")


def test_a_check_that_hangs_is_left_behind_in_time():
    def look():
        yield Finding("first", "ok", "fine")
        time.sleep(3)
        yield Finding("second", "ok", "too late")

    begin = time.monotonic()
    first, second = run_check(check(look, 0.2))
    assert time.monotonic() - begin < 2
    assert first.name == "first"
    assert (second.status, second.detail) == ("fail", "the check did not end within 0.2 s")


def test_the_worst_finding_decides():
    ok, warn, fail = (Finding("x", status, "") for status in ("ok", "warn", "fail"))
    assert worst([]) == "ok"
    assert worst([ok, warn, ok]) == "warn"
    assert worst([fail, warn, ok]) == "fail"
