"""The shells' own completion, asked as a shell asks it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def lensd(*arguments: str, **variables: str) -> subprocess.CompletedProcess:
    # Completion knows the program by its name, as a shell starts it.
    program = Path(sys.prefix) / "bin" / "lensd"
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=30, env={**os.environ, **variables}
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_lensd_by_the_variable_that_lensd_reads(shell):
    done = lensd("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_LENSD_COMPLETE={shell}_complete" in done.stdout


def test_bash_takes_the_script_and_completes_a_verb(tmp_path):
    program = Path(sys.prefix) / "bin" / "lensd"
    script = f"""
        PATH={program.parent}:$PATH
        eval "$(lensd completion bash)"
        COMP_WORDS=(lensd sw) COMP_CWORD=1
        _lensd_completion lensd
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run([shutil.which("bash"), "-c", script], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr) == ("switch\n", "")


def test_switch_completes_to_the_names_of_lenses():
    done = lensd(COMP_WORDS="lensd switch thug", COMP_CWORD="2", _LENSD_COMPLETE="bash_complete")
    assert "plain,thug-life" in done.stdout.splitlines()


def test_a_shell_that_is_not_known_is_refused_with_those_that_are():
    done = lensd("completion", "tcsh")
    assert done.returncode == 2
    assert "'bash', 'zsh', 'fish'" in done.stderr
