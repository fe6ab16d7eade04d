"""REST answers of the three venues: forms, weights, limits, errors, and snapshots that agree with the streams."""

import orjson
import pytest

from streaming.emulator.exchange_info import bybit_exchange_info, spot_exchange_info, usdm_exchange_info
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.listing import exchange_information
from streaming.emulator.market import MarketEmulator
from streaming.emulator.source import EndlessMarket
from streaming.segments import InstrumentEntry
from streaming.venues.exchange_info import instrument_rules

START_NS = 1_767_571_200_000_000_000
USDM, SPOT, BYBIT = "binance_usdm", "binance_spot", "bybit_spot"
DEPTH_PATHS = {USDM: "/fapi/v1/depth", SPOT: "/api/v3/depth", BYBIT: "/v5/market/orderbook"}


@pytest.fixture
def emulator():
    emulator = MarketEmulator(EndlessMarket(3, START_NS))
    emulator.prime()
    return emulator


def ask(emulator, venue, path, now_ns=START_NS, **query):
    return emulator.venues[venue].rest.answer(path, query, now_ns)


def depth(emulator, venue, now_ns=START_NS, **query):
    if venue == BYBIT:
        query |= {"category": "spot"}
    return ask(emulator, venue, DEPTH_PATHS[venue], now_ns, symbol=SYMBOL, **query)


@pytest.mark.parametrize("venue", [USDM, SPOT])
def test_a_snapshot_is_the_true_book_at_that_moment(emulator, venue) -> None:
    emulator.advance(START_NS + 2_000_000_000)

    document = orjson.loads(depth(emulator, venue, limit="1000").body)

    truth = emulator.truth_at(f"{venue}:{SYMBOL}", 1000)
    assert document["lastUpdateId"] == truth.last_id
    assert [tuple(level) for level in document["bids"]] == truth.bids
    assert [tuple(level) for level in document["asks"]] == truth.asks
    assert len(truth.bids) > 900


def test_bybits_book_is_enveloped_and_cut_to_the_limit(emulator) -> None:
    reply = orjson.loads(depth(emulator, BYBIT, limit="3").body)

    result = reply["result"]
    assert (reply["retCode"], result["s"], len(result["b"]), len(result["a"])) == (0, SYMBOL, 3, 3)
    assert result["u"] == emulator.truth_at(f"{BYBIT}:{SYMBOL}").last_id


@pytest.mark.parametrize(
    ("venue", "limit", "weight"),
    [
        (USDM, "5", 2),
        (USDM, "100", 5),
        (USDM, "500", 10),
        (USDM, "1000", 20),
        (USDM, None, 10),
        (SPOT, "100", 5),
        (SPOT, "1000", 50),
        (SPOT, "5000", 250),
        (SPOT, None, 5),
    ],
)
def test_depth_costs_what_the_venue_documents(emulator, venue, limit, weight) -> None:
    reply = depth(emulator, venue, **({} if limit is None else {"limit": limit}))

    assert reply.status == 200
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


def test_weight_beyond_the_limit_is_429_then_a_ban_and_the_window_ends_it(emulator) -> None:
    minute_ns = START_NS // 60_000_000_000 * 60_000_000_000
    statuses = [depth(emulator, USDM, minute_ns + 1, limit="1000").status for _ in range(120)]

    refused = [depth(emulator, USDM, minute_ns + 20_000_000_000, limit="1000") for _ in range(11)]

    assert set(statuses) == {200}
    assert [reply.status for reply in refused] == [429] * 10 + [418]
    assert [reply.headers["Retry-After"] for reply in refused[-2:]] == ["40", "120"]
    assert orjson.loads(refused[0].body)["code"] == -1003
    assert depth(emulator, USDM, minute_ns + 61_000_000_000).status == 418
    assert depth(emulator, USDM, minute_ns + 141_000_000_000).status == 200


def test_bybits_limit_is_in_its_headers(emulator) -> None:
    reply = ask(emulator, BYBIT, "/v5/market/time")

    assert (reply.headers["X-Bapi-Limit"], reply.headers["X-Bapi-Limit-Status"]) == ("600", "599")


@pytest.mark.parametrize(
    ("venue", "path", "query", "status", "code"),
    [
        (USDM, "/fapi/v1/depth", {}, 400, -1102),
        (USDM, "/fapi/v1/depth", {"symbol": "NOPE"}, 400, -1121),
        (USDM, "/fapi/v1/depth", {"symbol": SYMBOL, "limit": "7"}, 400, -4021),
        (SPOT, "/api/v3/depth", {"symbol": SYMBOL, "limit": "x"}, 400, -1130),
        (SPOT, "/api/v3/exchangeInfo", {"symbols": "["}, 400, -1100),
        (SPOT, "/api/v3/nothing", {}, 404, -5000),
        (BYBIT, "/v5/market/orderbook", {"symbol": SYMBOL}, 200, 10001),
        (BYBIT, "/v5/market/orderbook", {"symbol": "NOPE", "category": "spot"}, 200, 10001),
        (BYBIT, "/v5/nothing", {}, 404, 10017),
    ],
)
def test_errors_carry_the_venues_own_code(emulator, venue, path, query, status, code) -> None:
    reply = ask(emulator, venue, path, **query)

    document = orjson.loads(reply.body)
    assert (reply.status, document.get("code", document.get("retCode"))) == (status, code)


@pytest.mark.parametrize("path", ["/fapi/v1/time", "/fapi/v1/ping"])
def test_time_and_ping_are_answered(emulator, path) -> None:
    assert orjson.loads(ask(emulator, USDM, path).body) in ({}, {"serverTime": START_NS // 1_000_000})


@pytest.mark.parametrize(
    ("venue", "reply"), [(USDM, usdm_exchange_info), (SPOT, spot_exchange_info), (BYBIT, bybit_exchange_info)]
)
def test_the_generated_instruments_are_listed_as_the_generator_prints_them(emulator, venue, reply) -> None:
    entries = [entry for entry in emulator.source.instruments if entry.venue == venue]

    assert exchange_information(venue, entries, 5) == reply(5)


@pytest.mark.parametrize("venue", [USDM, SPOT, BYBIT])
def test_any_other_instrument_is_listed_with_its_own_steps(venue) -> None:
    entry = InstrumentEntry(
        id=0, venue=venue, symbol="ETHUSDC", market_type="spot", tick="0.01", size_unit="0.0001", lot="0.0001",
        maker_fee_bps="1", taker_fee_bps="1", base="ETH", quote="USDC",
    )  # fmt: skip

    rules = instrument_rules(venue, "ETHUSDC", exchange_information(venue, [entry], 5))

    assert rules is not None
    assert (rules.tick, rules.lot, rules.base, rules.quote) == ("0.01", "0.0001", "ETH", "USDC")


def test_a_stale_snapshot_is_old_once(emulator) -> None:
    emulator.advance(START_NS + 10_000_000_000, 10**6)
    now_id = emulator.truth_at(f"{SPOT}:{SYMBOL}").last_id
    record = emulator.arm(Fault(kind=FaultKind.stale_snapshot, venue=SPOT, age_ms=5_000), START_NS)

    old, new = (orjson.loads(depth(emulator, SPOT).body)["lastUpdateId"] for _ in range(2))

    assert old < now_id == new
    assert record.last_id == old
    assert record.ts_ended_ns


@pytest.mark.parametrize("status", [418, 429])
def test_a_refusal_on_command_names_when_to_come_back(emulator, status) -> None:
    emulator.arm(Fault(kind=FaultKind.refuse_rest, venue=BYBIT, status=status, retry_after_s=7, count=2), START_NS)

    replies = [ask(emulator, BYBIT, "/v5/market/time") for _ in range(3)]

    assert [reply.status for reply in replies] == [status, status, 200]
    assert replies[0].headers["Retry-After"] == "7"
    assert emulator.log.fired == {"bybit_spot refuse_rest": 1}


@pytest.mark.parametrize("form", ["html", "empty", "truncated"])
def test_a_bad_reply_is_no_json(emulator, form) -> None:
    emulator.arm(Fault(kind=FaultKind.bad_reply, venue=SPOT, form=form), START_NS)

    reply = depth(emulator, SPOT)

    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.body)
    assert orjson.loads(depth(emulator, SPOT).body)


def test_a_skewed_clock_is_off_for_its_time(emulator) -> None:
    emulator.arm(Fault(kind=FaultKind.clock_skew, venue=USDM, skew_ms=-1_500, duration_ms=1_000), START_NS)

    times = [
        orjson.loads(ask(emulator, USDM, "/fapi/v1/time", START_NS + after_ns).body)["serverTime"] - START_NS // 10**6
        for after_ns in (0, 2_000_000_000)
    ]

    assert times == [-1_500, 2_000]


def test_a_book_that_is_not_known_is_refused_as_not_executed() -> None:
    emulator = MarketEmulator(EndlessMarket(3, START_NS))

    reply = depth(emulator, SPOT)

    assert (reply.status, orjson.loads(reply.body)["msg"]) == (503, "Service Unavailable.")


@pytest.mark.parametrize(
    ("venue", "path", "query", "weight", "keys"),
    [
        (USDM, "/fapi/v1/trades", {}, 5, "id price qty quoteQty time isBuyerMaker isRPITrade"),
        (USDM, "/fapi/v1/aggTrades", {}, 20, "a p q f l T m"),
        (SPOT, "/api/v3/trades", {}, 25, "id price qty quoteQty time isBuyerMaker isBestMatch"),
        (SPOT, "/api/v3/aggTrades", {}, 4, "a p q f l T m M"),
        (USDM, "/fapi/v1/ticker/bookTicker", {}, 2, "symbol bidPrice bidQty askPrice askQty time"),
        (SPOT, "/api/v3/ticker/bookTicker", {}, 2, "symbol bidPrice bidQty askPrice askQty"),
        (
            USDM,
            "/fapi/v1/premiumIndex",
            {},
            1,
            "symbol markPrice indexPrice estimatedSettlePrice lastFundingRate interestRate nextFundingTime time",
        ),
    ],
)
def test_trades_and_best_prices_have_the_documented_keys_and_weights(
    emulator, venue, path, query, weight, keys
) -> None:
    emulator.advance(START_NS + 5_000_000_000)

    reply = ask(emulator, venue, path, START_NS + 5_000_000_000, symbol=SYMBOL, **query)

    document = orjson.loads(reply.body)
    rows = document if isinstance(document, list) else [document]
    assert {tuple(row) for row in rows} == {tuple(keys.split())}
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == str(weight)


@pytest.mark.parametrize("path", ["/fapi/v1/ticker/bookTicker", "/fapi/v1/premiumIndex"])
def test_without_a_symbol_all_are_listed(emulator, path) -> None:
    assert [row["symbol"] for row in orjson.loads(ask(emulator, USDM, path).body)] == [SYMBOL]


def test_the_last_trades_are_those_of_the_stream_and_the_limit_counts_from_the_newest(emulator) -> None:
    emulator.advance(START_NS + 20_000_000_000)

    rows = [orjson.loads(ask(emulator, SPOT, "/api/v3/trades", symbol=SYMBOL, limit=str(n)).body) for n in (3, 1_000)]

    assert rows[0] == rows[1][-3:]
    assert [row["id"] for row in rows[1]] == [*range(rows[1][0]["id"], rows[1][-1]["id"] + 1)]


def test_trades_of_long_ago_are_refused_rather_than_made_up(emulator) -> None:
    reply = ask(emulator, USDM, "/fapi/v1/aggTrades", symbol=SYMBOL, fromId="1")

    assert (reply.status, orjson.loads(reply.body)["code"]) == (400, -1130)


def test_bybits_trades_come_newest_first_and_its_ticker_knows_the_best_prices(emulator) -> None:
    emulator.advance(START_NS + 20_000_000_000)
    query = {"category": "spot", "symbol": SYMBOL}

    trades = orjson.loads(ask(emulator, BYBIT, "/v5/market/recent-trade", **query, limit="10").body)["result"]["list"]
    (ticker,) = orjson.loads(ask(emulator, BYBIT, "/v5/market/tickers", **query).body)["result"]["list"]

    truth = emulator.truth_at(f"{BYBIT}:{SYMBOL}", 1)
    assert len(trades) == 10
    assert [int(trade["seq"]) for trade in trades] == sorted((int(trade["seq"]) for trade in trades), reverse=True)
    assert ticker["lastPrice"] == trades[0]["price"]
    assert (ticker["bid1Price"], ticker["ask1Price"]) == (truth.bids[0][0], truth.asks[0][0])
