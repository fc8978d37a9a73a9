"""Keeps the host from collecting what runs inside the guest, and prints what the guest measured."""

from __future__ import annotations

import os

import pytest

if os.uname().nodename != "snaplens-vm":  # guest-init names the guest so
    collect_ignore = ["inside"]

lines = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[lines] = []


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are printed at the end of the run, also when all is well."""
    return request.config.stash[lines]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[lines]:
        terminalreporter.section("camera guest")
        for line in config.stash[lines]:
            terminalreporter.write_line(line)
