"""Logs that do not tell what a person's files are called."""

from __future__ import annotations

import logging
import os


class Discreet(logging.Filter):
    """Puts "(a file)" in place of certain files' names, wherever a message has them."""

    def __init__(self, *settings: str) -> None:
        """Hide those of `settings` (a camera, an output) that are files: not devices, and not mere names."""
        super().__init__()
        files = [name for name in settings if "/" in name and not name.startswith("/dev/")]
        names = {part for name in files for part in (name, os.path.basename(name), os.path.splitext(name)[0])}  # noqa: PTH119, PTH122 no Path for each
        self._names = sorted(filter(None, names), key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without names."""
        text = record.getMessage()
        for name in self._names:
            text = text.replace(name, "(a file)")
        record.msg, record.args = text, ()
        return True

    def install(self) -> None:
        """Have all that this process logs pass through here."""
        for handler in logging.getLogger().handlers:
            handler.addFilter(self)
