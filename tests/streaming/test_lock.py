"""One process at a time."""

import os
from pathlib import Path

import pytest

from streaming.errors import RefusedError
from streaming.lock import held


def test_second_holder_is_refused_and_told_who_holds(tmp_path: Path) -> None:
    path = tmp_path / "run" / "a.lock"
    refusal = pytest.raises(RefusedError, match=f"a.lock: process {os.getpid()} is doing the same")

    with held(path), refusal, held(path):
        raise AssertionError("held twice")


def test_lock_that_was_let_go_is_free(tmp_path: Path) -> None:
    for _ in range(2):
        with held(tmp_path / "a.lock"):
            assert (tmp_path / "a.lock").read_text() == f"{os.getpid()}\n"
