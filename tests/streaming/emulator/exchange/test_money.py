"""What accounts hold after their orders, to the last digit."""

import random
from decimal import Decimal

import pytest
from small_exchange import SECOND_NS, START_NS, SYMBOL, SmallExchange

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.words import EventKind, Force, OrderState, Refusal, RefusedError, Trade

HOUR_NS = 3_600 * SECOND_NS
SPOT_VENUES = ("binance_spot", "bybit_spot")
spot_venues = pytest.mark.parametrize("venue", SPOT_VENUES)


@spot_venues
def test_an_open_order_locks_what_it_may_cost_and_its_end_frees_it(venue: str) -> None:
    small = SmallExchange(venue)

    buy, sell = small.place("buy", "9900", "2"), small.place("sell", "9920", "3")

    assert [small.free("USDT"), small.locked("USDT")] == [1_000_000 - 19_800, 19_800]
    assert [small.free("BTC"), small.locked("BTC")] == [7, 3]
    for order in (buy, sell):
        small.exchange.cancel("a", SYMBOL, small.now_ns, order_id=order.order_id)
    assert [small.free("USDT"), small.locked("USDT")] == [1_000_000, 0]
    assert [small.free("BTC"), small.locked("BTC")] == [10, 0]


@spot_venues
def test_fees_are_of_what_is_received(venue: str) -> None:
    small = SmallExchange(venue)
    small.place("buy", None, "1")
    small.place("sell", None, "1")

    bought, sold = small.exchange.trades("a", SYMBOL)

    assert [bought.fee, bought.fee_asset] == [Decimal("0.001"), "BTC"]
    assert [sold.fee, sold.fee_asset] == [Decimal("9.9"), "USDT"]
    assert small.free("BTC") == 10 - Decimal("0.001")
    assert small.free("USDT") == 1_000_000 - 9910 + 9900 - Decimal("9.9")


def test_a_makers_rebate_is_of_what_is_given_on_bybit_and_of_what_is_received_on_binance() -> None:
    rebate = FeeRates(maker=Decimal("-0.0001"), taker=Decimal(0))
    found = {}
    for venue in SPOT_VENUES:
        small = SmallExchange(venue, rebate)
        small.place("buy", "9905", "1")
        small.depth([], [("9910.0", "0"), ("9904.0", "3")])
        trade = small.exchange.trades("a", SYMBOL)[0]
        found[venue] = (trade.fee, trade.fee_asset)
    assert found == {"binance_spot": (Decimal("-0.0001"), "BTC"), "bybit_spot": (Decimal("-0.9905"), "USDT")}


def test_fees_come_out_of_a_third_asset_while_there_is_enough_of_it() -> None:
    fees = FeeRates(maker=Decimal("0.001"), taker=Decimal("0.001"), asset="BNB", asset_price=Decimal(500))
    small = SmallExchange("binance_spot", fees)
    small.exchange.open_account("c", {"USDT": Decimal(100_000), "BNB": Decimal("0.02")}, small.now_ns)
    small.exchange.set_fees("c", SYMBOL, fees)

    for _ in range(2):
        small.place("buy", None, "1", account="c")

    paid = [(trade.fee, trade.fee_asset) for trade in small.exchange.trades("c", SYMBOL)]
    assert paid == [(Decimal("0.01982"), "BNB"), (Decimal("0.001"), "BTC")]


def test_a_perpetual_keeps_entry_realised_and_wallet() -> None:
    small = SmallExchange("binance_usdm")
    small.place("buy", None, "4")
    small.place("sell", None, "1")
    position = small.exchange.position("a", SYMBOL)
    assert [position.size, position.entry_price, position.realised] == [3, 9910, -10]

    small.place("sell", None, "5")

    position = small.exchange.position("a", SYMBOL)
    fills = small.exchange.trades("a", SYMBOL)
    assert position.size == -2
    assert sum(trade.realised for trade in fills) == position.realised
    wallet = small.free("USDT") + small.locked("USDT")
    assert wallet == 1_000_000 + position.realised - sum(trade.fee for trade in fills)
    assert {trade.fee_asset for trade in fills} == {"USDT"}


def test_margin_refuses_what_the_wallet_does_not_carry_and_lets_positions_be_closed() -> None:
    small = SmallExchange("binance_usdm")
    small.exchange.open_account("c", {"USDT": Decimal(600)}, small.now_ns)
    small.place("buy", "9900", "1", account="c")

    with pytest.raises(RefusedError) as error:
        small.place("buy", "9900", "1", account="c")

    assert error.value.refusal is Refusal.margin
    small.exchange.cancel_all("c", None, small.now_ns)
    small.place("buy", None, "1", account="c")
    assert small.place("sell", None, "1", account="c").state is OrderState.filled


def test_reduce_only_orders_close_and_end_when_they_no_longer_fit() -> None:
    small = SmallExchange("binance_usdm")
    assert small.refusal("sell", "9920", "1", is_reduce_only=True) is Refusal.reduce_only
    small.place("buy", None, "2")
    assert small.refusal("buy", "9900", "1", is_reduce_only=True) is Refusal.reduce_only
    assert small.refusal("sell", "9920", "3", is_reduce_only=True) is Refusal.reduce_only
    resting = small.place("sell", "9920", "2", is_reduce_only=True)

    small.place("sell", None, "1")

    ended = small.exchange.order("a", SYMBOL, small.now_ns, order_id=resting.order_id)
    assert [ended.state, ended.end_reason] == [OrderState.expired, "reduce_only"]


def test_a_reduce_only_order_cannot_be_amended_beyond_the_position() -> None:
    small = SmallExchange("binance_usdm")
    small.place("buy", None, "2")
    resting = small.place("sell", "9920", "1", is_reduce_only=True)

    with pytest.raises(RefusedError) as error:
        small.exchange.amend("a", SYMBOL, small.now_ns, order_id=resting.order_id, size=Decimal(5))

    assert error.value.refusal is Refusal.reduce_only
    amended = small.exchange.amend(
        "a", SYMBOL, small.now_ns, order_id=resting.order_id, price=Decimal(9900), size=Decimal(2)
    )
    assert amended.state is OrderState.filled
    assert small.exchange.position("a", SYMBOL).size == 0


def test_funding_is_paid_by_longs_and_received_by_shorts_at_its_hours() -> None:
    small = SmallExchange("binance_usdm")
    small.place("buy", None, "2")
    small.place("sell", None, "1", account="b")
    due_ns = (START_NS // (8 * HOUR_NS) + 1) * 8 * HOUR_NS
    assert small.exchange.next_due_ns() == due_ns

    small.exchange.advance(due_ns)

    mark = small.exchange.mark_price(SYMBOL)
    assert mark is not None
    assert [event.amount for event in small.exchange.funding("a")] == [2 * mark * Decimal("0.0001")]
    assert [event.amount for event in small.exchange.funding("b")] == [-mark * Decimal("0.0001")]
    assert small.exchange.events_since("a", 0)[-1].kind is EventKind.funding
    assert small.exchange.truth("a").funding_paid == 2 * mark * Decimal("0.0001")


@pytest.mark.parametrize("venue", ["binance_usdm", *SPOT_VENUES])
@pytest.mark.parametrize("seed", range(4))
def test_after_any_sequence_of_orders_money_is_what_the_fills_say(venue: str, seed: int) -> None:
    small, draw = SmallExchange(venue), random.Random(seed)

    for _ in range(400):
        random_move(small, draw)

    for account, before in (("a", 10), ("b", 10)):
        fills = small.exchange.trades(account, SYMBOL)
        check_money(small, account, fills, Decimal(0 if venue == "binance_usdm" else before))
        for order in small.exchange.orders(account, SYMBOL):
            own = [fill for fill in fills if fill.order_id == order.order_id]
            assert order.filled == sum(fill.size for fill in own) <= order.size
            assert [order.filled == order.size] == [order.state is OrderState.filled]
        small.exchange.cancel_all(account, None, small.now_ns)
        if venue != "binance_usdm":
            assert small.locked("USDT", account) == small.locked("BTC", account) == 0
    ids = [fill.trade_id for account in ("a", "b") for fill in small.exchange.trades(account, SYMBOL)]
    assert len(ids) == len({*ids})
    assert len(ids) > 50


def random_move(small: SmallExchange, draw: random.Random) -> None:
    """Do one thing to the market or to an account."""
    price = str(9900 + draw.randrange(-30, 31))
    account, kind = draw.choice("ab"), draw.randrange(8)
    size = str(draw.randrange(1, 400) / Decimal(100))
    try:
        if kind < 3:
            force = draw.choice([*Force])
            small.place(draw.choice(("buy", "sell")), draw.choice((price, price, None)), size, force, account)
        elif kind == 3:
            own = small.exchange.open_orders(account, SYMBOL)
            if own:
                order = draw.choice(own)
                new = Decimal(price), Decimal(size)
                number = order.order_id
                small.exchange.amend(account, SYMBOL, small.now_ns, order_id=number, price=new[0], size=new[1])
        elif kind == 4:
            own = small.exchange.open_orders(account, SYMBOL)
            if own:
                small.exchange.cancel(account, SYMBOL, small.now_ns, order_id=draw.choice(own).order_id)
        elif kind == 5:
            small.trade(price, size, is_buyer_taker=draw.random() < 0.5)
        else:
            middle = 9900 + draw.randrange(-20, 21)
            bids = [(f"{each}.0", "3" if each < middle else "0") for each in range(9870, 9931, 5)]
            asks = [(f"{each}.0", "3" if each > middle else "0") for each in range(9870, 9931, 5)]
            small.depth([*bids, ("9860.0", "3")], [*asks, ("9940.0", "3")])
    except RefusedError:
        pass


def check_money(small: SmallExchange, account: str, fills: list[Trade], base: Decimal) -> None:
    """Compare what an account holds with the sum of its fills."""
    sign = {"buy": 1, "sell": -1}
    bought = sum(sign[fill.side.value] * fill.size for fill in fills)
    paid = sum(sign[fill.side.value] * fill.size * fill.price for fill in fills)
    fees = {asset: sum(fill.fee for fill in fills if fill.fee_asset == asset) for asset in ("BTC", "USDT")}
    quote = small.free("USDT", account) + small.locked("USDT", account)
    if small.venue == "binance_usdm":
        position = small.exchange.position(account, SYMBOL)
        assert position.size == bought
        assert quote == 1_000_000 + position.realised - fees["USDT"]
        cost = position.entry_price * position.size
        assert abs(1_000_000 - paid - fees["USDT"] - (quote - cost)) < Decimal("0.00001")
        return
    assert small.free("USDT", account) >= 0
    assert small.free("BTC", account) >= 0
    assert quote == 1_000_000 - paid - fees["USDT"]
    assert small.free("BTC", account) + small.locked("BTC", account) == base + bought - fees["BTC"]
