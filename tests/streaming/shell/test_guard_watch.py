"""A live trader opens nothing where the watchdog could not cancel: it reads what the guard says of itself."""

import json
import time
from pathlib import Path

import pytest

from streaming.shell import guard_watch
from streaming.shell.guard_watch import STALE_NS, GuardWatch
from streaming.watchdog.guard_file import READY_FILE, write_readiness

RUN, VENUES = "live-1", ("binance_spot", "bybit_spot")


@pytest.fixture(autouse=True)
def looks_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_watch, "LOOK_NS", 0)


def test_nothing_is_guarded_before_the_guard_has_spoken_of_this_run(tmp_path: Path) -> None:
    watch = GuardWatch(tmp_path, RUN, VENUES)

    assert watch.unready() == frozenset(VENUES)
    write_readiness(tmp_path, "live-0", dict.fromkeys(VENUES, True))
    assert watch.unready() == frozenset(VENUES)


def test_the_venues_where_it_could_not_act_are_named(tmp_path: Path) -> None:
    watch = GuardWatch(tmp_path, RUN, VENUES)

    write_readiness(tmp_path, RUN, {"binance_spot": True, "bybit_spot": False})

    assert watch.unready() == {"bybit_spot"}
    write_readiness(tmp_path, RUN, dict.fromkeys(VENUES, True))
    assert watch.unready() == frozenset()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"run": "live-1"}'])
def test_a_word_that_is_old_or_broken_counts_as_none(tmp_path: Path, damage: str) -> None:
    watch = GuardWatch(tmp_path, RUN, VENUES)
    old = {"run": RUN, "ready": dict.fromkeys(VENUES, True), "ts_monotonic_ns": time.monotonic_ns() - STALE_NS - 1}

    (tmp_path / READY_FILE).write_text(json.dumps(old))
    assert watch.unready() == frozenset(VENUES)
    (tmp_path / READY_FILE).write_text(damage)
    assert watch.unready() == frozenset(VENUES)
