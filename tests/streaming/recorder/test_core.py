"""The core against venues that say nonsense: counted, never a crash, never a tight loop."""

import random

import orjson
import pytest
from simulated_shell import PATHS, SECOND, SimulatedShell
from small_venue import INFO, START_NS, market_frames, path_of

from streaming.venues.replies import Reply

MINUTES_10 = START_NS + 600 * SECOND
VENUES = ("binance_usdm", "binance_spot", "bybit_spot")


def of_venue(venue, steps=12):
    """Websocket frames of a venue, and its snapshot where it has one."""
    slot = VENUES.index(venue)
    frames = [frame for frame in market_frames(steps) if frame.slot == slot and not frame.is_request]
    snapshot = next((frame.payload for frame in frames if b"lastUpdateId" in frame.payload[:40]), None)
    return [frame.payload for frame in frames if path_of(frame)], snapshot


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_that_refuses_connections_is_tried_with_growing_pauses(venue):
    shell = SimulatedShell(venue)
    shell.on_socket = lambda socket: shell.core.on_lost(socket, "refused", shell.now_ns)

    shell.run_until(MINUTES_10)

    lines = len(shell.plan.lines)
    assert 20 * lines < len(shell.opened) < 50 * lines
    assert shell.core.lines.counts.lost == len(shell.opened)
    assert shell.counts["deadlines"] < 3 * len(shell.opened)


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_that_acknowledges_and_stays_silent_is_tried_with_growing_pauses(venue):
    shell = SimulatedShell(venue)
    shell.run_until(MINUTES_10)
    assert len(shell.opened) < 45 * len(shell.plan.lines)
    assert shell.counts["deadlines"] < 10 * len(shell.opened)


@pytest.mark.parametrize("reply", [Reply(200, b"<html>"), Reply(200, b""), Reply(500, b""), None])
def test_a_snapshot_that_never_comes_is_asked_for_with_growing_pauses(reply):
    shell = SimulatedShell("binance_spot", watch={"stale_ms": 3_600_000})
    frames, _ = of_venue("binance_spot")

    def fail(request):
        if reply is None:
            shell.core.on_fetch_failed(request, "no answer", shell.now_ns)
        else:
            shell.core.on_reply(request, reply, shell.now_ns)

    shell.on_fetch = fail
    shell.run_until(START_NS)
    shell.core.on_text(shell.socket, next(data for data in frames if b"@depth" in data), shell.now_ns)
    shell.obey()
    shell.run_until(MINUTES_10)

    assert 20 < len(shell.fetched) < 50
    assert shell.core.counts.rest_failures == len(shell.fetched)
    assert shell.core.unsynced() == [("binance_spot:BTCUSDT", len(shell.fetched))]


@pytest.mark.parametrize("status", [403, 418, 429])
def test_a_ban_is_kept_to(status):
    shell = SimulatedShell("binance_spot", watch={"stale_ms": 3_600_000})
    shell.on_fetch = lambda request: shell.core.on_reply(request, Reply(status, b"<html>"), shell.now_ns)
    shell.run_until(START_NS)
    shell.core.on_text(shell.socket, of_venue("binance_spot")[0][0], shell.now_ns)
    shell.obey()
    shell.run_until(MINUTES_10)
    assert 2 <= len(shell.fetched) <= 11


@pytest.mark.parametrize("venue", VENUES)
def test_messages_that_are_no_stream_are_counted_and_not_recorded(venue):
    shell = SimulatedShell(venue)
    shell.run_until(START_NS)
    strange = [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"<html></html>",
        b"\x00\xff\xfe",
        b'{"hello":1}',
        b"{" * 500,
    ]

    for data in strange:
        shell.core.on_text(shell.socket, data, shell.now_ns)
        shell.obey()

    assert shell.core.lines.counts.controls["unknown"] == len(strange)
    assert shell.sink.records == 0


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("venue", VENUES)
def test_spoilt_frames_never_stop_the_core(venue, copies):
    """Bytes changed, cut and doubled at random, values of other types, on one connection or two."""
    rng = random.Random(f"{venue}{copies}")
    shell = SimulatedShell(venue, copies=copies)
    frames, snapshot = of_venue(venue, 20)
    replies = [b"{}", b"", b'{"lastUpdateId":"x","bids":5,"asks":{}}', snapshot or b""]
    shell.on_fetch = lambda request: shell.core.on_reply(request, Reply(200, rng.choice(replies)), shell.now_ns)
    shell.run_until(START_NS)

    for step in range(3_000):
        shell.now_ns += rng.randrange(5_000_000)
        line = rng.choice(shell.core.lines.lines)
        data = rng.choice(frames)
        data = data if rng.random() < 0.3 else spoilt(data, rng)
        shell.core.on_text(line.socket, data, shell.now_ns)
        shell.obey()
        if step % 50 == 0:
            shell.run_until(shell.now_ns)

    assert shell.tape.counts.rejects > 10
    assert len(shell.fetched) < 100


def spoilt(data, rng):
    """Return a frame that no venue sends."""
    match rng.randrange(4):
        case 0:
            place = rng.randrange(len(data))
            return data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :]
        case 1:
            return data[: rng.randrange(len(data))]
        case 2:
            return data + data
        case _:
            document = orjson.loads(data)
            inner = document.get("data", document)
            inner = inner if isinstance(inner, dict) else document
            inner[rng.choice(list(inner))] = rng.choice([None, "x", -1, 1.5, [], {}, True, 2**63, "9" * 400])
            return orjson.dumps(document)


# --- instruments that are silent or gone ---


def listing(*symbols):
    """Spot exchange information of several symbols."""
    document = orjson.loads(INFO[PATHS["binance_spot"]])
    document["symbols"] = [{**document["symbols"][0], "symbol": symbol} for symbol in symbols]
    return orjson.dumps(document)


def two_symbols(**words):
    shell = SimulatedShell("binance_spot", info=listing("BTCUSDT", "XUSDT"), symbols=("BTCUSDT", "XUSDT"), **words)
    shell.run_until(START_NS)
    return shell


def only_btc_speaks(shell, end_ns):
    """One book speaks each second until `end_ns`, on every open connection."""
    data = next(data for data in of_venue("binance_spot")[0] if b"@depth" in data)
    while shell.now_ns < end_ns:
        for line in list(shell.core.lines.everyone()):
            shell.core.on_text(line.socket, data, shell.now_ns)
        shell.run_until(shell.now_ns + SECOND)


def test_a_silent_instrument_is_subscribed_to_anew_and_replaced_once_beside_the_connection_that_serves():
    shell = two_symbols()

    only_btc_speaks(shell, MINUTES_10)

    counts = shell.core.lines.counts
    again = [data for data in shell.sent if b"xusdt@depth" in data and b"btcusdt" not in data]
    assert (counts.lost, counts.opened, counts.rotated) == (0, 2, 1)
    assert counts.renewed == len(again) <= 6
    assert shell.core.doubts == counts.renewed


def test_an_instrument_that_is_not_listed_any_more_is_left_in_peace():
    shell = two_symbols()
    shell.core.set_listed(trading={"BTCUSDT"}, halted=frozenset())

    only_btc_speaks(shell, MINUTES_10)
    shell.core.on_lost(shell.socket, "cut", shell.now_ns)
    shell.sent.clear()
    shell.run_until(shell.now_ns + 5 * SECOND)

    assert shell.core.lines.counts.renewed == 0
    assert shell.core.resting() == ("binance_spot:XUSDT",)
    assert [name for name, _ in shell.core.unsynced()] == ["binance_spot:BTCUSDT"]
    assert not any(b"xusdt" in data for data in shell.sent)  # a venue may refuse the others with it


def test_a_halted_instrument_need_not_speak_and_is_still_subscribed_to():
    shell = two_symbols()
    shell.core.set_listed(trading={"BTCUSDT"}, halted={"XUSDT"})
    only_btc_speaks(shell, START_NS + 100 * SECOND)
    shell.core.on_lost(shell.socket, "cut", shell.now_ns)
    shell.sent.clear()
    shell.run_until(shell.now_ns + 5 * SECOND)
    assert shell.core.lines.counts.renewed == 0
    assert any(b"xusdt@depth" in data for data in shell.sent)


def test_a_limit_of_its_own_keeps_an_instrument_from_being_asked():
    shell = two_symbols(watch={"stale_ms_by_instrument": {"binance_spot:XUSDT": 3_600_000}})
    only_btc_speaks(shell, MINUTES_10)
    assert shell.core.lines.counts.renewed == 0
