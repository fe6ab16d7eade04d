"""What the Binance gateways hear of an emulated account: its stream, strangers' orders, its documents."""

from binance_account import ACCOUNT, MS, SYMBOL, BinanceAccount, S
from binance_emulated import WAYS, both, fills, kinds, opened

from streaming.venues.gateway import (
    Action,
    CallKind,
    Permissions,
    StreamEvent,
    TimeInForce,
    Told,
    VenueOrder,
    VenuePosition,
)
from streaming.venues.venue_reply import ReplyKind


@both
def test_repeated_events_name_the_same_trades(venue: str) -> None:
    account = opened(venue)
    account.fault("stream_repeated", count=8)
    account.done(CallKind.place, account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc))

    found = [reply.trade_id for reply in fills(account.told())]

    assert len(found) > len(set(found))
    assert set(found) == {trade.trade_id for trade in account.exchange.trades(ACCOUNT, SYMBOL)}


@both
def test_stream_that_the_venue_ends_is_told_and_opens_anew(venue: str) -> None:
    account = opened(venue)
    account.fault("stream_expired")

    account.done(CallKind.place, account.spec())
    account.play(S)
    ended = account.tolds().count(Told.ended)
    account.open_all()
    account.done(CallKind.cancel, account.spec())

    assert ended == 1
    assert account.told()[-1].kind is ReplyKind.cancelled


def test_listen_key_that_ended_is_not_used_again() -> None:
    account = opened("binance_usdm")
    assert account.gateway.user_path is not None

    assert account.ask(CallKind.end_listen_key).is_accepted

    assert account.gateway.user_path is None
    assert account.ask(CallKind.renew_listen_key).action is Action.renew


def test_countdown_cancels_what_is_open_when_nobody_renews_it() -> None:
    account = opened("binance_usdm")
    account.done(CallKind.place, account.spec())

    assert account.ask(CallKind.countdown, value=5_000).is_accepted
    account.play(8 * S)

    assert kinds(account.told()) == [ReplyKind.ack, ReplyKind.cancelled]


@both
def test_balances_of_the_stream_are_the_venues(venue: str) -> None:
    account = opened(venue)
    account.done(CallKind.place, account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc))

    last = {}
    for event in account.heard:
        if isinstance(event, StreamEvent):
            last |= {balance.asset: balance.free + balance.locked for balance in event.balances}

    asked = account.ask(CallKind.balances).document
    assert isinstance(asked, tuple)
    now = {balance.asset: balance.free + balance.locked for balance in asked if hasattr(balance, "asset")}
    assert last
    assert all(now[asset] == amount for asset, amount in last.items())


def test_position_of_the_stream_is_the_one_that_is_listed() -> None:
    account = opened("binance_usdm")
    account.done(CallKind.place, account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc))

    told = [one for event in account.heard if isinstance(event, StreamEvent) for one in event.positions]

    assert told
    (listed,) = account.ask(CallKind.positions).document  # type: ignore[misc]
    assert isinstance(listed, VenuePosition)
    assert listed == told[-1]
    assert listed.size_units == sum(reply.size_units for reply in fills(account.told()))


def test_funding_is_paid_once_and_named() -> None:
    account = opened("binance_usdm")
    account.done(CallKind.place, account.spec(price_ticks=account.touch_ticks(1), time_in_force=TimeInForce.ioc))
    for _ in range(17):
        account.now_ns += 30 * 60 * S
        assert account.ask(CallKind.renew_listen_key).is_accepted
        account.exchange.advance(account.now_ns)
        account.front.push(account.now_ns)
    account.listen()

    (reply,) = [reply for reply in account.told() if reply.kind is ReplyKind.funding]
    (event,) = account.exchange.funding(ACCOUNT)
    exact = account.instrument.quote_units(event.amount)
    assert exact <= reply.fee_quote_units < exact + 1
    assert (reply.instrument, reply.trade_id >> 63) == (account.instrument.id, 1)


# --- whose orders ---


@both
def test_strangers_order_is_listed_and_its_fills_move_the_account(venue: str) -> None:
    account = opened(venue)
    account.stranger_buys("web_1", account.spec().price_ticks)
    account.stranger_buys("web_2", account.touch_ticks(1))
    account.play(MS)

    (order,) = account.ask(CallKind.open_orders).document  # type: ignore[misc]

    assert isinstance(order, VenueOrder)
    assert order.client_text == "web_1"
    assert {(reply.kind, reply.client_order_id) for reply in account.told()} == {(ReplyKind.fill, 0)}


@both
def test_gateway_that_begins_anew_learns_its_orders_from_the_list(venue: str) -> None:
    account = opened(venue)
    spec = account.spec()
    account.done(CallKind.place, spec)
    moved = account.spec(price_ticks=spec.price_ticks + 50)
    account.done(CallKind.amend, moved)

    account.begin_anew()
    (order,) = account.ask(CallKind.open_orders).document  # type: ignore[misc]
    (gone,) = account.done(CallKind.cancel, spec)

    assert isinstance(order, VenueOrder)
    assert (order.client_text, order.price_ticks) == ("test-0000000000000001", moved.price_ticks)
    assert gone.kind is ReplyKind.cancelled
    assert not account.exchange.open_orders(ACCOUNT)


# --- the account ---


@both
def test_key_that_may_withdraw_is_told_as_such(venue: str) -> None:
    account = BinanceAccount(venue)
    key = account.exchange.find_key("TestKey1" * 8)
    assert key is not None

    found = account.ask(CallKind.permissions).document

    assert found == Permissions(may_trade=True, may_withdraw=False, is_bound_to_address=False)
    assert account.ask(CallKind.account).document.account == ACCOUNT  # type: ignore[union-attr]


@both
def test_every_document_can_be_asked_for_on_both_ways(venue: str) -> None:
    account = opened(venue)
    silent = (CallKind.place, CallKind.amend, CallKind.cancel, CallKind.query, CallKind.logon, CallKind.subscribe)

    for way in WAYS:
        for kind in account.gateway.endpoints:
            if kind not in silent:
                outcome = account.ask(kind, way=way, value=60_000)
                assert outcome.is_accepted or outcome.action in (Action.done, Action.renew), (kind, outcome)
    assert not account.gateway.unknown
