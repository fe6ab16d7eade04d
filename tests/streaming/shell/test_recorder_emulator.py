"""The recorder against the venue emulator: faults on command, each of them in the ledger of the converted hour."""

import asyncio
import os
import signal
import threading
from datetime import UTC, datetime

import orjson
import pytest

from native.config import EngineSettings
from streaming.convert import convert_hour
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.market import MarketEmulator
from streaming.emulator.serve import serving
from streaming.emulator.source import EndlessMarket
from streaming.errors import NotRunningError, UsageError
from streaming.record_config import RecordConfig
from streaming.shell.attach import attach
from streaming.shell.recorder import RecordRequest, run_recorder
from warehouse.lake import Lake

HOUR = datetime(2026, 1, 5, tzinfo=UTC)
START_NS = int(HOUR.timestamp()) * 1_000_000_000
VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
SPEED = 10.0


class RunningEmulator:
    """An emulator in a thread, and a script that plays on its loop and then ends the recording."""

    def __init__(self, addresses_file, script):
        self._file, self._script = addresses_file, script
        self._ready, self.failure, self.lines = threading.Event(), None, []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self.failure is not None:
            raise self.failure

    async def books_whole(self):
        """Wait until the recorder says that no book is missing."""
        async with asyncio.timeout(15):
            seen = len(self.lines)
            while len(self.lines) < seen + 3 or "NO BOOK" in self.lines[-1]:
                await asyncio.sleep(0.02)

    async def _run(self):
        self.emulator = MarketEmulator(EndlessMarket(3, START_NS))
        async with serving(self.emulator, speed=SPEED) as self.served:
            self._file.write_bytes(orjson.dumps(self.served.to_json()))
            self._ready.set()
            try:
                await self.books_whole()
                await self._script(self)
            except Exception as error:
                self.failure = error
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0.3)  # the recorder closes its connections

    def arm(self, kind, venue, **words):
        """Arm a fault now."""
        return self.emulator.arm(Fault(kind=kind, venue=venue, **words), self.served.clock.now_ns())

    async def fired(self, record):
        """Wait until a fault has struck."""
        async with asyncio.timeout(15):
            while not record.ts_fired_ns:
                await asyncio.sleep(0.01)


def record(tmp_path, running, **words):
    config, clock = attach(RecordConfig(flush_ms=50, **words), tmp_path / "emulator.json")
    request = RecordRequest(
        lake_root=tmp_path / "lake",
        run_dir=tmp_path / "run",
        instruments=tuple(f"{venue}:BTCUSDT" for venue in VENUES),
        config=config,
        engine=EngineSettings(),
        clock=clock,
        span_ns=600 * 1_000_000_000,
        progress_s=0.05,
    )
    summary = run_recorder(request, running.lines.append)
    return {reading.venue: reading for reading in summary.venues}


def test_every_dropped_frame_and_only_that_is_in_the_ledger(tmp_path):
    async def script(running):
        for venue in VENUES:
            fault = running.arm(FaultKind.drop_depth, venue)
            await running.fired(fault)
            running.arm(FaultKind.repeat_depth, venue)
        await running.books_whole()

    with RunningEmulator(tmp_path / "emulator.json", script) as running:
        readings = record(tmp_path, running)

    lake = Lake(tmp_path / "lake")
    for venue in VENUES:
        assert (readings[venue].gaps_opened, readings[venue].gaps_closed) == (1, 1)
        assert readings[venue].is_synced and readings[venue].rejects == 0
        (hour,) = lake.hours(venue)
        report = convert_hour(lake, venue, hour)
        assert (report.gap_count, report.reject_count, report.not_recorded_count) == (1, 0, 0)
        assert report.frame_count == readings[venue].frames
        assert report.rows["book_updates"] > 0 and report.rows["trades"] > 0


def test_a_cut_connection_and_bad_replies_end_with_whole_books(tmp_path):
    async def script(running):
        running.arm(FaultKind.bad_reply, "binance_usdm", form="truncated")
        running.arm(FaultKind.stale_snapshot, "binance_spot")
        faults = [running.arm(FaultKind.disconnect, venue) for venue in VENUES]
        for fault in faults:
            await running.fired(fault)
        await running.books_whole()
        await running.fired(running.arm(FaultKind.server_restart, "bybit_spot"))
        await running.books_whole()

    with RunningEmulator(tmp_path / "emulator.json", script) as running:
        readings = record(tmp_path, running)

    assert all(reading.is_synced for reading in readings.values())
    assert all(reading.connections_lost >= 1 for reading in readings.values())
    assert readings["binance_usdm"].rest_failures == 1
    assert readings["bybit_spot"].gaps_opened == readings["bybit_spot"].gaps_closed == 2


def test_one_of_two_connections_may_lose_a_frame_without_a_gap(tmp_path):
    async def script(running):
        for venue in VENUES:
            await running.fired(running.arm(FaultKind.drop_depth, venue, connections="one"))
        await running.books_whole()

    with RunningEmulator(tmp_path / "emulator.json", script) as running:
        readings = record(tmp_path, running, copies=2)

    assert all(reading.gaps_opened == 0 and reading.is_synced for reading in readings.values())
    assert all(reading.duplicates > 0 for reading in readings.values())


def test_an_emulator_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NotRunningError, match=r"emulator\.json: no emulator"):
        attach(RecordConfig(), tmp_path / "emulator.json")
    (tmp_path / "emulator.json").write_text("{}")
    with pytest.raises(UsageError, match="expected the addresses of an emulator"):
        attach(RecordConfig(), tmp_path / "emulator.json")
