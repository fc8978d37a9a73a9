"""The command line: the one place that prints."""

from __future__ import annotations

from lensd.cli.group import main

__all__ = ["main"]
