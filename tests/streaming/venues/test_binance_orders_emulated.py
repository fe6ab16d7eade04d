"""Both Binance gateways against the emulated venues, in memory: what they say is what the venue holds to be true."""

from decimal import Decimal

import pytest
from binance_account import ACCOUNT, SYMBOL
from binance_emulated import both, fills, kinds, opened, true_state, ways

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.exchange.words import OrderState
from streaming.venues.gateway import (
    Action,
    CallKind,
    OrderType,
    Outcome,
    Refused,
    TimeInForce,
    VenueOrder,
    VenueTrade,
    Way,
)
from streaming.venues.venue_reply import FeeAsset, ReplyKind, VenueReason

# --- the life of an order ---


@both
@ways
@pytest.mark.parametrize("is_ed25519", [False, True])
def test_order_is_placed_queried_listed_and_cancelled(venue: str, way: Way, is_ed25519: bool) -> None:
    account = opened(venue, is_ed25519=is_ed25519)
    spec = account.spec()

    (ack,) = account.done(CallKind.place, spec, way)
    (known,) = account.done(CallKind.query, spec, way)
    listed = account.ask(CallKind.open_orders, way=way).document
    (gone,) = account.done(CallKind.cancel, spec, way)

    assert kinds([ack, known, gone]) == [ReplyKind.ack, ReplyKind.ack, ReplyKind.cancelled]
    assert (ack.price_ticks, ack.size_units, ack.side) == (spec.price_ticks, spec.size_units, 0)
    assert isinstance(listed, tuple)
    (order,) = listed
    assert isinstance(order, VenueOrder)
    assert (order.client_text, order.is_open, order.size_units) == ("test-0000000000000001", True, spec.size_units)
    assert kinds(account.told()) == [ReplyKind.ack, ReplyKind.cancelled]
    assert true_state(account) is OrderState.cancelled


@both
@ways
def test_fill_is_one_and_the_same_in_answer_stream_and_list(venue: str, way: Way) -> None:
    account = opened(venue)
    spec = account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc)

    answered = fills(account.done(CallKind.place, spec, way))
    told = fills(account.told())
    listed = account.ask(CallKind.trades, way=way).document

    assert isinstance(listed, tuple) and listed
    trades = [one.reply for one in listed if isinstance(one, VenueTrade)]
    keys = [(one.trade_id, one.price_ticks, one.size_units, one.fee_mantissa, one.fee_decimals) for one in trades]
    for heard in (told, answered if venue == "binance_spot" else told):
        assert [
            (one.trade_id, one.price_ticks, one.size_units, one.fee_mantissa, one.fee_decimals) for one in heard
        ] == keys
    assert {one.client_order_id for one in (*told, *trades)} == {1}
    assert {one.fee_asset for one in trades} == {FeeAsset.quote if venue == "binance_usdm" else FeeAsset.base}


@both
def test_fees_add_up_to_what_the_venue_took(venue: str) -> None:
    account = opened(venue)
    for number, side in enumerate((0, 1, 0, 1), 1):
        price = account.touch_ticks(1 - side)
        account.done(CallKind.place, account.spec(number, side=side, price_ticks=price, time_in_force=TimeInForce.ioc))

    truth = account.exchange.trades(ACCOUNT, SYMBOL)
    found = fills(account.told())

    assert sum(Decimal(one.fee_mantissa).scaleb(-one.fee_decimals) for one in found) == sum(one.fee for one in truth)
    assert [one.trade_id for one in found] == [one.trade_id for one in truth]
    assert [one.fee_asset_name for one in found] == [one.fee_asset for one in truth]


@both
def test_fee_in_a_third_asset_is_exact_and_valued_by_the_accounts_rate(venue: str) -> None:
    account = opened(venue, held={"USDT": "1000000", "BTC": "1", "BNB": "10"})
    rates = FeeRates(maker=Decimal("0.0002"), taker=Decimal("0.0005"), asset="BNB", asset_price=Decimal("600"))
    account.exchange.set_fees(ACCOUNT, SYMBOL, rates)
    assert account.ask(CallKind.fees).is_accepted

    account.done(CallKind.place, account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc))

    (fill, *_), (trade, *_) = fills(account.told()), account.exchange.trades(ACCOUNT, SYMBOL)
    assert (fill.fee_asset, fill.fee_asset_name) == (FeeAsset.other, "BNB")
    assert Decimal(fill.fee_mantissa).scaleb(-fill.fee_decimals) == trade.fee
    assert fill.fee_quote_units == -(-fill.price_ticks * fill.size_units * 5 // 10_000)


@both
@pytest.mark.parametrize("type_", [OrderType.market, OrderType.limit])
def test_order_that_takes_what_there_is_ends_with_its_fills_told_before(venue: str, type_: OrderType) -> None:
    account = opened(venue)
    deep = account.instrument.size_unit.count("0.5")
    price = 0 if type_ is OrderType.market else account.touch_ticks(1)
    force = TimeInForce.gtc if type_ is OrderType.market else TimeInForce.ioc
    spec = account.spec(type=type_, price_ticks=price, time_in_force=force, size_units=deep)

    account.done(CallKind.place, spec)

    told = account.told()
    ends = [at for at, reply in enumerate(told) if reply.kind is ReplyKind.expired]
    assert fills(told)
    assert all(at > max(at for at, reply in enumerate(told) if reply.kind is ReplyKind.fill) for at in ends)
    filled = sum(reply.size_units for reply in fills(told))
    assert filled == deep or (told[-1].kind is ReplyKind.expired and told[-1].cumulative_units == filled)
    assert [reply.cumulative_units for reply in fills(told)][-1] == filled


@both
@ways
def test_post_only_order_that_would_take_is_rejected(venue: str, way: Way) -> None:
    account = opened(venue)
    spec = account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.post_only)

    outcome = account.order(CallKind.place, spec, way)

    assert isinstance(outcome, Outcome)
    assert (outcome.action, outcome.reason) == (Action.refuse, VenueReason.would_take)
    assert kinds(outcome.replies) == [ReplyKind.rejected]


@both
def test_fill_or_kill_order_that_cannot_fill_whole_fills_nothing(venue: str) -> None:
    account = opened(venue)
    huge = account.instrument.size_unit.count("30")
    spec = account.spec(price_ticks=account.touch_ticks(1), size_units=huge, time_in_force=TimeInForce.fok)

    account.order(CallKind.place, spec)

    assert not fills(account.told())
    assert not account.exchange.trades(ACCOUNT, SYMBOL)


@both
def test_balance_that_is_too_small_rejects(venue: str) -> None:
    account = opened(venue, held={"USDT": "10"})

    outcome = account.order(CallKind.place, account.spec())

    assert isinstance(outcome, Outcome)
    assert (outcome.action, outcome.reason) == (Action.refuse, VenueReason.balance)


@both
def test_second_order_of_an_open_id_resolves_to_the_first(venue: str) -> None:
    account = opened(venue)
    account.done(CallKind.place, account.spec())

    outcome = account.order(CallKind.place, account.spec())

    assert isinstance(outcome, Outcome)
    assert (outcome.action, outcome.reason) == (Action.resolve, VenueReason.duplicate_id)
    assert kinds(account.done(CallKind.query, account.spec())) == [ReplyKind.ack]


@both
@ways
def test_order_of_which_the_venue_knows_nothing_settles(venue: str, way: Way) -> None:
    account = opened(venue)
    spec = account.spec(77)

    cancel, query = account.order(CallKind.cancel, spec, way), account.order(CallKind.query, spec, way)

    assert isinstance(cancel, Outcome) and isinstance(query, Outcome)
    assert (cancel.action, kinds(cancel.replies)) == (Action.settle, [ReplyKind.cancel_rejected])
    assert (query.action, query.replies) == (Action.settle, ())


def test_reduce_only_order_without_a_position_is_refused() -> None:
    outcome = opened("binance_usdm").order(CallKind.place, opened("binance_usdm").spec(is_reduce_only=True))

    assert isinstance(outcome, Outcome)
    assert (outcome.action, outcome.reason) == (Action.refuse, VenueReason.reduce_only)


# --- changes ---


@both
@ways
def test_change_of_price_and_size_is_in_force_and_told(venue: str, way: Way) -> None:
    account = opened(venue)
    spec = account.spec()
    account.done(CallKind.place, spec, way)
    moved = account.spec(price_ticks=spec.price_ticks + 50, size_units=spec.size_units * 2)

    (amended,) = account.done(CallKind.amend, moved, way)
    (known,) = account.done(CallKind.query, spec, way)
    again = account.spec(price_ticks=spec.price_ticks + 90)
    (twice,) = account.done(CallKind.amend, again, way)
    (gone,) = account.done(CallKind.cancel, spec, way)

    for reply, asked in ((amended, moved), (known, moved), (twice, again), (gone, again)):
        assert (reply.price_ticks, reply.size_units, reply.client_order_id) == (asked.price_ticks, asked.size_units, 1)
    assert kinds([amended, known, twice, gone]) == [
        ReplyKind.amended,
        ReplyKind.ack,
        ReplyKind.amended,
        ReplyKind.cancelled,
    ]
    assert kinds(account.told()).count(ReplyKind.cancelled) == 1
    assert not account.exchange.open_orders(ACCOUNT)


@both
@ways
def test_smaller_size_at_the_same_price_keeps_the_venues_order(venue: str, way: Way) -> None:
    account = opened(venue)
    spec = account.spec()
    account.done(CallKind.place, spec, way)
    (before,) = account.exchange.open_orders(ACCOUNT)

    (amended,) = account.done(CallKind.amend, account.spec(size_units=spec.size_units // 2), way)

    (after,) = account.exchange.open_orders(ACCOUNT)
    assert (amended.kind, amended.size_units) == (ReplyKind.amended, spec.size_units // 2)
    assert (after.order_id, after.client_id) == (before.order_id, before.client_id)
    assert kinds(account.told())[-1] is ReplyKind.amended


def test_order_that_filled_in_part_is_not_replaced_on_spot() -> None:
    account = opened("binance_spot")
    big = account.instrument.size_unit.count("3")
    spec = account.spec(price_ticks=account.touch_ticks(1), size_units=big)
    account.done(CallKind.place, spec)
    assert fills(account.told())

    refused = account.order(CallKind.amend, account.spec(price_ticks=spec.price_ticks - 100, size_units=big))

    assert isinstance(refused, Refused)
    assert (refused.rule, refused.reply.kind) == ("PARTIALLY_FILLED", ReplyKind.amend_rejected)


@both
def test_change_that_the_venue_refuses_leaves_the_order_as_it_was(venue: str) -> None:
    account = opened(venue)
    spec = account.spec()
    account.done(CallKind.place, spec)
    account.fault("amend_refused")

    outcome = account.order(CallKind.amend, account.spec(size_units=spec.size_units // 2))
    (known,) = account.done(CallKind.query, spec)

    assert isinstance(outcome, Outcome)
    assert not outcome.is_accepted
    assert not {ReplyKind.cancelled, ReplyKind.amended} & {*kinds(outcome.replies)}
    assert (known.price_ticks, known.size_units) == (spec.price_ticks, spec.size_units)
