"""Lens packages, made whole and small; a test breaks what it is about."""

from __future__ import annotations

import pytest

from tests.lens.packages import write_generator, write_overlay


@pytest.fixture
def generator(tmp_path):
    """A generator package in a folder: a real network of 64x64 that paints a dark box where it saw one pixel bright."""
    return write_generator(tmp_path / "made" / "tiny.lens")


@pytest.fixture
def overlay(tmp_path):
    """An overlay package in a folder: one red sticker on the eyes."""
    return write_overlay(tmp_path / "made" / "dots.lens")
