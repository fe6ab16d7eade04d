"""What becomes of orders at the emulated venues."""

from decimal import Decimal
from functools import partial

import pytest
from small_exchange import SECOND_NS, SYMBOL, SmallExchange

from streaming.emulator.exchange import accounts
from streaming.emulator.exchange.words import (
    EventKind,
    Force,
    NewOrder,
    OrderKind,
    OrderState,
    Refusal,
    RefusedError,
    SelfTrade,
    Side,
)

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
every_venue = pytest.mark.parametrize("venue", VENUES)


def states(small: SmallExchange, account: str = "a") -> list[list[object]]:
    """Return states and fills of every order made."""
    return [[order.state, order.filled] for order in small.exchange.orders(account, SYMBOL)]


@every_venue
def test_a_market_order_takes_level_by_level(venue: str) -> None:
    small = SmallExchange(venue)

    order = small.place("buy", None, "7")

    assert [order.state, order.filled] == [OrderState.filled, 7]
    assert order.filled_quote == 5 * 9910 + 2 * 9920
    assert [trade.price for trade in small.exchange.trades("a", SYMBOL)] == [9910, 9920]


@every_venue
def test_an_ioc_takes_what_is_there_and_the_rest_expires(venue: str) -> None:
    small = SmallExchange(venue)
    order = small.place("buy", "9910", "7", Force.ioc)
    assert [order.state, order.filled, order.end_reason] == [OrderState.expired, 5, "ioc"]


@pytest.mark.parametrize(
    ("venue", "is_refused"), [("binance_usdm", True), ("binance_spot", False), ("bybit_spot", False)]
)
def test_a_fill_or_kill_that_cannot_fill_takes_nothing(venue: str, is_refused: bool) -> None:
    small = SmallExchange(venue)

    if is_refused:
        assert small.refusal("buy", "9910", "7", Force.fok) is Refusal.cannot_fill
        assert states(small) == []
    else:
        order = small.place("buy", "9910", "7", Force.fok)
        assert [order.state, order.filled, order.end_reason] == [OrderState.expired, 0, "fok"]
    assert small.locked("USDT") == 0
    assert small.place("buy", "9920", "7", Force.fok).state is OrderState.filled


@pytest.mark.parametrize(
    ("venue", "is_refused"), [("binance_usdm", True), ("binance_spot", True), ("bybit_spot", False)]
)
def test_a_post_only_order_never_takes(venue: str, is_refused: bool) -> None:
    small = SmallExchange(venue)

    if is_refused:
        assert small.refusal("buy", "9910", "1", Force.post_only) is Refusal.would_take
        assert small.exchange.events_since("a", 0) == []
    else:
        order = small.place("buy", "9910", "1", Force.post_only)
        assert [order.state, order.end_reason] == [OrderState.cancelled, "would_take"]
        assert next(event.kind for event in small.exchange.events_since("a", 0)) is EventKind.order_cancelled
    assert small.place("buy", "9900", "1", Force.post_only).state is OrderState.new


@every_venue
def test_a_resting_order_waits_for_the_queue_ahead_and_fills_as_maker(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("buy", "9900", "1")

    small.trade("9900", "5", is_buyer_taker=False)
    waiting = states(small)
    small.trade("9900", "0.4", is_buyer_taker=False)

    assert waiting == [[OrderState.new, 0]]
    assert states(small) == [[OrderState.partially_filled, Decimal("0.4")]]
    assert small.exchange.trades("a", SYMBOL)[0].is_maker


@every_venue
def test_a_resting_order_fills_as_the_book_comes_to_it(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("buy", "9905", "1")
    small.depth([], [("9910.0", "0"), ("9904.0", "3")])
    assert states(small) == [[OrderState.filled, 1]]
    assert small.exchange.trades("a", SYMBOL)[0].price == 9905


@every_venue
def test_a_client_id_names_one_open_order(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("buy", "9900", "1", client_id="x-1")
    assert small.refusal("buy", "9900", "1", client_id="x-1") is Refusal.duplicate_id

    small.exchange.cancel("a", SYMBOL, small.now_ns, client_id="x-1")

    if venue == "bybit_spot":
        assert small.refusal("buy", "9900", "1", client_id="x-1") is Refusal.duplicate_id
    else:
        again = small.place("buy", "9900", "1", client_id="x-1")
        assert small.exchange.order("a", SYMBOL, small.now_ns, client_id="x-1").order_id == again.order_id


@every_venue
def test_a_cancel_of_what_is_not_open_is_refused(venue: str) -> None:
    small = SmallExchange(venue)
    order = small.place("buy", None, "1")

    with pytest.raises(RefusedError) as error:
        small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=order.order_id)

    assert error.value.refusal is Refusal.unknown_order


@every_venue
def test_ids_that_disagree_name_no_order(venue: str) -> None:
    small = SmallExchange(venue)
    first = small.place("buy", "9900", "1", client_id="x-1")
    small.place("buy", "9900", "1", client_id="x-2")
    with pytest.raises(RefusedError):
        small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=first.order_id, client_id="x-2")


@every_venue
def test_a_lesser_size_keeps_the_place_in_the_queue_and_a_greater_one_loses_it(venue: str) -> None:
    small = SmallExchange(venue)
    kept = small.place("buy", "9900", "2")
    moved = small.place("buy", "9900", "2", account="b")
    small.trade("9900", "5", is_buyer_taker=False)

    small.exchange.amend("a", SYMBOL, small.now_ns, order_id=kept.order_id, size=Decimal(1))
    small.exchange.amend("b", SYMBOL, small.now_ns, order_id=moved.order_id, size=Decimal(3))
    small.trade("9900", "1", is_buyer_taker=False)

    assert states(small) == [[OrderState.filled, 1]]
    assert states(small, "b") == [[OrderState.new, 0]]


@every_venue
def test_an_amended_price_that_reaches_the_market_takes_there(venue: str) -> None:
    small = SmallExchange(venue)
    order = small.place("buy", "9900", "6")

    amended = small.exchange.amend("a", SYMBOL, small.now_ns, order_id=order.order_id, price=Decimal(9910))

    assert [amended.order_id, amended.price, amended.filled] == [order.order_id, 9910, 5]
    assert amended.is_open
    small.trade("9909", "1", is_buyer_taker=False)
    assert states(small) == [[OrderState.filled, 6]]


def test_an_amend_below_what_has_filled_ends_the_order_on_usdm_and_is_refused_on_bybit() -> None:
    found: dict[str, OrderState | Refusal] = {}
    for venue in ("binance_usdm", "bybit_spot"):
        small = SmallExchange(venue)
        order = small.place("buy", "9910", "6")
        try:
            amended = small.exchange.amend("a", SYMBOL, small.now_ns, order_id=order.order_id, size=Decimal(5))
            found[venue] = amended.state
        except RefusedError as error:
            found[venue] = error.refusal
    assert found == {"binance_usdm": OrderState.cancelled, "bybit_spot": Refusal.size_min}


def test_an_amend_that_keeps_priority_only_makes_less_and_may_rename() -> None:
    small = SmallExchange("binance_spot")
    order = small.place("buy", "9900", "2", client_id="x-1")
    amend = partial(small.exchange.amend, "a", SYMBOL, small.now_ns, order_id=order.order_id, keeps_priority=True)

    amended = amend(size=Decimal(1), new_client_id="x-2")

    assert [amended.size, amended.client_id, amended.previous_client_ids] == [1, "x-2", ["x-1"]]
    assert small.locked("USDT") == 9900
    for size, refusal in ((Decimal(1), Refusal.unchanged), (Decimal(2), Refusal.size_not_less)):
        with pytest.raises(RefusedError) as error:
            amend(size=size)
        assert error.value.refusal is refusal


@every_venue
def test_own_orders_do_not_trade_with_each_other(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("sell", "9905", "1")

    taker = small.place("buy", "9910", "2")

    assert states(small)[0] == [OrderState.expired_in_match, 0]
    assert [taker.state, taker.filled_quote] == [OrderState.filled, 2 * 9910]


@every_venue
@pytest.mark.parametrize(
    ("word", "maker", "taker"),
    [
        (SelfTrade.expire_taker, OrderState.new, OrderState.expired_in_match),
        (SelfTrade.expire_both, OrderState.expired_in_match, OrderState.expired_in_match),
        (SelfTrade.none, OrderState.filled, OrderState.partially_filled),
    ],
)
def test_the_takers_word_says_what_becomes_of_own_orders_that_meet(
    venue: str, word: SelfTrade, maker: OrderState, taker: OrderState
) -> None:
    small = SmallExchange(venue)
    small.place("sell", "9905", "1")
    order = small.place("buy", "9905", "2", self_trade=word)
    assert [states(small)[0][0], order.state] == [maker, taker]


@every_venue
def test_orders_of_two_accounts_trade_at_the_older_ones_price_before_the_market_beyond_it(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("sell", "9905", "1", account="b")

    taker = small.place("buy", None, "3")

    assert [[trade.price, trade.size] for trade in small.exchange.trades("a", SYMBOL)] == [[9905, 1], [9910, 2]]
    assert taker.state is OrderState.filled
    assert states(small, "b") == [[OrderState.filled, 1]]


@pytest.mark.parametrize(
    ("venue", "order", "refusal"),
    [
        ("binance_usdm", ("buy", "9900.05", "1"), Refusal.price_tick),
        ("binance_usdm", ("buy", "9900.055", "1"), Refusal.precision),
        ("binance_usdm", ("buy", "9900", "0.0005"), Refusal.precision),
        ("binance_usdm", ("buy", "9900", "0.005"), Refusal.notional_min),
        ("binance_usdm", ("buy", "11000", "1"), Refusal.price_band),
        ("binance_usdm", ("sell", "9000", "1"), Refusal.price_band),
        ("binance_usdm", ("buy", "500", "1"), Refusal.price_range),
        ("binance_usdm", ("buy", "9900", "1001"), Refusal.size_max),
        ("binance_usdm", ("buy", None, "121"), Refusal.size_max),
        ("binance_spot", ("buy", "9900.005", "1"), Refusal.price_tick),
        ("binance_spot", ("buy", "9900", "0.000015"), Refusal.lot),
        ("binance_spot", ("buy", "9900", "0.0005"), Refusal.notional_min),
        ("binance_spot", ("buy", "9900", "102"), Refusal.balance),
        ("binance_spot", ("sell", "9910", "11"), Refusal.balance),
        ("bybit_spot", ("buy", "9900.05", "1"), Refusal.precision),
        ("bybit_spot", ("buy", "9900", "0.0000115"), Refusal.precision),
        ("bybit_spot", ("buy", "10100", "1"), Refusal.price_band),
        ("bybit_spot", ("buy", "9900", "84"), Refusal.size_max),
    ],
)
def test_filters_refuse_by_name(venue: str, order: tuple[str, str | None, str], refusal: Refusal) -> None:
    small = SmallExchange(venue)
    assert small.refusal(*order) is refusal
    assert states(small) == []


def test_an_amount_is_spent_to_the_last_lot_and_never_exceeded() -> None:
    small = SmallExchange("binance_spot")
    order = NewOrder(symbol=SYMBOL, side=Side.buy, kind=OrderKind.market, quote_size=Decimal(60_000))

    made = small.exchange.place("a", order, small.now_ns)

    assert made.state is OrderState.filled
    assert made.filled == 5 + (Decimal(60_000) - 5 * 9910) // Decimal("0.0992") * Decimal("0.00001")
    assert 60_000 - Decimal("0.1") < made.filled_quote <= 60_000


def test_orders_are_counted_in_windows_of_the_clock_and_spot_forgives_those_that_filled() -> None:
    for venue, left in (("binance_usdm", 2), ("binance_spot", 1)):
        small = SmallExchange(venue)
        small.place("buy", None, "1")
        small.place("buy", "9900", "1")
        assert small.exchange.orders_placed("a", 10 * SECOND_NS, small.now_ns) == left
        assert small.exchange.orders_placed("a", 10 * SECOND_NS, small.now_ns + 10 * SECOND_NS) == 0


@every_venue
def test_a_countdown_cancels_what_is_open_unless_it_is_renewed(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("buy", "9900", "1")
    small.exchange.set_countdown("a", SYMBOL, 10 * SECOND_NS, small.now_ns)
    small.exchange.advance(small.now_ns + 9 * SECOND_NS)
    small.exchange.set_countdown("a", SYMBOL, 10 * SECOND_NS, small.now_ns + 9 * SECOND_NS)
    small.exchange.advance(small.now_ns + 18 * SECOND_NS)
    assert states(small) == [[OrderState.new, 0]]

    assert small.exchange.next_due_ns() == small.now_ns + 19 * SECOND_NS
    small.exchange.advance(small.now_ns + 19 * SECOND_NS)

    assert states(small) == [[OrderState.cancelled, 0]]
    assert small.exchange.orders("a", SYMBOL)[0].end_reason == "countdown"
    assert small.exchange.countdown_left_ns("a", SYMBOL, small.now_ns) is None


@every_venue
def test_events_are_dense_and_tell_each_order_as_it_stood(venue: str) -> None:
    small = SmallExchange(venue)
    feed = small.exchange.subscribe("a", small.now_ns)
    small.place("buy", "9910", "6")
    small.exchange.cancel_all("a", None, small.now_ns)

    events = feed.due(small.now_ns)

    assert [event.seq for event in events] == [*range(1, len(events) + 1)]
    told = [[event.kind, event.order.filled] for event in events if event.order is not None]
    assert told == [[EventKind.order_new, 0], [EventKind.order_trade, 5], [EventKind.order_cancelled, 5]]
    assert feed.due(small.now_ns) == []


def test_an_order_that_is_forgotten_leaves_none_of_its_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "ENDED_KEPT_MAX", 1)
    small = SmallExchange("binance_spot")
    for number in range(3):
        made = small.place("buy", "9900", "2", client_id=f"first-{number}")
        small.exchange.amend(
            "a",
            SYMBOL,
            small.now_ns,
            order_id=made.order_id,
            size=Decimal(1),
            new_client_id=f"second-{number}",
            keeps_priority=True,
        )
        small.exchange.cancel("a", SYMBOL, small.now_ns, client_id=f"second-{number}")
    assert [order.client_id for order in small.exchange.orders("a", SYMBOL)] == ["second-1", "second-2"]
    for client_id in ("first-0", "second-0"):
        with pytest.raises(RefusedError):
            small.exchange.order("a", SYMBOL, small.now_ns, client_id=client_id)
