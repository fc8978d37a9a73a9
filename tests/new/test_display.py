import os
import select
from functools import partial
from types import SimpleNamespace

import pytest

from trainer.new.display import TerminalDisplay
from trainer.new.stages import Stage, Stopped


def written_to(master: int) -> str:
    written = b""
    while select.select([master], [], [], 0.5)[0]:
        written += os.read(master, 65536)
    return written.decode()


def stage(name: str, seconds: float) -> Stage:
    return Stage(name, f"doing {name}", seconds, {}, lambda *_: {})


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 100 columns as standard error; what was written to it."""
    master, slave = os.openpty()
    with os.fdopen(slave, "w") as stream:
        # Not sys.stderr itself, which pytest sets anew before each test's body.
        monkeypatch.setattr("trainer.new.display.sys", SimpleNamespace(stderr=stream))
        monkeypatch.setenv("COLUMNS", "100")
        yield partial(written_to, master)
    os.close(master)


def test_on_a_terminal_one_bar_goes_all_the_way_and_is_taken_away_in_the_end(terminal, capsys):
    one, two = stage("pairs", 10), stage("distil", 90)
    display = TerminalDisplay([one, two], lambda: False)
    display.begin(one)
    display.end(one, {"faces": 12, "persons": 3}, again=False)
    display.begin(two)
    display.show(0.5, 1, "step 5 of 10")
    display.close()
    written = terminal()
    assert "55%" in written
    assert "left  distil: step 5 of 10" in written
    assert written.endswith("\r\x1b[K\x1b[?25h")
    assert "pairs   done      12 faces of 3 people" in capsys.readouterr().out


def test_the_time_that_is_left_follows_the_pace_that_is_seen(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr("trainer.new.display.time.monotonic", lambda: clock[0])
    one, two = stage("pairs", 100), stage("distil", 900)
    display = TerminalDisplay([one, two], lambda: False)
    assert display.left_s() == 1000
    display.begin(one)
    display.show(0.0, 1)
    clock[0] += 400  # four times slower than was thought
    display.end(one, {}, again=False)
    assert display.left_s() == pytest.approx(900 * 420 / 120)
    display.begin(two)
    display.show(0.5, 1)  # where an earlier run had stopped: costs this one nothing
    assert display.left_s() == pytest.approx(450 * 420 / 120)


def test_without_a_terminal_a_line_is_printed_and_a_signal_is_passed_on(capsys):
    came = [False]
    one = stage("pairs", 10)
    display = TerminalDisplay([one], lambda: came[0])
    display.begin(one)
    display.tell(1, 2)
    came[0] = True
    with pytest.raises(Stopped, match="what was done is saved"):
        display.tell(2, 2)
    assert "pairs: doing pairs" in capsys.readouterr().out
