"""A session over real sockets, recorded: what was sent is in the lake, and what was lost is known."""

import asyncio
from contextlib import suppress

import orjson
import pytest
from recorded_session import ALL, frames_of, reading, record, records_of, replayed
from small_venue import (
    BYBIT,
    DEPTH_PATHS,
    MARKET,
    PUBLIC,
    SPOT,
    SmallVenue,
    market_frames,
    path_of,
)
from websockets.exceptions import ConnectionClosedOK

from streaming.runs import read_manifest
from streaming.segments import KIND_FRAME, KIND_REQUEST


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
        (b'{"code":-1003,"msg":"Too many requests"}', "error -1003: Too many requests"),
        (b'{"hello":"world"}', "found no lastUpdateId"),
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
                    with suppress(ConnectionClosedOK):  # it has been replaced this moment
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
