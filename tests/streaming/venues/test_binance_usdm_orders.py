"""USD-M in the venue's own words: answers and events as its documentation prints them."""

from decimal import Decimal

import orjson
import pytest
from binance_account import MS, START_NS, SYMBOL, gateway_of
from binance_usdm_words import ORDER, OURS, SPEC, TRADE, about, heard, ready

from streaming.venues.gateway import (
    AccountInfo,
    Action,
    Balance,
    Call,
    CallKind,
    FrameError,
    HttpReply,
    VenuePosition,
    Way,
)
from streaming.venues.venue_reply import ReplyKind, VenueReason

# --- answers ---


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        ("NEW", ReplyKind.ack, VenueReason.none),
        ("PARTIALLY_FILLED", ReplyKind.ack, VenueReason.none),
        ("FILLED", ReplyKind.ack, VenueReason.none),
        ("CANCELED", ReplyKind.cancelled, VenueReason.none),
        ("EXPIRED", ReplyKind.expired, VenueReason.none),
        ("EXPIRED_IN_MATCH", ReplyKind.expired, VenueReason.self_trade),
        ("REJECTED", ReplyKind.rejected, VenueReason.other),
    ],
)
def test_every_status_of_a_queried_order_is_told(status: str, kind: ReplyKind, reason: VenueReason) -> None:
    outcome = about(ready(), CallKind.query, status=status, executedQty="0.001", avgPrice="0", cumQuote="0", time=1)

    (reply,) = outcome.replies
    assert (reply.kind, reply.reason, reply.cumulative_units) == (kind, reason, 1)
    assert reply.ts_venue_ns == 1790000000500 * MS


def test_status_that_nobody_knows_is_an_error_that_shows_it() -> None:
    with pytest.raises(FrameError, match="expected a status of an order in field 'status', found 'BAKED'"):
        about(ready(), CallKind.query, status="BAKED")


@pytest.mark.parametrize("field", ["orderId", "status", "price", "origQty", "executedQty"])
def test_order_without_a_needed_field_is_an_error_that_names_it(field: str) -> None:
    gateway = ready()
    call = gateway.order(CallKind.place, SPEC, Way.rest, START_NS)
    assert isinstance(call, Call)
    body = orjson.dumps({name: value for name, value in ORDER.items() if name != field})

    with pytest.raises(FrameError, match=f"field '{field}', found none: .*90000000001|field 'orderId'"):
        gateway.on_http(call, HttpReply(status=200, body=body), START_NS)


def test_fields_that_older_or_newer_servers_add_change_nothing() -> None:
    plain, more = about(ready(), CallKind.place), about(ready(), CallKind.place, avgPrice="0.00", cumQuote="0", st=1)

    assert plain.replies == more.replies


@pytest.mark.parametrize(
    ("status", "kind"),
    [("NEW", ReplyKind.amended), ("PARTIALLY_FILLED", ReplyKind.amended), ("CANCELED", ReplyKind.cancelled)],
)
def test_change_tells_what_is_in_force_or_that_it_ended_the_order(status: str, kind: ReplyKind) -> None:
    gateway = ready()
    about(gateway, CallKind.place)

    (reply,) = about(gateway, CallKind.amend, status=status, price="60000.20", origQty="0.003").replies

    assert (reply.kind, reply.price_ticks, reply.size_units) == (kind, 600_002, 3)


def test_post_only_change_that_would_take_leaves_the_outcome_open() -> None:
    gateway = ready()
    call = gateway.order(CallKind.amend, SPEC, Way.rest, START_NS)
    assert isinstance(call, Call)

    outcome = gateway.on_http(call, HttpReply(status=400, body=b'{"code":-5022,"msg":"words"}'), START_NS)

    assert (outcome.action, [reply.kind for reply in outcome.replies]) == (Action.resolve, [ReplyKind.unanswered])


def test_change_that_changes_nothing_is_no_failure() -> None:
    gateway = ready()
    call = gateway.order(CallKind.amend, SPEC, Way.rest, START_NS)
    assert isinstance(call, Call)

    outcome = gateway.on_http(call, HttpReply(status=400, body=b'{"code":-5027,"msg":"words"}'), START_NS)

    assert (outcome.action, outcome.reason) == (Action.done, VenueReason.unchanged)


@pytest.mark.parametrize(("rate", "mantissa"), [("0.000200", 2400004), ("-0.000100", -2400004)])
def test_sign_of_a_listed_fee_follows_the_accounts_rate(rate: str, mantissa: int) -> None:
    gateway = ready()
    heard(gateway, CallKind.fees, {"symbol": SYMBOL, "makerCommissionRate": rate, "takerCommissionRate": "0.0005"})

    (trade,) = heard(gateway, CallKind.trades, [TRADE]).document  # type: ignore[misc]

    assert trade.reply.fee_mantissa == mantissa  # type: ignore[union-attr]
    assert trade.reply.fee_decimals == 8  # type: ignore[union-attr]


def test_listed_trade_of_an_order_met_before_is_known_as_its_own() -> None:
    gateway = ready()
    before = heard(gateway, CallKind.trades, [TRADE]).document
    about(gateway, CallKind.place)
    after = heard(gateway, CallKind.trades, [TRADE]).document

    assert [(one.client_text, one.reply.client_order_id) for one in (*before, *after)] == [("", 0), (OURS, 7)]  # type: ignore[misc]


def test_positions_name_ours_even_where_there_is_none_and_add_up_in_hedge_mode() -> None:
    row = {"symbol": SYMBOL, "positionSide": "LONG", "positionAmt": "0.005", "entryPrice": "60000.1"}
    short = {**row, "positionSide": "SHORT", "positionAmt": "-0.002", "entryPrice": "60001.1"}
    other = {**row, "symbol": "ETHUSDT"}

    none = heard(ready(), CallKind.positions, [other]).document
    both = heard(ready(), CallKind.positions, [row, short]).document

    assert none == (VenuePosition(symbol=SYMBOL, size_units=0, entry_price=Decimal(0)),)
    assert both == (VenuePosition(symbol=SYMBOL, size_units=3, entry_price=Decimal("60001.1")),)


def test_balance_is_the_wallets() -> None:
    rows = [
        {"accountAlias": "SgsR", "asset": "USDT", "balance": "122607.35137903", "availableBalance": "23.72469206"},
        {"accountAlias": "SgsR", "asset": "BNB", "balance": "0.00000000", "availableBalance": "0"},
    ]

    assert heard(ready(), CallKind.balances, rows).document == (
        Balance(asset="USDT", free=Decimal("122607.35137903"), locked=Decimal(0)),
    )
    assert heard(ready(), CallKind.account, rows).document == AccountInfo(account="SgsR")


def test_hedge_mode_is_a_problem_that_says_what_to_do() -> None:
    found = heard(ready(), CallKind.position_mode, {"dualSidePosition": True}).document

    assert isinstance(found, AccountInfo)
    assert "one-way" in found.problems[0]


def test_key_for_futures_is_judged_by_that_right() -> None:
    rights = {"ipRestrict": True, "enableWithdrawals": True, "enableFutures": False, "enableSpotAndMarginTrading": True}

    found = heard(ready(), CallKind.permissions, {**rights, "tradingAuthorityExpirationTime": 1790000000000}).document

    assert (found.may_trade, found.may_withdraw, found.is_bound_to_address) == (False, True, True)  # type: ignore[union-attr]
    assert found.expires_ns == 1790000000000 * MS  # type: ignore[union-attr]


def test_listen_key_is_in_the_path_and_the_list_of_events_names_its_end() -> None:
    gateway = ready()
    assert gateway.user_path is None

    heard(gateway, CallKind.listen_key, {"listenKey": "k" * 64})

    path = gateway.user_path
    assert path.startswith(f"/private/ws?listenKey={'k' * 64}&events=")
    assert "listenKeyExpired" in path
    assert "TRADE_LITE" not in path


def test_call_that_is_gone_with_its_listen_key_renews_it() -> None:
    outcome = heard(ready(), CallKind.renew_listen_key, {"code": -1125, "msg": "no such key"}, 400)

    assert outcome.action is Action.renew


def test_rules_that_cannot_be_read_are_an_error_that_names_the_entry() -> None:
    with pytest.raises(FrameError, match=f"entry of {SYMBOL}"):
        heard(gateway_of("binance_usdm"), CallKind.rules, {"symbols": [{"symbol": SYMBOL, "filters": []}]})


def test_instrument_that_is_delisted_loses_its_rules() -> None:
    gateway = ready()

    heard(gateway, CallKind.rules, {"symbols": []})

    assert gateway.rules == {}
