"""What the gateway of Bybit spot makes of answers to questions: orders, trades, balances, keys, filters."""

from dataclasses import replace
from decimal import Decimal

import pytest
from bybit_messages import (
    EXECUTION,
    KEY,
    NOW_NS,
    NS_PER_S,
    ORDER,
    SPEC,
    TEXT,
    asked,
    gateway,
    http,
    ok,
    outcome_of,
    queried,
    signed,
)

from streaming.venues.bybit_orders_words import trade_id_of
from streaming.venues.gateway import (
    Action,
    CallKind,
    FrameError,
    Refused,
    Way,
)
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason


def test_query_of_an_open_order_acknowledges_it():
    call, outcome = queried(gateway(), {**ORDER, "orderStatus": "PartiallyFilled", "cumExecQty": "0.0004"})
    assert call.target.startswith("/v5/order/realtime?category=spot&symbol=BTCUSDT&orderLinkId=lob-")
    (reply,) = outcome.replies
    assert (reply.kind, reply.cumulative_units, reply.origin) == (ReplyKind.ack, 400, Origin.query)
    assert outcome.document[0].filled_units == 400


def test_order_counts_as_not_known_when_neither_table_names_it():
    made = gateway()
    first, nowhere = queried(made)
    second, settled = queried(made)
    third, _ = queried(made)
    assert [call.target.partition("?")[0] for call in (first, second, third)] == [
        "/v5/order/realtime",
        "/v5/order/history",
        "/v5/order/realtime",
    ]
    assert (nowhere.action, settled.action) == (Action.retry, Action.settle)
    assert settled.reason is VenueReason.unknown_order
    assert settled.replies == ()


def test_ended_order_is_found_in_the_second_table():
    made = gateway()
    queried(made)
    _, outcome = queried(made, {**ORDER, "orderStatus": "Cancelled", "cancelType": "CancelByUser"})
    assert [reply.kind for reply in outcome.replies] == [ReplyKind.cancelled]


def test_query_that_does_not_find_a_change_in_force_after_a_while_refuses_it():
    made = gateway()
    outcome_of(made, made.order(CallKind.amend, replace(SPEC, price_ticks=600_002), Way.order_socket, NOW_NS), 170310)
    _, soon = queried(made, ORDER, ts_ns=NOW_NS + NS_PER_S)
    _, late = queried(made, ORDER, ts_ns=NOW_NS + 3 * NS_PER_S)
    assert [reply.kind for reply in soon.replies] == [ReplyKind.ack]
    assert [reply.kind for reply in late.replies] == [ReplyKind.amend_rejected, ReplyKind.ack]


def test_open_orders_are_listed_with_strangers():
    outcome = asked(
        gateway(),
        CallKind.open_orders,
        {"list": [ORDER, {**ORDER, "orderLinkId": "", "orderId": "2"}], "nextPageCursor": ""},
        symbol="BTCUSDT",
    )
    assert [(order.client_text, order.is_open) for order in outcome.document] == [(TEXT, True), ("", True)]


def test_trades_are_listed_with_whose_they_are():
    outcome = asked(gateway(), CallKind.trades, {"list": [EXECUTION]}, symbol="BTCUSDT", since=NOW_NS)
    (trade,) = outcome.document
    assert (trade.client_text, trade.reply.trade_id, trade.reply.origin) == (
        TEXT,
        2290000000112345679,
        Origin.query,
    )


def test_full_page_asks_for_the_next_and_a_page_that_is_not_full_is_the_last():
    made = gateway()
    rows = [{**EXECUTION, "execId": str(number)} for number in range(1, 101)]
    first = asked(made, CallKind.trades, {"list": rows, "nextPageCursor": "a%3D,b=1"}, symbol="BTCUSDT", since=NOW_NS)
    assert first.more is not None
    assert first.more.target.startswith(first.call.target)
    assert first.more.target.endswith("&cursor=a%253D%2Cb%3D1")
    assert (first.more.kind, first.more.pool, first.more.symbol) == (CallKind.trades, "executions", "BTCUSDT")
    query = first.more.target.partition("?")[2]
    assert first.more.headers["X-BAPI-SIGN"] == signed(f"1790000000000{KEY}5000{query}")
    last = made.on_http(first.more, http(ok({"list": rows[:3], "nextPageCursor": "c"})), NOW_NS)
    assert (len(first.document), len(last.document), last.more) == (100, 3, None)


def test_fees_balances_and_time_are_read():
    made = gateway()
    fees = {"list": [{"symbol": "BTCUSDT", "takerFeeRate": "0.001", "makerFeeRate": "-0.0001"}]}
    (rate,) = asked(made, CallKind.fees, fees, symbol="BTCUSDT").document
    assert (rate.maker, rate.taker) == (Decimal("-0.0001"), Decimal("0.001"))
    wallet = {"list": [{"coin": [{"coin": "USDT", "walletBalance": "10", "locked": "4"}]}]}
    (held,) = asked(made, CallKind.balances, wallet).document
    assert (held.free, held.locked) == (Decimal(6), Decimal(4))
    now = asked(made, CallKind.time, {"timeSecond": "1790000000", "timeNano": "1790000000123456789"})
    assert now.document == 1_790_000_000_123_456_789


@pytest.mark.parametrize(
    ("change", "may_trade", "may_withdraw", "is_bound"),
    [
        ({}, True, False, False),
        ({"readOnly": 1}, False, False, False),
        ({"ips": ["10.0.0.1"]}, True, False, True),
        ({"permissions": {"Spot": ["SpotTrade"], "Wallet": ["AccountTransfer", "Withdraw"]}}, True, True, False),
        ({"permissions": {"Spot": [], "Wallet": []}}, False, False, False),
    ],
)
def test_permissions_of_a_key_are_read(change, may_trade, may_withdraw, is_bound):
    key = {
        "apiKey": KEY,
        "readOnly": 0,
        "permissions": {"Spot": ["SpotTrade"], "Wallet": ["AccountTransfer"]},
        "ips": ["*"],
        "expiredAt": "2026-12-21T10:00:00Z",
        "userID": 24617703,
        "uta": 1,
    }
    found = asked(gateway(), CallKind.permissions, {**key, **change}).document
    assert (found.may_trade, found.may_withdraw, found.is_bound_to_address) == (may_trade, may_withdraw, is_bound)
    assert found.expires_ns == 1_797_847_200 * NS_PER_S


@pytest.mark.parametrize("permissions", [{"Spot": ["SpotTrade"]}, {"Spot": ["SpotTrade"], "Wallet": None}])
def test_key_of_which_nothing_is_said_about_the_wallet_is_not_taken_for_one_that_may_not_withdraw(permissions):
    with pytest.raises(FrameError, match="'Wallet'"):
        asked(gateway(), CallKind.permissions, {"readOnly": 0, "permissions": permissions, "userID": 1})


def test_wallet_without_a_balance_is_not_an_empty_one():
    with pytest.raises(FrameError, match="'walletBalance'"):
        asked(gateway(), CallKind.balances, {"list": [{"coin": [{"coin": "USDT", "locked": "4"}]}]})


def test_account_is_named_and_one_that_is_not_unified_is_a_problem():
    made = gateway()
    whole = asked(made, CallKind.account, {"userID": 24617703, "uta": 1, "unified": 0}).document
    classic = asked(made, CallKind.account, {"userID": 24617703, "uta": 0, "unified": 0}).document
    assert (whole.account, whole.problems) == ("24617703", ())
    assert "Unified Trading Account" in classic.problems[0]


def test_rules_that_cannot_be_read_are_an_error_and_the_old_ones_stay():
    made = gateway()
    with pytest.raises(FrameError, match="entry of BTCUSDT"):
        asked(made, CallKind.rules, {"list": [{"symbol": "BTCUSDT", "lotSizeFilter": {}}]})
    assert 4 in made.rules


def test_instrument_that_is_not_listed_any_more_loses_its_rules():
    made = gateway()
    asked(made, CallKind.rules, {"list": []})
    assert isinstance(made.order(CallKind.place, SPEC, Way.rest, NOW_NS), Refused)


def test_error_of_a_question_says_when_to_ask_again():
    made = gateway()
    call = made.ask(CallKind.balances, NOW_NS)
    outcome = made.on_http(call, http({"retCode": 10016, "retMsg": "Server error", "result": {}}), NOW_NS)
    assert (outcome.action, outcome.code, outcome.retry_at_ns > NOW_NS) == (Action.retry, 10016, True)


def test_ids_of_executions_are_numbers_and_others_become_one():
    assert trade_id_of("2290000000112345679") == 2290000000112345679
    odd = trade_id_of("7e2ae69c-4edf-5800-a352-893d52b446aa")
    assert 0 < odd < 1 << 63
    assert odd == trade_id_of("7e2ae69c-4edf-5800-a352-893d52b446aa")
    assert 0 < trade_id_of("9" * 5_000) < 1 << 63
