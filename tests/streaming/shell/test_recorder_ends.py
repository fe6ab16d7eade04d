"""Full queues, hours and disks: how a recording pauses, goes on and ends without losing what was written."""

import asyncio
import errno
import os
import signal
import time
from contextlib import suppress

import pytest
from recorded_session import ALL, frames_of, reading, record, records_of
from small_venue import (
    BYBIT,
    SPOT,
    START_NS,
    SmallVenue,
    market_frames,
    path_of,
)
from websockets.exceptions import ConnectionClosed

import native
from native.config import EngineSettings
from streaming.convert import convert_hour
from streaming.errors import RefusedError, TraderError, UsageError
from streaming.live_segments import LiveSegment, recover_segments
from streaming.lock import held
from streaming.record_config import RecordConfig
from streaming.recorder.plan import venue_targets
from streaming.runs import all_manifests, read_manifest
from streaming.segments import HOUR_NS, read_block, scan
from streaming.shell import venue_recorder
from streaming.shell.clock import Clock
from streaming.shell.recorder import RecordRequest, run_recorder
from warehouse.lake import Lake


def test_a_full_queue_makes_the_sockets_wait_and_drops_nothing(tmp_path, monkeypatch):
    slow = LiveSegment.append

    def append(self, records):
        time.sleep(0.02)
        slow(self, records)

    monkeypatch.setattr(LiveSegment, "append", append)
    monkeypatch.setattr(RecordConfig, "queue_bytes", property(lambda self: 20_000))
    frames = [frame for frame in market_frames(60) if frame.slot == 1]
    sent = []

    async def script(venue):
        await venue.subscribed(SPOT)
        sent.extend(await venue.play(frames))
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2])

    header, records = records_of(tmp_path, summary, "binance_spot")
    assert summary.pauses >= 1
    assert frames_of(header, records, "websocket") == [payload for path, payload in sent if path == SPOT]
    assert reading(summary, "binance_spot").gaps_opened == 0


def test_a_new_hour_is_a_new_file_and_goes_on_with_the_book_of_the_old_one(tmp_path):
    frames = [frame for frame in market_frames(40) if frame.slot == 2 and path_of(frame)]
    middle = len(frames) // 2

    async def script(venue):
        await venue.subscribed(BYBIT)
        for frame in frames[:middle]:
            await venue.send(BYBIT, frame.payload)
        await venue.books_whole()
        async with asyncio.timeout(5):  # the old hour's file is sealed though nothing comes
            while not list((tmp_path / "lake").rglob("*.seg.zst")):
                await asyncio.sleep(0.01)
        for frame in frames[middle:]:
            await venue.send(BYBIT, frame.payload)

    with SmallVenue(script) as venue:
        end_of_hour_ns = START_NS + HOUR_NS - 400_000_000
        summary = record(tmp_path, venue, ALL[2:], begin_ns=end_of_hour_ns)

    assert len(summary.files) == 2
    lake = Lake(tmp_path / "lake")
    first, second = lake.hours("bybit_spot")
    reports = [convert_hour(lake, "bybit_spot", hour) for hour in (first, second)]
    assert reports[1].continued_runs == reports[0].runs
    assert [report.gap_count for report in reports] == [0, 0]
    assert sum(report.frame_count for report in reports) == len(frames) + 1
    manifest = read_manifest(tmp_path / "lake", reports[0].runs[0])
    assert manifest is not None and len(manifest.files) == 2


def test_a_full_disk_ends_the_recording_with_its_error_and_loses_nothing_written_before(tmp_path, monkeypatch):
    frames = [frame for frame in market_frames(30) if frame.slot == 2 and path_of(frame)]
    append, written = LiveSegment.append, []

    def fill_up(self, records):
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device", str(self.path))
        append(self, records)
        written.append(len(native.scan_records(records)))

    monkeypatch.setattr(LiveSegment, "append", fill_up)

    async def script(venue):
        await venue.subscribed(BYBIT)
        with suppress(IndexError, ConnectionClosed):  # the recorder goes away
            for frame in frames:
                await venue.send(BYBIT, frame.payload)
                await asyncio.sleep(0.005)

    with (
        SmallVenue(script, is_ending=False) as venue,
        pytest.raises(OSError, match="No space left on device") as caught,
    ):
        record(tmp_path, venue, ALL[2:])
    assert "bybit_spot" in caught.value.filename

    lake = tmp_path / "lake"
    (path,) = lake.rglob("*.seg.zst")
    assert len(scan(path, read_block(path))) == sum(written)
    (manifest,) = all_manifests(lake)
    assert manifest.frames == sum(written) - 2  # the header and the request for exchange information
    assert not [*lake.rglob("*.part"), *lake.rglob("*.tmp")] and recover_segments(lake) == []


def test_a_disk_on_which_no_file_can_be_begun_leaves_nothing(tmp_path, monkeypatch):
    def full(self, records):
        raise OSError(errno.ENOSPC, "No space left on device", str(self.path))

    monkeypatch.setattr(LiveSegment, "append", full)

    async def script(venue):
        await venue.subscribed(BYBIT)

    with SmallVenue(script, is_ending=False) as venue, pytest.raises(OSError, match="No space left"):
        record(tmp_path, venue, ALL[2:])
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


def test_a_disk_that_takes_no_manifest_either_ends_with_the_first_error(tmp_path, monkeypatch):
    def full(self, records):
        raise OSError(errno.ENOSPC, "No space left on device", "the segment")

    def no_manifest(lake_root, manifest):
        raise OSError(errno.ENOSPC, "No space left on device", "the manifest")

    append, written = LiveSegment.append, []

    def fill_up(self, records):
        written.append(1)
        (append if len(written) < 3 else full)(self, records)

    monkeypatch.setattr(LiveSegment, "append", fill_up)
    monkeypatch.setattr(venue_recorder, "write_manifest", no_manifest)

    async def script(venue):
        await venue.subscribed(BYBIT)
        with suppress(IndexError, ConnectionClosed):
            for frame in market_frames(30):
                if frame.slot == 2 and path_of(frame):
                    await venue.send(BYBIT, frame.payload)
                    await asyncio.sleep(0.005)

    with SmallVenue(script, is_ending=False) as venue, pytest.raises(OSError, match="the segment"):
        record(tmp_path, venue, ALL[2:])
    assert len(list((tmp_path / "lake").rglob("*.seg.zst"))) == 1
    assert not [*(tmp_path / "lake").rglob("*.part"), *(tmp_path / "lake").rglob("*.tmp")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_stop_signal_is_a_clean_end(tmp_path, number):
    async def script(venue):
        await venue.subscribed(BYBIT)
        os.kill(os.getpid(), number)

    with SmallVenue(script, is_ending=False) as venue:
        summary = record(tmp_path, venue, ALL[2:])
    assert summary.ended_by == number.name and len(summary.files) == 1


def test_a_hang_up_that_is_ignored_stays_ignored(tmp_path):
    """As under nohup."""

    async def script(venue):
        await venue.subscribed(BYBIT)
        os.kill(os.getpid(), signal.SIGHUP)
        await venue.read_by_all()

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with SmallVenue(script) as venue:
            summary = record(tmp_path, venue, ALL[2:])
    finally:
        signal.signal(signal.SIGHUP, before)
    assert summary.ended_by == "SIGTERM"


def test_a_refused_port_ends_with_one_clear_error(tmp_path):
    with pytest.raises(TraderError, match=r"bybit_spot: exchange information: http://127.0.0.1:1/.*check the network"):
        record(tmp_path, 1, ALL[2:], rest={"start_timeout_ms": 200})
    assert not list((tmp_path / "lake").rglob("*.part*"))


def test_an_instrument_that_the_venue_does_not_list_is_named(tmp_path):
    async def script(venue):
        await asyncio.sleep(30)

    with SmallVenue(script) as venue, pytest.raises(UsageError, match="bybit_spot:NOSUCH: the venue does not list it"):
        record(tmp_path, venue, ("bybit_spot:NOSUCH",))


def test_a_second_recorder_is_refused(tmp_path):
    with held(tmp_path / "run" / "record.lock"), pytest.raises(RefusedError, match=str(os.getpid())):
        record(tmp_path, 1)


def test_a_fast_clock_is_refused_at_a_real_address(tmp_path):
    request = RecordRequest(
        lake_root=tmp_path / "lake",
        run_dir=tmp_path / "run",
        instruments=ALL,
        config=RecordConfig(),
        engine=EngineSettings(),
        clock=Clock.starting_at(START_NS, 10.0),
    )
    with pytest.raises(RefusedError, match="clock speed 10"):
        run_recorder(request, print)


def test_production_addresses_are_the_default():
    targets = venue_targets(RecordConfig(), ALL)
    assert [target.rest_url for target in targets] == [
        "https://fapi.binance.com",
        "https://api.binance.com",
        "https://api.bybit.com",
    ]
    assert not any(target.is_on_loopback for target in targets)


def test_the_signal_handlers_are_given_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)

    async def script(venue):
        await venue.subscribed(BYBIT)

    with SmallVenue(script) as venue:
        record(tmp_path, venue, ALL[2:])
    assert signal.getsignal(signal.SIGINT) is before
