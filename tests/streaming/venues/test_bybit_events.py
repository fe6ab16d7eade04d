"""What the gateway of Bybit spot makes of the account's own events."""

from dataclasses import replace
from decimal import Decimal

import pytest
from bybit_messages import EXECUTION, NOW_NS, NS_PER_MS, NUMBER, ORDER, SPEC, gateway, outcome_of, told, topic

from streaming.venues.gateway import (
    CallKind,
    FrameError,
    Told,
    Way,
)
from streaming.venues.venue_reply import FeeAsset, Origin, ReplyKind, VenueReason


def test_new_order_of_the_topic_is_acknowledged():
    (reply,) = told(gateway(), "order.spot", ORDER).replies
    assert (reply.kind, reply.client_order_id, reply.instrument) == (ReplyKind.ack, NUMBER, 4)
    assert (reply.price_ticks, reply.size_units, reply.cumulative_units) == (600_001, 1_000, 0)
    assert (reply.origin, reply.ts_venue_ns) == (Origin.stream, 1_790_000_000_133 * NS_PER_MS)


def test_execution_is_a_fill_with_its_fee_exactly():
    (reply,) = told(gateway(), "execution.spot", EXECUTION).replies
    assert (reply.kind, reply.client_order_id, reply.trade_id) == (ReplyKind.fill, NUMBER, 2290000000112345679)
    assert (reply.price_ticks, reply.size_units, reply.is_maker) == (600_001, 400, True)
    assert (reply.fee_asset, reply.fee_asset_name, reply.fee_mantissa, reply.fee_decimals) == (
        FeeAsset.base,
        "BTC",
        4,
        7,
    )
    assert reply.fee_quote_units == 240_001  # 0.4 size units at 600001 ticks, rounded up


def test_fill_of_a_stranger_moves_the_account_and_belongs_to_no_order_of_ours():
    (reply,) = told(gateway(), "execution.spot", {**EXECUTION, "orderLinkId": "by-hand"}).replies
    assert (reply.client_order_id, reply.size_units) == (0, 400)


def test_several_rows_of_a_message_are_read_in_their_order():
    event = told(gateway(), "execution.spot", EXECUTION, {**EXECUTION, "execId": "2290000000112345680"})
    assert [reply.trade_id for reply in event.replies] == [2290000000112345679, 2290000000112345680]


def test_execution_without_a_currency_is_paid_in_what_the_side_gets():
    buy = told(gateway(), "execution.spot", {**EXECUTION, "feeCurrency": ""}).replies[0]
    sale = told(gateway(), "execution.spot", {**EXECUTION, "feeCurrency": "", "side": "Sell"}).replies[0]
    assert (buy.fee_asset, sale.fee_asset) == (FeeAsset.base, FeeAsset.quote)


def test_rebate_without_a_currency_comes_in_what_the_side_gives_away():
    row = {**EXECUTION, "feeCurrency": "", "execFee": "-0.0024"}
    buy, sale = (told(gateway(), "execution.spot", {**row, "side": side}).replies[0] for side in ("Buy", "Sell"))
    assert (buy.fee_asset, sale.fee_asset) == (FeeAsset.quote, FeeAsset.base)


def test_fee_in_a_third_asset_is_exact_and_valued_by_the_rate_of_the_row():
    row = {**EXECUTION, "feeCurrency": "MNT", "execFee": "0.024", "feeRate": "0.001"}
    (reply,) = told(gateway(), "execution.spot", row).replies
    assert (reply.fee_asset, reply.fee_asset_name, reply.fee_mantissa, reply.fee_decimals) == (
        FeeAsset.other,
        "MNT",
        24,
        3,
    )
    assert reply.fee_quote_units == 240_001  # 400 size units at 600001 ticks, a thousandth, rounded up


@pytest.mark.parametrize(
    ("change", "kind", "reason"),
    [
        ({"orderStatus": "Cancelled", "cancelType": "CancelByUser"}, ReplyKind.cancelled, VenueReason.none),
        (
            {"orderStatus": "Cancelled", "cancelType": "CancelByUser", "rejectReason": "EC_PerCancelRequest"},
            ReplyKind.cancelled,
            VenueReason.none,
        ),
        (
            {"orderStatus": "PartiallyFilledCanceled", "cancelType": "CancelByUser", "cumExecQty": "0.0004"},
            ReplyKind.cancelled,
            VenueReason.none,
        ),
        (
            {"orderStatus": "Cancelled", "rejectReason": "EC_NoImmediateQtyToFill"},
            ReplyKind.expired,
            VenueReason.liquidity,
        ),
        (
            {
                "orderStatus": "PartiallyFilledCanceled",
                "rejectReason": "EC_NoImmediateQtyToFill",
                "cumExecQty": "0.0004",
            },
            ReplyKind.expired,
            VenueReason.liquidity,
        ),
        (
            {"orderStatus": "Rejected", "rejectReason": "EC_CancelForNoFullFill"},
            ReplyKind.rejected,
            VenueReason.liquidity,
        ),
        (
            {"orderStatus": "Cancelled", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            ReplyKind.rejected,
            VenueReason.would_take,
        ),
        (
            {"orderStatus": "Rejected", "rejectReason": "EC_PostOnlyWillTakeLiquidity"},
            ReplyKind.rejected,
            VenueReason.would_take,
        ),
        ({"orderStatus": "Cancelled", "cancelType": "CancelBySmp"}, ReplyKind.expired, VenueReason.self_trade),
        ({"orderStatus": "Cancelled", "cancelType": "CancelByDCP"}, ReplyKind.expired, VenueReason.other),
        ({"orderStatus": "Cancelled", "cancelType": "CancelBySettle"}, ReplyKind.expired, VenueReason.market_closed),
        ({"orderStatus": "Cancelled", "rejectReason": "EC_SomethingNew"}, ReplyKind.expired, VenueReason.other),
        ({"orderStatus": "Deactivated"}, ReplyKind.cancelled, VenueReason.none),
    ],
)
def test_each_end_of_an_order_has_its_kind_and_reason(change, kind, reason):
    (reply,) = told(gateway(), "order.spot", {**ORDER, **change}).replies
    assert (reply.kind, reply.reason) == (kind, reason)
    assert reply.cumulative_units == (400 if "cumExecQty" in change else 0)


def test_filled_order_is_acknowledged_in_full_and_ended_by_its_fills_alone():
    (reply,) = told(gateway(), "order.spot", {**ORDER, "orderStatus": "Filled", "cumExecQty": "0.001"}).replies
    assert (reply.kind, reply.cumulative_units) == (ReplyKind.ack, 1_000)


def test_second_filled_of_a_cancel_that_came_too_late_is_the_cancels_refusal():
    row = {
        **ORDER,
        "orderStatus": "Filled",
        "cumExecQty": "0.001",
        "cancelType": "CancelByUser",
        "rejectReason": "EC_OrigClOrdIDDoesNotExist",
    }
    (reply,) = told(gateway(), "order.spot", row).replies
    assert (reply.kind, reply.reason) == (ReplyKind.cancel_rejected, VenueReason.unknown_order)


def test_change_is_told_when_the_order_stands_as_it_asked():
    made = gateway()
    outcome_of(made, made.order(CallKind.amend, replace(SPEC, price_ticks=600_002), Way.order_socket, NOW_NS))
    before = told(made, "order.spot", ORDER)
    after = told(made, "order.spot", {**ORDER, "price": "60000.2"})
    again = told(made, "order.spot", {**ORDER, "price": "60000.2", "orderStatus": "PartiallyFilled"})
    assert [event.replies[0].kind for event in (before, after, again)] == [
        ReplyKind.ack,
        ReplyKind.amended,
        ReplyKind.ack,
    ]


def test_stranger_order_and_another_instrument_say_nothing():
    made = gateway()
    stranger = {**ORDER, "orderLinkId": "", "orderStatus": "PartiallyFilledCanceled", "qty": "100.123456789"}
    assert told(made, "order.spot", stranger).replies == ()
    assert told(made, "order.spot", {**ORDER, "symbol": "DOGEUSDT"}).replies == ()
    assert told(made, "execution.spot", {**EXECUTION, "symbol": "DOGEUSDT"}).replies == ()


def test_wallet_tells_what_is_free_and_locked():
    coins = [{"coin": "BTC", "walletBalance": "0.5003996", "locked": "0.1", "spotBorrow": "0"}]
    coins.append({"coin": "USDT", "walletBalance": "0"})
    event = told(gateway(), "wallet", {"accountType": "UNIFIED", "coin": coins})
    assert event.told is Told.balance
    assert [(each.asset, each.free, each.locked) for each in event.balances] == [
        ("BTC", Decimal("0.4003996"), Decimal("0.1")),
        ("USDT", Decimal(0), Decimal(0)),
    ]


@pytest.mark.parametrize("data", [topic("greeks", {}), topic("execution.fast.spot", {}), b'{"op":"new-op"}', b"{}"])
def test_what_is_not_known_is_counted_and_not_fatal(data):
    made = gateway()
    (event,) = made.on_text(Way.user_socket, data, NOW_NS)
    assert event.told is Told.unknown
    assert sum(made.unknown.values()) == 1


@pytest.mark.parametrize(
    ("name", "row", "lacking"),
    [
        ("order.spot", ORDER, "orderStatus"),
        ("order.spot", ORDER, "side"),
        ("order.spot", ORDER, "symbol"),
        ("execution.spot", EXECUTION, "execId"),
        ("execution.spot", EXECUTION, "isMaker"),
    ],
)
def test_missing_field_that_is_needed_is_an_error_that_names_it_and_shows_the_frame(name, row, lacking):
    cut = {field: value for field, value in row.items() if field != lacking}
    with pytest.raises(FrameError, match=rf"'{lacking}'.*topic"):
        told(gateway(), name, cut)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"orderStatus": "Dreaming"}, "expected an order's status, found 'Dreaming'"),
        ({"price": "60000.15"}, r"field 'price': expected a multiple of 0\.1"),
        ({"qty": "many"}, "expected a decimal in field 'qty'"),
        ({"side": "Both"}, "expected a side Buy or Sell"),
    ],
)
def test_field_that_cannot_be_is_an_error(change, problem):
    with pytest.raises(FrameError, match=problem):
        told(gateway(), "order.spot", {**ORDER, **change})


@pytest.mark.parametrize("data", [b"", b"not json", b"[1]", b'"text"', b"\xff\xfe"])
def test_message_that_is_no_object_is_an_error(data):
    with pytest.raises(FrameError):
        gateway().on_text(Way.user_socket, data, NOW_NS)
