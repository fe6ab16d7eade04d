"""A session over real sockets, recorded: what was sent is in the lake, and what was lost is known."""

import asyncio
import errno
import os
import signal
import time
from contextlib import suppress

import numpy as np
import orjson
import pytest
from small_venue import (
    BYBIT,
    DEPTH_PATHS,
    MARKET,
    PUBLIC,
    SPOT,
    START_NS,
    SmallVenue,
    market_frames,
    path_of,
)
from websockets.exceptions import ConnectionClosed

import native
from native.config import EngineSettings, engine_document
from streaming.convert import convert_hour
from streaming.errors import RefusedError, TraderError, UsageError
from streaming.live_segments import LiveSegment, recover_segments
from streaming.lock import held
from streaming.pump import build_engine
from streaming.record_config import RecordConfig
from streaming.recorder.plan import venue_targets
from streaming.runs import read_manifest
from streaming.segments import HOUR_NS, KIND_FRAME, KIND_REQUEST, header_of, read_block, scan
from streaming.shell.clock import Clock
from streaming.shell.recorder import RecordRequest, run_recorder
from warehouse.lake import Lake

ALL = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
FAST_WATCH = {"backoff_min_ms": 20, "backoff_max_ms": 100, "connect_ms": 2_000}
FAST_REST = {"retry_min_ms": 20, "retry_max_ms": 100, "start_timeout_ms": 2_000, "timeout_ms": 1_000}


def record(tmp_path, venue, instruments=ALL, *, span_s=15, begin_ns=START_NS, **words):
    """Record from the small venue (or a port) until it ends the recording; return the summary."""
    port, lines = (venue, []) if isinstance(venue, int) else (venue.port, venue.lines)
    address = {"rest": f"http://127.0.0.1:{port}", "websocket": [f"ws://127.0.0.1:{port}"]}
    watch, rest = FAST_WATCH | words.pop("watch", {}), FAST_REST | words.pop("rest", {})
    config = RecordConfig(
        addresses=dict.fromkeys(("binance_usdm", "binance_spot", "bybit_spot"), address),
        watch=watch,
        rest=rest,
        flush_ms=20,
        **words,
    )
    request = RecordRequest(
        lake_root=tmp_path / "lake",
        run_dir=tmp_path / "run",
        instruments=instruments,
        config=config,
        engine=EngineSettings(),
        clock=Clock.starting_at(begin_ns, 1.0),
        span_ns=span_s * 1_000_000_000,
        progress_s=0.01,
    )
    return run_recorder(request, lines.append)


def records_of(tmp_path, summary, venue):
    """Header and (kind, source, payload) of all records of a venue's run, each file whole and in order."""
    out, header = [], None
    names = [name for name in summary.files if f"venue={venue}/" in name]
    assert names
    for name in sorted(names):
        path = tmp_path / "lake" / name
        block = read_block(path)
        header = header_of(path, block)
        table = scan(path, block)[1:]
        assert (np.diff(table["ts_ns"]) >= 0).all()
        assert (np.diff(table["seq"].astype(np.int64)) == 1).all()
        for row in table:
            begin = int(row["offset"])
            out.append((int(row["kind"]), int(row["source"]), block[begin : begin + int(row["length"])]))
    return header, out


def frames_of(header, records, kind):
    """Payloads of the frames of all sources of a kind."""
    sources = {source.id for source in header.sources if source.kind == kind}
    return [payload for k, source, payload in records if k == KIND_FRAME and source in sources]


def replayed(header, records):
    """An engine that has heard the recorded frames, and its gaps."""
    document = engine_document(header.instrument_rows(), header.source_rows(), EngineSettings())
    engine = build_engine(document, "test")
    for seq, (kind, source, payload) in enumerate(records, 1):
        if kind == KIND_FRAME:
            engine.frame(seq, source, START_NS + seq, payload)
    return engine, engine.drain()["gaps"]


def reading(summary, venue):
    return next(item for item in summary.venues if item.venue == venue)


def test_a_session_of_three_venues_is_recorded_frame_by_frame(tmp_path):
    frames, sent = market_frames(40), []

    async def script(venue):
        await venue.subscribed(PUBLIC, MARKET, SPOT, BYBIT)
        sent.extend(await venue.play(frames))
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue)

    for name, paths in (
        ("binance_usdm", (PUBLIC, MARKET)),
        ("binance_spot", (SPOT,)),
        ("bybit_spot", (BYBIT,)),
    ):
        header, records = records_of(tmp_path, summary, name)
        for number, path in enumerate(paths):
            received = [payload for kind, source, payload in records if kind == KIND_FRAME and source == number]
            assert received == [payload for other, payload in sent if other == path]
        depth = DEPTH_PATHS.get(ALL.index(f"{name}:BTCUSDT"))
        assert frames_of(header, records, "rest_depth") == [payload for other, payload in sent if other == depth]
        assert len(frames_of(header, records, "rest_exchange_info")) == 1
        engine, gaps = replayed(header, records)
        assert engine.feed_state(0) == "synced" and len(gaps) == 0
        counts = reading(summary, name)
        assert counts.is_synced and counts.gaps_opened == 0 and counts.rejects == 0
        assert counts.frames == sum(kind == KIND_FRAME for kind, _, _ in records)
        assert counts.written_records == len(records)
        manifest = read_manifest(tmp_path / "lake", header.run)
        assert manifest is not None and manifest.frames == counts.frames
        assert manifest.instruments == (f"{name}:BTCUSDT",)
        assert header.instruments[0].tick == {"binance_spot": "0.01"}.get(name, "0.1")
    assert "binance_usdm" in venue.lines[-1]
    assert not list((tmp_path / "lake").rglob("*.part"))


def test_a_dropped_depth_frame_gives_one_gap_and_one_more_snapshot_request(tmp_path):
    frames = [frame for frame in market_frames(30) if frame.slot == 1]
    depth = [frame for frame in frames if b"@depth" in frame.payload[:60]]
    dropped = depth[15]

    async def script(venue):
        await venue.subscribed(SPOT)
        before = [frame for frame in frames if frame.seq < dropped.seq]
        await venue.play(before)
        after = [frame for frame in frames if frame.seq > depth[15].seq]
        path = DEPTH_PATHS[1]
        for frame in after:
            if path_of(frame) is not None:
                await venue.send(SPOT, frame.payload)
            if frame is depth[16]:
                await venue.until(lambda: venue.requests[path] == 2)

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2])

    counts = reading(summary, "binance_spot")
    assert (counts.gaps_opened, counts.snapshot_requests) == (1, 2)
    assert not counts.is_synced  # the venue's only snapshot is too old to repair it
    assert counts.waiting_for == ("binance_spot:BTCUSDT",)


def test_a_gap_is_repaired_by_a_new_snapshot(tmp_path):
    whole = [frame for frame in market_frames(30) if frame.slot == 1]
    depth = [frame for frame in whole if b"@depth" in frame.payload[:60]]
    fresh = snapshot_after(whole, depth[16])

    async def script(venue):
        await venue.subscribed(SPOT)
        await venue.play([frame for frame in whole if frame.seq < depth[15].seq])
        venue.answer(DEPTH_PATHS[1], fresh)
        rest = [frame for frame in whole if frame.seq > depth[15].seq]
        await venue.play([frame for frame in rest if frame.seq <= depth[16].seq])
        await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] == 2)
        await venue.play([frame for frame in rest if frame.seq > depth[16].seq])
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2])

    counts = reading(summary, "binance_spot")
    assert (counts.gaps_opened, counts.gaps_closed, counts.snapshots) == (1, 1, 2)
    assert counts.is_synced
    header, records = records_of(tmp_path, summary, "binance_spot")
    assert sum(kind == KIND_REQUEST for kind, _, _ in records) == 3  # exchange information and two snapshots
    assert len(frames_of(header, records, "rest_depth")) == 2


def snapshot_after(frames, last):
    """The spot snapshot as it stands once `last` has been applied."""
    snapshot = next(orjson.loads(f.payload) for f in frames if not f.is_request and b"lastUpdateId" in f.payload)
    sides, update_id = {"b": dict(snapshot["bids"]), "a": dict(snapshot["asks"])}, 0
    for frame in frames:
        if b"@depth" not in frame.payload[:60] or frame.is_request or frame.seq > last.seq:
            continue
        data = orjson.loads(frame.payload)["data"]
        if data["u"] <= snapshot["lastUpdateId"]:
            continue
        update_id = data["u"]
        for side in ("b", "a"):
            for price, size in data[side]:
                if float(size):
                    sides[side][price] = size
                else:
                    sides[side].pop(price, None)
    bids = sorted(sides["b"].items(), key=lambda item: -float(item[0]))
    asks = sorted(sides["a"].items(), key=lambda item: float(item[0]))
    return orjson.dumps({"lastUpdateId": update_id, "bids": bids, "asks": asks})


def test_a_closed_connection_is_opened_again_and_the_hole_is_a_gap(tmp_path):
    frames = [frame for frame in market_frames(30) if frame.slot == 2]
    cut = frames[len(frames) // 2].seq

    async def script(venue):
        await venue.subscribed(BYBIT)
        await venue.play([frame for frame in frames if frame.seq < cut])
        await venue.read_by_all()
        await venue.sockets[BYBIT][0].close()
        await venue.until(lambda: venue.opened[BYBIT] == 2)
        await venue.subscribed(BYBIT)
        for frame in [frame for frame in frames if frame.seq > cut + 20]:
            if path_of(frame) is not None:
                await venue.send(BYBIT, frame.payload)

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:])

    counts = reading(summary, "bybit_spot")
    assert (counts.connections_opened, counts.connections_lost) == (2, 1)
    assert counts.gaps_opened == 1
    assert "closed by the venue" in counts.last_problem


def test_a_bybit_book_out_of_step_is_subscribed_to_anew(tmp_path):
    frames = [frame for frame in market_frames(20) if frame.slot == 2 and path_of(frame)]
    deltas = [frame for frame in frames if b'"delta"' in frame.payload]

    async def script(venue):
        await venue.subscribed(BYBIT)
        for frame in frames:
            if frame is not deltas[5]:
                await venue.send(BYBIT, frame.payload)
            if frame is deltas[6]:
                await venue.until(lambda: len(venue.subscriptions[BYBIT]) == 3)  # unsubscribe, subscribe

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:])

    assert reading(summary, "bybit_spot").gaps_opened == 1
    assert reading(summary, "bybit_spot").snapshot_requests == 1


def test_a_silent_stall_is_noticed_and_another_connection_opened(tmp_path):
    frames = [frame for frame in market_frames(20) if frame.slot == 2]

    async def script(venue):
        await venue.subscribed(BYBIT)
        await venue.play(frames)
        await venue.until(lambda: venue.opened[BYBIT] == 2)  # nothing is sent, the socket stays open

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:], watch={"stale_ms": 200, "probe_ms": 100})

    assert reading(summary, "bybit_spot").stalls == 1
    assert "silent" in reading(summary, "bybit_spot").last_problem


def test_an_acknowledged_but_silent_subscription_is_tried_again(tmp_path):
    async def script(venue):
        await venue.until(lambda: venue.opened[SPOT] == 3)

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2], watch={"first_message_ms": 100})

    assert reading(summary, "binance_spot").frames == 1  # the exchange information
    assert "btcusdt@depth@100ms" in reading(summary, "binance_spot").last_problem


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Service unavailable</html>", "expected JSON, found <html>"),
        (b"", "empty reply"),
        (b'{"lastUpdateId":1,"bids":[["1', "expected JSON, found"),
        (b'{"code":-1003,"msg":"Too many requests"}', "found no lastUpdateId"),
    ],
)
def test_a_reply_that_is_no_snapshot_is_counted_and_asked_for_again(tmp_path, body, words):
    frames = [frame for frame in market_frames(10) if frame.slot == 1]

    async def script(venue):
        venue.answer(DEPTH_PATHS[1], body)
        await venue.subscribed(SPOT)
        asked = False
        for frame in frames:
            if path_of(frame):
                await venue.send(SPOT, frame.payload)
            elif b"lastUpdateId" in frame.payload and not asked:
                asked = True
                venue.answer(DEPTH_PATHS[1], frame.payload)
                await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] >= 2)
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2])

    counts = reading(summary, "binance_spot")
    assert counts.rest_failures == 1 and words in counts.last_problem
    assert counts.is_synced and counts.snapshots == 1 and counts.gaps_opened == 0


def test_a_rate_limited_venue_is_left_alone_until_it_says(tmp_path):
    frames = [frame for frame in market_frames(10) if frame.slot == 1]

    async def script(venue):
        venue.answer(DEPTH_PATHS[1], b"{}", status=429, headers=[("Retry-After", "1")])
        await venue.subscribed(SPOT)
        await venue.send(SPOT, next(f.payload for f in frames if b"@depth" in f.payload[:60]))
        await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] == 1)
        begun = venue._loop.time()
        await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] == 2)
        assert venue._loop.time() - begun > 0.9

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2])

    assert "HTTP 429" in reading(summary, "binance_spot").last_problem


def test_a_stream_heard_twice_is_written_once(tmp_path):
    frames = [frame for frame in market_frames(30) if frame.slot == 1]
    lost = {[f for f in frames if b"@depth" in f.payload[:60]][12].seq}

    async def script(venue):
        await venue.subscribed(SPOT, connections=2)
        for frame in frames:
            if path_of(frame) is None:
                if b"lastUpdateId" in frame.payload:
                    venue.answer(DEPTH_PATHS[1], frame.payload)
                    await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] == 1)
                continue
            if frame.seq not in lost:
                await venue.send(SPOT, frame.payload, place=0)
            await venue.send(SPOT, frame.payload, place=1)
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2], copies=2)

    header, records = records_of(tmp_path, summary, "binance_spot")
    received = frames_of(header, records, "websocket")
    assert sorted(received) == sorted(frame.payload for frame in frames if path_of(frame))
    counts = reading(summary, "binance_spot")
    assert counts.gaps_opened == 0 and counts.is_synced and counts.duplicates > 50


def test_a_connection_is_replaced_before_the_venue_cuts_it_without_losing_a_frame(tmp_path):
    frames = [frame for frame in market_frames(60) if frame.slot == 1]

    async def script(venue):
        await venue.subscribed(SPOT)
        for frame in frames:
            if path_of(frame) is None:
                if b"lastUpdateId" in frame.payload:
                    venue.answer(DEPTH_PATHS[1], frame.payload)
                    await venue.until(lambda: venue.requests[DEPTH_PATHS[1]] == 1)
                continue
            await asyncio.sleep(0.005)
            for socket in list(venue.sockets[SPOT]):
                if socket in venue.subscriptions[SPOT]:
                    await socket.send(frame.payload.decode())
        assert venue.opened[SPOT] >= 2
        await venue.books_whole()

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2], watch={"rotate_hours": 0.3 / 3_600})

    counts = reading(summary, "binance_spot")
    assert counts.rotations >= 1 and counts.connections_lost == 0
    assert counts.gaps_opened == 0 and counts.is_synced
    header, records = records_of(tmp_path, summary, "binance_spot")
    assert frames_of(header, records, "websocket") == [frame.payload for frame in frames if path_of(frame)]


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

    (recovered,) = recover_segments(tmp_path / "lake")
    assert (recovered.records, recovered.cut_bytes) == (sum(written) - 1, 0)  # the first is the header


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
