"""How long a paper trader takes from socket to engine to order, and to come back after a kill; printed, never asserted.

The model is a stub that turns its mind every few steps, so that orders are sent all the time: what is measured is
everything but a model's own arithmetic.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench_table import Row, show
from emulator_process import Play
from live_capture import START_S, child, emulator_of, settings_in

from streaming.errors import NotRunningError
from streaming.journal import Journal
from streaming.live_segments import PART_SUFFIX
from streaming.shell.control import ask
from streaming.shell.trader_names import SOCKET_NAME
from streaming.trader.plan import TraderPlan
from streaming.trader.recovery import interrupted_session, resume_session

START_NS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp()) * 1_000_000_000
PLAY = Play(seed=5, start_ns=START_NS, speed=1.0, frames=10**9, fault_seed=1, faults_per_hour=0.0)
SPEEDS = (1.0, 5.0, 20.0)
SPAN_S = 10.0
JOURNAL_SPEED, JOURNAL_S = 30.0, 20.0
SHARES = (0.25, 0.5, 1.0)
STAGES = ("socket_to_engine", "step_to_forecast", "socket_to_order")
FILE_OF_PROCESS = Path(__file__).parents[1] / "streaming" / "paper_process.py"


@contextmanager
def trading(folder: Path, speed: float, span_s: float) -> Iterator[dict[str, Any]]:
    """Trade for a while; yield the last status while the process still runs, then kill it."""
    settings = settings_in(folder)
    with (
        emulator_of(folder, replace(PLAY, speed=speed), settings),
        child(str(FILE_OF_PROCESS), str(settings), stream="stdout", settings=settings),
    ):
        place = folder / "data" / "run" / SOCKET_NAME
        first = _status(place, lambda status: status.get("counts", {}).get("fills", 0) > 0)
        time.sleep(span_s)
        yield _status(place, lambda status: status["counts"]["steps"] > first["counts"]["steps"])


def _status(place: Path, is_wanted: Any) -> dict[str, Any]:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            status = ask(place, {"op": "status"})
        except NotRunningError:
            status = {}
        if is_wanted(status):
            return status
        time.sleep(0.1)
    raise AssertionError(f"no such status in {START_S:.0f} s: {status}")


@pytest.mark.bench
def test_socket_to_engine_to_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FILE_OF_PROCESS.parent))
    rows = []
    for speed in SPEEDS:
        folder = tmp_path / f"{speed:g}"
        folder.mkdir()
        with trading(folder, speed, SPAN_S) as status:
            counts, latency = status["counts"], status["latency"]
            for stage in STAGES:
                rows.append(
                    {
                        "speed": speed,
                        "frames": counts["frames"],
                        "orders": counts["orders"],
                        "late": counts["forecasts_late"],
                        "stage": stage,
                        **latency[stage],
                    }
                )
    show("paper", "paper trader over loopback, three venues, us from the socket's reading", rows)


@pytest.mark.bench
def test_recovery_of_a_killed_session_by_journal_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(FILE_OF_PROCESS.parent))
    with trading(tmp_path, JOURNAL_SPEED, JOURNAL_S):
        pass
    journal = interrupted_session(tmp_path / "data" / "journal")
    assert journal is not None and journal.name.endswith(PART_SUFFIX)
    rows = []
    for share in SHARES:
        copy = tmp_path / f"{share}" / journal.name
        copy.parent.mkdir()
        shutil.copyfile(journal, copy)
        os.truncate(copy, int(copy.stat().st_size * share))
        rows.append(recovery_row(copy))
    show("paper_recovery", "a killed session's journal heard again, until new frames can be taken", rows)


def recovery_row(journal: Path) -> Row:
    header, size_bytes = Journal(journal).header, journal.stat().st_size
    plan = TraderPlan(header=header, venue_plans={}, instrument_offsets={}, source_offsets={}, made_ns=2**62)
    began = time.perf_counter()
    session = resume_session(journal, plan, lambda line: None)
    took_s = time.perf_counter() - began
    session.abandon()
    return {
        "size_mb": round(size_bytes / 1e6, 2),
        "frames": session.counts.frames,
        "steps": session.counts.steps,
        "orders": session.counts.orders,
        "recovery_s": round(took_s, 2),
        "frames a second": round(session.counts.frames / took_s),
    }
