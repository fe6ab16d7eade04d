"""Spot in the venue's own words: answers and events as its documentation prints them."""

from decimal import Decimal

import orjson
import pytest
from binance_account import MS, START_NS, SYMBOL
from binance_spot_words import (
    ACK,
    FILL,
    GONE,
    OURS,
    PRICE,
    QUIET,
    REPORT,
    RESULT,
    SIZE,
    SPEC,
    answer,
    asked,
    done,
    heard,
    kinds,
    ready,
    refuse,
    resting,
    told,
)

from streaming.venues.gateway import (
    AccountInfo,
    Action,
    Balance,
    CallKind,
    Fees,
    FrameError,
    Outcome,
    StreamEvent,
    Told,
    Way,
)
from streaming.venues.venue_reply import FeeAsset, ReplyKind, VenueReason

# --- answers ---


def test_short_answer_is_an_acknowledgement_with_the_asked_price_and_size() -> None:
    (ack,) = done(ready(), CallKind.place, SPEC, ACK)

    assert (ack.kind, ack.price_ticks, ack.size_units, ack.cumulative_units) == (ReplyKind.ack, PRICE, SIZE, -1)
    assert ack.ts_venue_ns == 1790000000500 * MS


def test_long_answer_tells_acknowledgement_then_fills_then_the_end() -> None:
    fills = [FILL, {**FILL, "tradeId": 42, "qty": "0.00050000"}]

    replies = done(
        ready(), CallKind.place, SPEC, {**RESULT, "status": "EXPIRED", "executedQty": "0.0015", "fills": fills}
    )

    assert kinds(replies) == [ReplyKind.ack, ReplyKind.fill, ReplyKind.fill, ReplyKind.expired]
    assert [reply.cumulative_units for reply in replies] == [-1, SIZE // 2, SIZE * 3 // 4, SIZE * 3 // 4]
    assert [reply.trade_id for reply in replies] == [0, 41, 42, 0]


def test_fee_in_base_is_exact_and_valued_at_the_fills_price() -> None:
    reply = told(ready())

    assert reply is not None
    assert (reply.fee_asset, reply.fee_asset_name) == (FeeAsset.base, "BTC")
    assert (reply.fee_mantissa, reply.fee_decimals) == (1, 6)
    assert reply.fee_quote_units == 100 * PRICE


def test_order_that_filled_whole_is_acknowledged_and_ended_by_its_fills_alone() -> None:
    fills = [{**FILL, "qty": "0.00200000"}]

    replies = done(
        ready(), CallKind.place, SPEC, {**RESULT, "status": "FILLED", "executedQty": "0.002", "fills": fills}
    )

    assert kinds(replies) == [ReplyKind.ack, ReplyKind.fill]


def test_cancel_is_of_the_order_that_it_names_as_the_original() -> None:
    gateway = resting()

    (reply,) = done(gateway, CallKind.cancel, SPEC, {**GONE, "executedQty": "0.00100000"})

    assert (reply.kind, reply.client_order_id, reply.cumulative_units) == (ReplyKind.cancelled, 7, SIZE // 2)


def test_archived_order_ended_without_a_fill() -> None:
    gateway = ready()

    outcome = refuse(
        gateway, asked(gateway, CallKind.query), -2026, "Order was canceled or expired with no executed qty."
    )

    assert (outcome.action, kinds(outcome.replies)) == (Action.done, [ReplyKind.cancelled])
    assert outcome.replies[0].cumulative_units == 0


def test_commissions_are_added_up_without_the_discount() -> None:
    part = {"maker": "0.00001", "taker": "0.00002", "buyer": "0.00000003", "seller": "0.00000004"}
    parts = dict.fromkeys(("standardCommission", "specialCommission", "taxCommission"), part)

    found = heard(ready(), CallKind.fees, {"symbol": SYMBOL, **parts, "discount": {"discount": "0.75"}}).document

    assert found == (Fees(symbol=SYMBOL, maker=Decimal("0.00003012"), taker=Decimal("0.00006012")),)


def test_account_tells_its_id_and_what_is_wrong_with_it() -> None:
    row = {
        "canTrade": True,
        "accountType": "SPOT",
        "uid": 123456789,
        "balances": [{"asset": "A", "free": "0", "locked": "1"}],
    }

    assert heard(ready(), CallKind.account, row).document == AccountInfo(account="123456789")
    assert heard(ready(), CallKind.balances, row).document == (Balance(asset="A", free=Decimal(0), locked=Decimal(1)),)
    bad = heard(ready(), CallKind.account, {**row, "canTrade": False, "accountType": "MARGIN"}).document
    assert isinstance(bad, AccountInfo)
    assert len(bad.problems) == 2


# --- events ---


@pytest.mark.parametrize(
    ("changed", "kind", "reason"),
    [
        ({"x": "NEW", "X": "NEW"}, ReplyKind.ack, VenueReason.none),
        ({"x": "CANCELED", "X": "CANCELED", "c": "cxl-1", "C": OURS}, ReplyKind.cancelled, VenueReason.none),
        ({"x": "REPLACED", "X": "NEW", "C": OURS}, ReplyKind.amended, VenueReason.none),
        ({"x": "EXPIRED", "X": "EXPIRED"}, ReplyKind.expired, VenueReason.none),
        (
            {"x": "EXPIRED", "X": "EXPIRED", "eR": "UNFILLED_IOC_QUANTITY_EXPIRED"},
            ReplyKind.expired,
            VenueReason.liquidity,
        ),
        ({"x": "EXPIRED", "X": "EXPIRED", "eR": "EXCHANGE_CANCELED"}, ReplyKind.expired, VenueReason.market_closed),
        ({"x": "EXPIRED", "X": "EXPIRED_IN_MATCH"}, ReplyKind.expired, VenueReason.self_trade),
        ({"x": "REJECTED", "X": "REJECTED", "r": "INSUFFICIENT_BALANCES"}, ReplyKind.rejected, VenueReason.balance),
    ],
)
def test_every_event_of_an_order_is_told(changed: dict[str, object], kind: ReplyKind, reason: VenueReason) -> None:
    reply = told(resting(), **{**QUIET, **changed})

    assert reply is not None
    assert (reply.kind, reply.reason, reply.client_order_id) == (kind, reason, 7)


def test_event_before_the_answer_is_of_the_same_order() -> None:
    gateway = ready()
    call = asked(gateway, CallKind.place)

    early = told(gateway)
    late = answer(gateway, call, RESULT).replies

    assert early is not None
    assert (early.kind, early.client_order_id) == (ReplyKind.fill, 7)
    assert kinds(late) == [ReplyKind.ack]


def test_order_that_another_process_placed_is_known_by_its_id() -> None:
    reply = told(ready(), **{**QUIET, "x": "CANCELED", "X": "CANCELED", "c": "cxl", "C": f"{OURS}r3"})

    assert reply is not None
    assert (reply.kind, reply.client_order_id) == (ReplyKind.cancelled, 7)


def test_size_that_self_trade_prevention_took_off_is_told() -> None:
    reply = told(resting(), **{**QUIET, "x": "TRADE_PREVENTION", "X": "NEW", "A": "0.00050000", "B": "0.00050000"})

    assert reply is not None
    assert (reply.kind, reply.size_units) == (ReplyKind.amended, SIZE * 3 // 4)


def test_strangers_fill_moves_the_account_and_nothing_else_of_theirs_is_told() -> None:
    fill, rest = told(ready(), c="web_1"), told(ready(), **{**QUIET, "c": "web_1", "x": "NEW", "X": "NEW"})

    assert fill is not None
    assert (fill.kind, fill.client_order_id) == (ReplyKind.fill, 0)
    assert rest is None


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        ({"e": "balanceUpdate", "E": 1, "a": "USDT", "d": "100.00000000", "T": 1}, Told.balance, "100.00000000 USDT"),
        ({"e": "externalLockUpdate", "E": 1, "a": "BTC", "d": "-1", "T": 1}, Told.balance, "-1 BTC"),
        ({"e": "eventStreamTerminated", "E": 1}, Told.ended, "ended"),
        ({"e": "serverShutdown", "E": 1}, Told.closing, "closes"),
        ({"e": "listStatus", "E": 1}, Told.alive, ""),
        ({"e": "brandNew", "E": 1}, Told.unknown, "brandNew"),
    ],
)
def test_every_other_event_of_the_account_is_told(event: dict[str, object], kind: Told, words: str) -> None:
    (found,) = ready().on_text(Way.order_socket, orjson.dumps({"event": event}), START_NS)

    assert isinstance(found, StreamEvent)
    assert found.told is kind
    assert words in found.text


def test_balances_are_told_as_they_are() -> None:
    rows = [{"a": "BTC", "f": "0.5", "l": "0.1"}]
    data = orjson.dumps({"subscriptionId": 0, "event": {"e": "outboundAccountPosition", "E": 1, "u": 1, "B": rows}})

    (found,) = ready().on_text(Way.order_socket, data, START_NS)

    assert isinstance(found, StreamEvent)
    assert found.balances == (Balance(asset="BTC", free=Decimal("0.5"), locked=Decimal("0.1")),)


@pytest.mark.parametrize("field", ["s", "c", "S", "x", "X", "i", "z", "L", "l", "t", "m"])
def test_fill_without_a_needed_field_is_an_error_that_names_it(field: str) -> None:
    data = orjson.dumps({"event": {name: value for name, value in REPORT.items() if name != field}})

    with pytest.raises(FrameError, match=f"field '{field}', found none: .*executionReport"):
        ready().on_text(Way.order_socket, data, START_NS)


def test_subscription_that_stands_already_is_as_good_as_a_new_one() -> None:
    gateway = ready()
    (call,) = gateway.on_open(Way.order_socket, START_NS)
    error = {"id": call.number, "status": 400, "error": {"code": -2035, "msg": "already active"}}

    found = gateway.on_text(Way.order_socket, orjson.dumps(error), START_NS)

    assert [type(one) for one in found] == [Outcome, StreamEvent]
