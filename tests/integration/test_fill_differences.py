"""Each kind of difference between two backtests' fills, on a market of a few events worked out by hand."""

import numpy as np
from fill_differences import Difference, Event, Kind, SpanMoments, counted, differences
from market_span import MarketSpan, Structured, ready_events
from quoting_run import FILL, ORDER

import native
from streaming.segments import InstrumentEntry

PERPETUAL = InstrumentEntry(
    id=0,
    venue="binance_usdm",
    symbol="BTCUSDT",
    market_type="perpetual",
    tick="0.1",
    size_unit="0.001",
    lot="0.001",
    maker_fee_bps="0",
    taker_fee_bps="0",
)
BUY, SELL = 0, 1


def market(levels: list[tuple[int, int, int, int]], trades: list[tuple[int, int]]) -> MarketSpan:
    """Levels (time, side, price, size), the first a snapshot, and trades (time, price)."""
    book = np.zeros(len(levels), native.dtypes["book_updates"])
    for name, column in zip(
        ("ts_recv_ns", "side", "price_ticks", "size_units"), zip(*levels, strict=True), strict=True
    ):
        book[name] = column
    book["is_snapshot"][0] = 1
    book["seq"] = book["ts_recv_ns"]
    prints = np.zeros(len(trades), native.dtypes["trades"])
    prints["ts_recv_ns"], prints["price_ticks"] = [at for at, _ in trades], [price for _, price in trades]
    prints["seq"], prints["size_units"] = prints["ts_recv_ns"], 7
    return MarketSpan("by hand", (PERPETUAL,), (), b"", 0, book, prints)


MARKET = market([(1, SELL, 102, 5), (3, SELL, 100, 5), (9, BUY, 104, 5)], [(5, 99), (6, 100)])


def orders(*rows: tuple[int, int, int]) -> Structured:
    """Orders (sent, side, price) of one lot."""
    return np.array([(sent, price, 1, side) for sent, side, price in rows], ORDER)


def fills(*rows: tuple[int, int, int, int], size_lots: int = 1) -> Structured:
    """Fills (time, sent, side, price)."""
    return np.array([(at, sent, price, size_lots, side) for at, sent, side, price in rows], FILL)


def compared(ours: Structured, theirs: Structured, our_orders: Structured, their_orders: Structured) -> Difference:
    found = differences(SpanMoments(MARKET), our_orders, ours, their_orders, theirs)
    assert len(found) == 1
    return found[0]


BID = orders((2, BUY, 100))


def test_fills_at_one_moment_agree() -> None:
    found = compared(fills((5, 2, BUY, 100)), fills((5, 2, BUY, 100)), BID, BID)

    assert (found.kind, found.cause) == (Kind.SAME, Event.THROUGH)


def test_another_size_at_one_moment_is_told() -> None:
    found = compared(fills((5, 2, BUY, 100)), fills((5, 2, BUY, 100), size_lots=2), BID, BID)

    assert found.kind == Kind.SIZE


def test_a_book_that_reaches_the_price_fills_earlier_than_a_trade() -> None:
    found = compared(fills((5, 2, BUY, 100)), fills((3, 2, BUY, 100)), BID, BID)

    assert (found.kind, found.cause) == (Kind.EARLIER, Event.CROSSED)


def test_a_shared_order_that_only_they_fill_names_what_filled_it() -> None:
    asks = orders((2, SELL, 103))

    found = compared(fills(), fills((9, 2, SELL, 103)), asks, asks)

    assert (found.kind, found.cause) == (Kind.THEIRS_ONLY, Event.CROSSED)


def test_a_shared_order_that_only_we_fill_is_ours_alone() -> None:
    found = compared(fills((6, 2, BUY, 100)), fills(), BID, BID)

    assert (found.kind, found.cause) == (Kind.OURS_ONLY, Event.AT_PRICE)


def test_a_fill_of_an_order_that_one_side_never_sent_is_a_consequence() -> None:
    found = compared(fills(), fills((5, 2, BUY, 100)), orders(), BID)

    assert found.kind == Kind.PARTED_THEIRS


def test_a_fill_at_a_quiet_moment_has_no_cause() -> None:
    found = compared(fills((4, 2, BUY, 100)), fills(), BID, BID)

    assert found.cause == Event.NOTHING


def test_kinds_are_counted() -> None:
    found = differences(SpanMoments(MARKET), BID, fills((5, 2, BUY, 100)), BID, fills((5, 2, BUY, 100)))

    assert counted(found * 2) == [(Kind.SAME, Event.THROUGH, 2)]


def test_ready_events_empty_the_book_first_and_follow_the_order_of_receipt() -> None:
    events = ready_events(MARKET)

    assert (events["ev"] & 0xFF).tolist() == [3, 3, 4, 1, 2, 2, 1]
    assert events["local_ts"].tolist() == [1, 1, 1, 3, 5, 6, 9]
    assert events["px"][2:].tolist() == [102 * 0.1, 100 * 0.1, 99 * 0.1, 100 * 0.1, 104 * 0.1]
    assert events["qty"].tolist() == [0.0, 0.0, 0.005, 0.005, 0.007, 0.007, 0.005]
    assert (events["exch_ts"] == events["local_ts"]).all()
