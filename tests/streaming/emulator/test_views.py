"""Streams made of others: slower depth, best levels, other books, sums of trades; and their recorded forms."""

from decimal import Decimal
from itertools import pairwise

import orjson
import pytest
from emulator.machine import BYBIT, SPOT, START_NS, USDM, Bench, texts
from emulator.shapes import raw_lines, shapes, zstd_lines

from streaming.emulator.faults import Fault, FaultKind, FaultLog
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.source import EndlessMarket, MadeFrom
from streaming.emulator.streams import MarketFrame
from streaming.emulator.true_books import true_books
from streaming.emulator.venue import Venue

ROUTES = {SPOT: "/stream", "public": "/public/stream", "market": "/market/stream"}


def heard(venue, *streams, route="public", seconds=5.0, bench=None):
    """Messages of Binance's streams by stream, and the emulator."""
    bench = bench or Bench()
    session = bench.open(venue, ROUTES[SPOT if venue == SPOT else route], {"streams": "/".join(streams)})
    found = {stream: [] for stream in streams}
    for _ in range(int(seconds * 10)):
        bench.wait(0.1)
        for message in texts(session):
            found[message["stream"]].append(message["data"])
    return found, bench


def heard_of_bybit(*topics, seconds=5.0, bench=None):
    bench = bench or Bench()
    session = bench.open(BYBIT, "/v5/public/spot")
    found = {topic: [] for topic in topics}
    answers = bench.ask(session, op="subscribe", args=[*topics])
    for _ in range(int(seconds * 10) + 1):
        for message in answers:
            if "topic" in message:
                found[message["topic"]].append(message)
        bench.wait(0.1)
        answers = texts(session)
    return found, bench


def applied(book, levels):
    for price, size in levels:
        if Decimal(size):
            book[price] = size
        else:
            book.pop(price, None)


def best(book, count, *, is_bid):
    return sorted(book.items(), key=lambda level: Decimal(level[0]), reverse=is_bid)[:count]


def true_tops(name, end_ns, levels=50):
    """Best levels of an instrument by update id, of Bybit by sequence."""
    steps = true_books(MadeFrom(seed=3, start_ns=START_NS), end_ns, instruments=[name])
    return {step.sequence or step.last_id: step.top(levels) for step in steps}


@pytest.mark.parametrize(
    ("venue", "stream", "every_ms"),
    [
        (USDM, "btcusdt@depth", 250),
        (USDM, "btcusdt@depth@500ms", 500),
        (SPOT, "btcusdt@depth", 1_000),
    ],
)
def test_slower_depth_chains_and_leads_from_a_snapshot_to_the_true_book(venue, stream, every_ms) -> None:
    bench = Bench()
    before, _ = heard(venue, stream, bench=bench, seconds=1.5)
    path = "/fapi/v1/depth" if venue == USDM else "/api/v3/depth"
    reply = bench.emulator.venues[venue].rest.answer(path, {"symbol": SYMBOL, "limit": "1000"}, bench.now_ns)
    snapshot = orjson.loads(reply.body)
    session = next(iter(bench.emulator.venues[venue].sessions.values()))
    bench.wait(6)
    events = before[stream] + [message["data"] for message in texts(session)]

    links = [(one["u"], two["pu"] if venue == USDM else two["U"] - 1) for one, two in pairwise(events)]
    assert all(last == previous for last, previous in links)
    assert {two["E"] - one["E"] for one, two in pairwise(events)} <= {*range(every_ms - 10, every_ms + 10)}
    later = [event for event in events if event["u"] > snapshot["lastUpdateId"]]
    assert later[0].get("pu", later[0]["U"] - 1) <= snapshot["lastUpdateId"]
    truth = true_tops(f"{venue}:{SYMBOL}", bench.now_ns)
    bids, asks = dict(snapshot["bids"]), dict(snapshot["asks"])
    for event in later:
        applied(bids, event["b"])
        applied(asks, event["a"])
        assert (best(bids, 50, is_bid=True), best(asks, 50, is_bid=False)) == truth[event["u"]]
    assert len(later) >= 5_900 // every_ms


@pytest.mark.parametrize(
    ("venue", "stream", "levels"),
    [
        (USDM, "btcusdt@depth5@100ms", 5),
        (USDM, "btcusdt@depth10@500ms", 10),
        (USDM, "btcusdt@depth20", 20),
        (SPOT, "btcusdt@depth5@100ms", 5),
        (SPOT, "btcusdt@depth20", 20),
    ],
)
def test_partial_depth_is_the_top_of_the_true_book(venue, stream, levels) -> None:
    found, bench = heard(venue, stream)

    truth = true_tops(f"{venue}:{SYMBOL}", bench.now_ns, levels)
    for data in found[stream]:
        names = ("u", "b", "a") if venue == USDM else ("lastUpdateId", "bids", "asks")
        last_id, bids, asks = (data[name] for name in names)
        assert ([*map(tuple, bids)], [*map(tuple, asks)]) == truth[last_id]
    assert len(found[stream]) >= 4


@pytest.mark.parametrize(
    "stream", ["btcusdt@depth@250ms", "btcusdt@depth7", "btcusdt@kline_7m", "btcusdt@nothing", "x"]
)
def test_a_stream_that_no_venue_documents_is_silent(stream) -> None:
    found, _ = heard(USDM, stream, seconds=2)
    also, _ = heard(USDM, stream, route="market", seconds=2)

    assert (found, also) == ({stream: []}, {stream: []})


@pytest.mark.parametrize("levels", [50, 200, 1_000])
def test_each_depth_of_bybit_is_a_book_of_its_own(levels) -> None:
    topic = f"orderbook.{levels}.{SYMBOL}"
    found, bench = heard_of_bybit(topic, seconds=10)

    truth = true_tops(f"{BYBIT}:{SYMBOL}", bench.now_ns, levels)
    bids: dict[str, str] = {}
    asks: dict[str, str] = {}
    for message in found[topic]:
        applied(bids, message["data"]["b"])
        applied(asks, message["data"]["a"])
        ours = best(bids, levels, is_bid=True), best(asks, levels, is_bid=False)
        assert ours == truth[message["data"]["seq"]]
    ids = [message["data"]["u"] for message in found[topic]]
    assert [message["type"] for message in found[topic]] == ["snapshot"] + ["delta"] * (len(ids) - 1)
    assert ids == [*range(ids[0], ids[0] + len(ids))]
    assert len(ids) > 45


def test_bybits_best_prices_are_snapshots_said_again_after_three_seconds_of_nothing() -> None:
    topic = f"orderbook.1.{SYMBOL}"
    found, bench = heard_of_bybit(topic)
    venue = bench.emulator.venues[BYBIT]
    last_id = venue.views.snapshot(topic)[1]
    session = next(iter(venue.sessions.values()))
    texts(session)
    last_ns = venue.views.next_due_ns()
    venue.close_windows(last_ns + 10**7)
    texts(session)
    venue.close_windows(last_ns + 7 * 10**9)

    again = [message["data"]["u"] for message in texts(session)]

    assert {message["type"] for message in found[topic]} == {"snapshot"}
    assert {(len(message["data"]["b"]), len(message["data"]["a"])) for message in found[topic]} == {(1, 1)}
    assert len(again) == 2
    assert len({*again}) == 1
    assert again[0] >= last_id


def test_a_restart_of_the_venue_begins_every_depth_of_every_instrument_anew() -> None:
    topics = [f"orderbook.{levels}.{SYMBOL}" for levels in (1, 50, 200)]
    bench = Bench()
    session = bench.open(BYBIT, "/v5/public/spot")
    bench.ask(session, op="subscribe", args=topics)
    bench.wait(1)
    bench.emulator.arm(Fault(kind=FaultKind.server_restart, venue=BYBIT), bench.now_ns)
    texts(session)
    bench.wait(1)

    firsts = {}
    for message in texts(session):
        if message["type"] == "snapshot" and message["data"]["u"] == 1:
            firsts[message["topic"]] = message

    assert [*firsts] and {*firsts} == {*topics}


def test_a_restart_without_a_symbol_strikes_each_instrument_once() -> None:
    entries = [entry for entry in EndlessMarket(1, START_NS).instruments if entry.venue == BYBIT]
    entries.append(_renamed(entries[0], "ETHUSDT"))
    log = FaultLog()
    venue = Venue(BYBIT, entries, log)
    session = venue.open("/v5/public/spot", {}, 1, START_NS)
    session.receive_text(orjson.dumps({"op": "subscribe", "args": ["orderbook.50.BTCUSDT"]}), START_NS)
    record = venue.faults.arm(Fault(kind=FaultKind.server_restart, venue=BYBIT), START_NS)
    frames = [item for item, _ in zip(EndlessMarket(1, START_NS).items(), range(400), strict=False)]

    for frame in frames:
        if frame.venue == BYBIT and isinstance(frame, MarketFrame):
            venue.publish(frame)
            venue.publish(_of_symbol(frame, "ETHUSDT"))

    assert {symbol: len(ids) for symbol, ids in record.restarts.items()} == {"BTCUSDT": 1, "ETHUSDT": 1}
    assert record.ts_ended_ns
    assert all(book.last_id < 100 for book in venue.books.values())


def _renamed(entry, symbol):
    return type(entry)(**{name: getattr(entry, name) for name in entry.__dataclass_fields__} | {"symbol": symbol})


def _of_symbol(frame, symbol):
    stream = frame.stream.replace(SYMBOL, symbol)
    payload = frame.payload.replace(SYMBOL.encode(), symbol.encode())
    return MarketFrame(frame.venue, symbol, stream, payload, frame.ts_ns, frame.depth)


def test_candles_sum_the_trades_and_end_with_their_minute() -> None:
    found, _ = heard(USDM, "btcusdt@kline_1m", "btcusdt@aggTrade", route="market", seconds=130)
    candles, trades = found["btcusdt@kline_1m"], found["btcusdt@aggTrade"]

    over = [each["k"] for each in candles if each["k"]["x"]]
    assert [candle["t"] % 60_000 for candle in over] == [0] * len(over)
    whole = over[1]
    inside = [trade for trade in trades if whole["t"] <= trade["T"] <= whole["T"]]
    prices = [Decimal(trade["p"]) for trade in inside]
    assert (whole["o"], whole["c"]) == (inside[0]["p"], inside[-1]["p"])
    assert (Decimal(whole["h"]), Decimal(whole["l"])) == (max(prices), min(prices))
    assert Decimal(whole["v"]) == sum(Decimal(trade["q"]) for trade in inside)
    assert Decimal(whole["q"]) == sum(Decimal(trade["q"]) * Decimal(trade["p"]) for trade in inside)
    assert Decimal(whole["V"]) == sum(Decimal(trade["q"]) for trade in inside if not trade["m"])
    assert whole["n"] == len(inside)
    assert all(each["E"] >= each["k"]["t"] for each in candles)


def test_mark_prices_come_on_the_second_and_name_the_next_funding() -> None:
    found, bench = heard(USDM, "btcusdt@markPrice@1s", "btcusdt@markPrice", route="market", seconds=12)
    slow, fast = found["btcusdt@markPrice"], found["btcusdt@markPrice@1s"]
    truth = bench.emulator.truth_at(f"{USDM}:{SYMBOL}", 1)

    assert (len(slow), len(fast)) in {(4, 12), (4, 11), (3, 12), (3, 11)}
    assert fast[0]["T"] % (8 * 3_600_000) == 0
    assert 0 < fast[0]["T"] - fast[0]["E"] <= 8 * 3_600_000
    assert abs(Decimal(fast[-1]["p"]) - Decimal(truth.bids[0][0])) < 20
    assert list(fast[0]) == ["e", "E", "s", "p", "i", "P", "r", "T"]


def test_a_skewed_clock_leaves_the_times_of_a_calendar() -> None:
    bench = Bench()
    bench.emulator.arm(Fault(kind=FaultKind.clock_skew, venue=USDM, skew_ms=1_500, duration_ms=60_000), bench.now_ns)
    found, _ = heard(USDM, "btcusdt@kline_1m", "btcusdt@markPrice@1s", route="market", seconds=5, bench=bench)

    assert {each["k"]["T"] % 60_000 for each in found["btcusdt@kline_1m"]} == {59_999}
    assert {each["T"] % (8 * 3_600_000) for each in found["btcusdt@markPrice@1s"]} == {0}


def test_single_trades_of_usdm_are_those_of_the_aggregates() -> None:
    bench = Bench()
    market = bench.open(USDM, "/market/stream", {"streams": "btcusdt@aggTrade"})
    public = bench.open(USDM, "/public/stream", {"streams": "btcusdt@trade"})
    bench.wait(5)

    aggregates, singles = ([message["data"] for message in texts(each)] for each in (market, public))

    assert [(each["f"], each["p"], each["q"], each["m"]) for each in aggregates] == [
        (each["t"], each["p"], each["q"], each["m"]) for each in singles
    ]
    assert aggregates


def test_recorded_single_trades_are_merged_by_taker_side_and_price_within_100_ms() -> None:
    entries = [entry for entry in EndlessMarket(1, START_NS).instruments if entry.venue == USDM]
    venue = Venue(USDM, entries, FaultLog())
    session = venue.open("/market/stream", {"streams": "btcusdt@aggTrade"}, 1, START_NS)
    trades = [
        ("10.0", "1", False, "MARKET"), ("10.0", "2.5", False, "MARKET"), ("10.0", "9", False, "INSURANCE_FUND"),
        ("10.1", "1", False, "MARKET"), ("10.1", "4", True, "MARKET"),
    ]  # fmt: skip
    for place, (price, size, is_maker, kind) in enumerate(trades):
        data = {"e": "trade", "E": 1_000 + place, "T": 1_000, "s": SYMBOL, "t": 70 + place}
        data |= {"p": price, "q": size, "X": kind, "m": is_maker}
        payload = orjson.dumps({"stream": "btcusdt@trade", "data": data})
        venue.publish(MarketFrame(USDM, SYMBOL, "btcusdt@trade", payload, START_NS + place))
    venue.close_windows(START_NS + 10**8)

    rows = [message["data"] for message in texts(session)]

    assert [(row["a"], row["p"], row["q"], row["f"], row["l"], row["m"]) for row in rows] == [
        (70, "10.0", "3.5", 70, 71, False),
        (71, "10.1", "1", 73, 73, False),
        (72, "10.1", "4", 74, 74, True),
    ]


def test_a_ticker_of_bybit_says_the_last_trade_and_is_told_at_once() -> None:
    bench = Bench()
    bench.wait(5)
    topics = f"tickers.{SYMBOL}", f"publicTrade.{SYMBOL}"
    found, _ = heard_of_bybit(*topics, bench=bench)
    tickers, trades = (found[topic] for topic in topics)

    assert tickers[0]["ts"] < trades[0]["ts"]
    assert tickers[-1]["data"]["lastPrice"] == trades[-1]["data"][-1]["p"]
    assert tickers[-1]["cs"] == trades[-1]["data"][-1]["seq"]


def test_views_cost_nothing_when_nobody_wants_them() -> None:
    bench = Bench()
    session = bench.open(SPOT, "/stream", {"streams": "btcusdt@depth20@100ms/btcusdt@kline_1m"})
    bench.wait(1)
    views = bench.emulator.venues[SPOT].views
    wanted = views.next_due_ns()
    bench.ask(session, method="UNSUBSCRIBE", params=["btcusdt@depth20@100ms", "btcusdt@kline_1m"], id=1)
    bench.wait(0.2)

    assert wanted < START_NS + 10**11 < views.next_due_ns()


def recorded_binance(recordings, name, stream):
    lines = (
        orjson.loads(line["data"])
        for line in zstd_lines(recordings / f"cryptofeed/{name}.jsonl.zst")
        if line["t"] == "recv"
    )
    return [message["data"] for message in lines if message.get("stream", "").endswith(stream)]


@pytest.mark.parametrize(
    ("venue", "recording", "stream"),
    [(SPOT, "BINANCE", "@kline_1m"), (SPOT, "BINANCE", "@aggTrade"), (USDM, "BINANCE_FUTURES", "@kline_1m")],
)
def test_streams_made_of_trades_have_the_recorded_shape(recordings, venue, recording, stream) -> None:
    found, _ = heard(venue, f"btcusdt{stream}", route="market")

    assert shapes(found[f"btcusdt{stream}"]) == shapes(recorded_binance(recordings, recording, stream))


def test_single_trades_of_usdm_have_the_recorded_shape(recordings) -> None:
    lines = raw_lines(recordings / "binance-raw/usdm/btcusdt_20240718.gz")
    recorded = [line["data"] for line in lines if line.get("stream", "").endswith("@trade")]

    found, _ = heard(USDM, "btcusdt@trade")

    assert shapes(found["btcusdt@trade"]) == shapes(recorded)


@pytest.mark.parametrize("kind", ["tickers", "kline.1", "orderbook.200"])
def test_topics_of_bybit_have_the_recorded_shape(recordings, kind) -> None:
    lines = zstd_lines(recordings / "bybit-raw/bybit_20260809_dev.jsonl.zst")
    recorded = [orjson.loads(line["raw"]) for line in lines if line["market"] == "spot"]

    found, _ = heard_of_bybit(f"{kind}.{SYMBOL}")

    theirs = [message for message in recorded if message.get("topic", "").startswith(f"{kind}.")]
    for form in {message["type"] for message in theirs}:
        ours = [message for message in found[f"{kind}.{SYMBOL}"] if message["type"] == form]
        assert shapes(ours) == shapes(message for message in theirs if message["type"] == form)
