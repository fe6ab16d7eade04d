"""What the venue lists changes while it is recorded: a new tick is a new run, a missing instrument stops nothing."""

import asyncio
from datetime import UTC, datetime

import orjson
import pytest
from recorded_session import ALL, frames_of, record, records_of
from small_venue import BYBIT, DEPTH_PATHS, INFO, SPOT, START_NS, SmallVenue, market_frames, path_of

from streaming.convert import convert_hour
from streaming.errors import BadDataError, UsageError
from streaming.runs import all_manifests
from streaming.segments import HOUR_NS, KIND_REQUEST
from streaming.shell.venue_recorder import PAUSE_NS
from warehouse.gaps import BETWEEN_RUNS_NS_MIN, NOT_RECORDED, ledger
from warehouse.lake import Lake

BYBIT_INFO, SPOT_INFO = "/v5/market/instruments-info", "/api/v3/exchangeInfo"
SPOT_DEPTH = DEPTH_PATHS[1]
OFTEN = {"exchange_info_minutes": 0.05 / 60, "exchange_info_soon_ms": 10}
FRAMES = [frame.payload for frame in market_frames(60) if frame.slot == 2 and path_of(frame)]


def bybit_info(*, tick="0.1", lot="0.000001", status="Trading", symbols=("BTCUSDT",)):
    document = orjson.loads(INFO[BYBIT_INFO])
    row = document["result"]["list"][0]
    row = {**row, "priceFilter": {"tickSize": tick}, "status": status}
    row["lotSizeFilter"] = {**row["lotSizeFilter"], "basePrecision": lot}
    document["result"]["list"] = [{**row, "symbol": symbol} for symbol in symbols]
    return orjson.dumps(document)


def spot_info(*symbols, lot="0.00001000"):
    document = orjson.loads(INFO[SPOT_INFO])
    row = document["symbols"][0]
    for item in row["filters"]:
        if item["filterType"] == "LOT_SIZE":
            item["stepSize"] = lot
    document["symbols"] = [{**row, "symbol": symbol} for symbol in symbols]
    return orjson.dumps(document)


async def said(venue, words):
    """Wait until a progress line has these words."""
    async with asyncio.timeout(10):
        while not any(words in line for line in venue.lines):
            await asyncio.sleep(0.01)


async def listed_as(venue, path, body, *, status=200):
    """From now on the venue answers so; wait until it was asked."""
    seen = venue.requests[path]
    venue.replies[path] = [(status, body, ())]
    await venue.until(lambda: venue.requests[path] > seen)


async def a_second_run(venue, **words):
    """Half of the frames, another listing, the other half on the connection of the new run."""
    await venue.subscribed(BYBIT)
    for data in FRAMES[: len(FRAMES) // 2]:
        await venue.send(BYBIT, data)
    await venue.read_by_all()
    await listed_as(venue, BYBIT_INFO, bybit_info(**words))
    await venue.until(lambda: venue.opened[BYBIT] == 2)
    await venue.until(lambda: any(s in venue.subscriptions[BYBIT] for s in venue.sockets[BYBIT]))
    for data in FRAMES[:5]:  # as a new subscription brings them: the snapshot first
        await venue.send(BYBIT, data)
    await venue.books_whole()


def test_the_pause_between_two_runs_is_a_hole_of_the_ledger():
    assert PAUSE_NS > BETWEEN_RUNS_NS_MIN


def test_exchange_information_is_read_again_and_stands_among_the_frames(tmp_path):
    async def script(venue):
        await venue.subscribed(BYBIT)
        await venue.until(lambda: venue.requests[BYBIT_INFO] >= 3)
        await asyncio.sleep(0.05)

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:], rest=OFTEN)

    header, records = records_of(tmp_path, summary, "bybit_spot")
    replies = frames_of(header, records, "rest_exchange_info")
    assert len(replies) >= 3 and set(replies) == {INFO[BYBIT_INFO]}
    assert sum(kind == KIND_REQUEST for kind, _, _ in records) in (len(replies), len(replies) + 1)
    assert len(summary.venues) == 1 and venue.opened[BYBIT] == 1


@pytest.mark.parametrize("reply", [(200, b"<html>"), (200, b""), (503, b""), (200, b'{"retCode":10006}')])
def test_a_wrong_reply_while_recording_is_counted_and_asked_again(tmp_path, reply):
    async def script(venue):
        await venue.subscribed(BYBIT)
        await listed_as(venue, BYBIT_INFO, reply[1], status=reply[0])
        await listed_as(venue, BYBIT_INFO, INFO[BYBIT_INFO])
        await venue.send(BYBIT, FRAMES[0])

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:], rest=OFTEN)

    (counts,) = summary.venues
    assert counts.rest_failures >= 1 and counts.is_synced and venue.opened[BYBIT] == 1
    assert "exchange information: " in counts.last_problem


def test_a_finer_size_unit_ends_the_run_and_begins_another(tmp_path):
    with SmallVenue(lambda venue: a_second_run(venue, lot="0.0000001")) as venue:
        summary = record(tmp_path, venue, ALL[2:], rest=OFTEN)

    first, second = summary.venues
    assert second.run > first.run and second.is_synced
    assert second.ts_first_ns - first.ts_last_ns > BETWEEN_RUNS_NS_MIN
    assert [item.run for item in all_manifests(tmp_path / "lake")] == [first.run, second.run]
    told = [line for line in venue.lines if line.startswith("bybit_spot: a new run begins: ")]
    assert len(told) == 1 and "bybit_spot:BTCUSDT size_unit 0.000001 -> 0.0000001" in told[0]
    assert not list((tmp_path / "lake").rglob("*.part"))


def test_a_changed_lot_is_a_hole_within_the_hour(tmp_path):
    """Prices and sizes count the same steps before and after, so both runs stand in one table."""
    frames = [frame.payload for frame in market_frames(20) if frame.slot == 1 and path_of(frame)]

    async def script(venue):
        venue.answer(SPOT_DEPTH, b"{}")
        await venue.subscribed(SPOT)
        await venue.send(SPOT, frames[0])
        await venue.read_by_all()
        await listed_as(venue, SPOT_INFO, spot_info("BTCUSDT", lot="0.00010000"))
        await venue.until(lambda: venue.opened[SPOT] == 2)
        await venue.subscribed(SPOT)
        await venue.send(SPOT, frames[1])

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[1:2], rest=OFTEN)

    lake = Lake(tmp_path / "lake")
    (hour,) = lake.hours("binance_spot")
    report = convert_hour(lake, "binance_spot", hour)
    assert report.runs == tuple(reading.run for reading in summary.venues)
    assert report.not_recorded_count == 1


def test_a_tick_that_changes_at_the_hour_is_converted_with_its_hole(tmp_path):
    with SmallVenue(lambda venue: a_second_run(venue, tick="0.01")) as venue:
        begin_ns = START_NS + HOUR_NS - 900_000_000
        summary = record(tmp_path, venue, ALL[2:], begin_ns=begin_ns, rest=OFTEN)

    lake, runs = Lake(tmp_path / "lake"), [reading.run for reading in summary.venues]
    reports = [convert_hour(lake, "bybit_spot", hour) for hour in lake.hours("bybit_spot")]
    assert [report.runs for report in reports] == [(runs[0],), (runs[1],)]
    assert [report.not_recorded_count for report in reports] == [0, 1]
    rows = ledger(lake).collect().filter(cause=NOT_RECORDED)
    assert rows["run"].to_list() == [runs[1]]
    assert rows["ts_from_ns"][0] == summary.venues[0].ts_last_ns


def test_a_tick_that_changes_within_an_hour_is_never_mixed(tmp_path):
    """The raw segments of both runs stand; the tables of an hour count one tick and say so."""
    with SmallVenue(lambda venue: a_second_run(venue, tick="0.01")) as venue:
        record(tmp_path, venue, ALL[2:], rest=OFTEN)

    with pytest.raises(BadDataError, match=r"counts tick 0\.1 .* 0\.01"):
        convert_hour(Lake(tmp_path / "lake"), "bybit_spot", datetime.fromtimestamp(START_NS / 1e9, UTC))


def test_an_instrument_that_disappears_is_named_and_the_others_go_on(tmp_path):
    names = ("bybit_spot:BTCUSDT", "bybit_spot:XUSDT")

    async def script(venue):
        venue.replies[BYBIT_INFO] = [(200, bybit_info(symbols=("BTCUSDT", "XUSDT")), ())]
        await venue.subscribed(BYBIT)
        await venue.send(BYBIT, FRAMES[0])
        await listed_as(venue, BYBIT_INFO, bybit_info())
        await said(venue, "bybit_spot:XUSDT: the venue does not trade it now; the others are recorded on")
        for data in FRAMES[1:]:
            await venue.send(BYBIT, data)

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, names, rest=OFTEN)

    (counts,) = summary.venues
    assert counts.resting == ("bybit_spot:XUSDT",)
    assert counts.is_synced and counts.gaps_opened == 0 and counts.connections_lost == 0
    assert venue.opened[BYBIT] == 1


def test_an_instrument_that_is_halted_and_traded_again_is_told(tmp_path):
    async def script(venue):
        await venue.subscribed(BYBIT)
        await listed_as(venue, BYBIT_INFO, bybit_info(status="PreLaunch"))
        await said(venue, "does not trade it now")
        await listed_as(venue, BYBIT_INFO, bybit_info())
        await said(venue, "bybit_spot:BTCUSDT: the venue trades it again")

    with SmallVenue(script) as venue:
        summary = record(tmp_path, venue, ALL[2:], rest=OFTEN)
    assert len(summary.venues) == 1 and summary.venues[0].resting == ()


def test_binance_spot_that_refuses_the_whole_list_is_asked_one_by_one(tmp_path):
    names = ("binance_spot:BTCUSDT", "binance_spot:XUSDT")
    frames = [frame.payload for frame in market_frames(20) if frame.slot == 1 and path_of(frame)]

    async def script(venue):
        venue.answer(SPOT_DEPTH, b"{}")
        await venue.subscribed(SPOT)
        await venue.send(SPOT, frames[0])
        venue.listing = {"BTCUSDT"}
        await said(venue, "binance_spot:XUSDT: the venue does not trade it now")
        await venue.send(SPOT, frames[1])

    with SmallVenue(script) as venue:
        venue.listing = {"BTCUSDT", "XUSDT"}
        venue.listed = lambda target: listed_on_spot(target, venue.listing)
        summary = record(tmp_path, venue, names, rest=OFTEN)
    assert summary.venues[0].resting == ("binance_spot:XUSDT",)


def listed_on_spot(target, listing):
    """Binance spot's answer to exchange information of the symbols in `target`."""
    asked = [name for name in ("BTCUSDT", "XUSDT", "NOSUCH") if name in target]
    if not set(asked) <= listing:
        return 400, b'{"code":-1121,"msg":"Invalid symbol."}', ()
    return 200, spot_info(*asked), ()


def test_a_symbol_that_binance_spot_never_knew_is_named_at_once(tmp_path):
    async def script(venue):
        await asyncio.sleep(30)

    with (
        SmallVenue(script) as venue,
        pytest.raises(UsageError, match="binance_spot:NOSUCH: the venue does not list it"),
    ):
        venue.listed = lambda target: listed_on_spot(target, {"BTCUSDT"})
        record(tmp_path, venue, ("binance_spot:BTCUSDT", "binance_spot:NOSUCH"))
