"""Fixtures that every room uses."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of real recordings that the setting LOB_RECORDINGS names; tests that need it skip without it."""
    folder = os.environ.get("LOB_RECORDINGS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("LOB_RECORDINGS names no folder of recordings")
    return Path(folder).resolve()
