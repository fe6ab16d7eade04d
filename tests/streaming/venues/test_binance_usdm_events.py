"""What the USD-M gateway makes of the account's events."""

from decimal import Decimal

import orjson
import pytest
from binance_account import MS, START_NS, SYMBOL
from binance_usdm_words import EVENT, ONE, OURS, events, heard, ready, told

from streaming.venues.gateway import (
    Balance,
    CallKind,
    FrameError,
    StreamEvent,
    Told,
    VenuePosition,
    Way,
)
from streaming.venues.venue_reply import FeeAsset, ReplyKind, VenueReason


def test_fill_is_told_with_its_exact_fee() -> None:
    reply = told(ready())

    assert reply is not None
    assert (reply.kind, reply.client_order_id, reply.trade_id) == (ReplyKind.fill, 7, 5000000013)
    assert (reply.price_ticks, reply.size_units, reply.cumulative_units, reply.is_maker) == (600_001, 1, 1, True)
    assert (reply.fee_asset, reply.fee_asset_name) == (FeeAsset.quote, "USDT")
    assert (reply.fee_mantissa, reply.fee_decimals) == (1200002, 8)
    assert reply.fee_quote_units == 121  # of 0.0001 USDT each, rounded up
    assert reply.ts_venue_ns == 1790000003005 * MS


def test_early_fill_without_its_fee_books_nothing() -> None:
    lite = {"e": "TRADE_LITE", "s": SYMBOL, "q": "0.002", "p": "60000.10", "m": True, "c": OURS, "S": "BUY"}

    (event,) = events(ready(), {**lite, "L": "60000.10", "l": "0.001", "t": 5000000013, "i": 90000000001})

    assert (event.told, event.replies) == (Told.alive, ())


@pytest.mark.parametrize(
    ("x", "status", "er", "kind", "reason"),
    [
        ("NEW", "NEW", "0", ReplyKind.ack, VenueReason.none),
        ("AMENDMENT", "NEW", "0", ReplyKind.amended, VenueReason.none),
        ("CANCELED", "CANCELED", "0", ReplyKind.cancelled, VenueReason.none),
        ("EXPIRED", "EXPIRED", "0", ReplyKind.expired, VenueReason.none),
        ("EXPIRED", "EXPIRED", "2", ReplyKind.expired, VenueReason.liquidity),
        ("EXPIRED", "EXPIRED", 9, ReplyKind.expired, VenueReason.liquidity),
        ("EXPIRED", "EXPIRED", "4", ReplyKind.expired, VenueReason.reduce_only),
        ("EXPIRED", "EXPIRED", "7", ReplyKind.expired, VenueReason.market_closed),
        ("EXPIRED", "EXPIRED_IN_MATCH", "1", ReplyKind.expired, VenueReason.self_trade),
        ("CALCULATED", "NEW", "0", ReplyKind.ack, VenueReason.none),
    ],
)
def test_every_event_of_an_order_is_told(x: str, status: str, er: object, kind: ReplyKind, reason: VenueReason) -> None:
    reply = told(ready(), x=x, X=status, er=er, t=0, l="0", L="0", z="0.001", q="0.003", p="60000.20", N=None, n=None)

    assert reply is not None
    assert (reply.kind, reply.reason) == (kind, reason)
    assert (reply.price_ticks, reply.size_units, reply.cumulative_units) == (600_002, 3, 1)


def test_number_in_text_and_text_in_a_number_are_read_alike() -> None:
    assert told(ready(), t="5000000013", T="1790000003005") == told(ready())


@pytest.mark.parametrize("client", ["web_abc", "autoclose-1790000003005", "adl_autoclose", "settlement_autoclose-1"])
def test_fill_of_nobodys_order_moves_the_account(client: str) -> None:
    reply = told(ready(), c=client, x="CALCULATED" if "autoclose-" in client else "TRADE", S="SELL")

    assert reply is not None
    assert (reply.kind, reply.client_order_id, reply.side) == (ReplyKind.fill, 0, 1)


def test_strangers_order_without_a_fill_is_none_of_ours() -> None:
    assert told(ready(), c="web_abc", x="NEW", X="NEW", t=0) is None


def test_order_on_a_symbol_that_is_not_traded_here_books_nothing() -> None:
    assert told(ready(), s="ETHUSDT") is None


def test_new_field_is_counted_and_told_once() -> None:
    gateway = ready()

    first = events(gateway, {"e": "ORDER_TRADE_UPDATE", "o": {**EVENT, "zz": 1}})
    second = events(gateway, {"e": "ORDER_TRADE_UPDATE", "o": {**EVENT, "zz": 1}})

    assert [event.told for event in (*first, *second)] == [Told.alive, Told.unknown, Told.alive]
    assert gateway.unknown == {"ORDER_TRADE_UPDATE: new field 'zz'": 2}


@pytest.mark.parametrize("field", ["s", "c", "S", "x", "X", "i", "z", "L", "l", "m"])
def test_fill_without_a_needed_field_is_an_error_that_names_it(field: str) -> None:
    data = orjson.dumps({"e": "ORDER_TRADE_UPDATE", "o": {k: v for k, v in EVENT.items() if k != field}})

    with pytest.raises(FrameError, match=f"field '{field}', found none: .*ORDER_TRADE_UPDATE"):
        ready().on_text(Way.user_socket, data, START_NS)


def test_size_between_units_is_an_error_and_not_rounded() -> None:
    with pytest.raises(FrameError, match=r"field 'l': expected a multiple of 0.001, found '0.0005'"):
        told(ready(), l="0.0005")


def account_update(**changed: object) -> dict[str, object]:
    update = {
        "m": "ORDER",
        "B": [{"a": "USDT", "wb": "10000.12", "cw": "10000.12", "bc": "0"}],
        "P": [{"s": SYMBOL, "pa": "-0.001", "ep": "60000.1", "ps": "BOTH"}, {"s": "ETHUSDT", "pa": "1", "ep": "1"}],
    }
    return {"e": "ACCOUNT_UPDATE", "a": {**update, **changed}}


def test_balances_and_positions_of_ours_are_told() -> None:
    (event,) = events(ready(), account_update())

    assert event.told is Told.position
    assert event.balances == (Balance(asset="USDT", free=Decimal("10000.12"), locked=Decimal(0)),)
    assert event.positions == (VenuePosition(symbol=SYMBOL, size_units=-1, entry_price=Decimal("60000.1")),)


@pytest.mark.parametrize("named", [{"S": SYMBOL}, {}])
@pytest.mark.parametrize(("change", "paid_units"), [("-0.60001", 6001), ("0.60001", -6000), ("0", 0)])
def test_funding_is_told_with_the_position_and_rounded_against_us(
    named: dict[str, str], change: str, paid_units: int
) -> None:
    gateway = ready()
    events(gateway, account_update())
    rows = [{"a": "USDT", "wb": "9999.52", "cw": "9999.52", "bc": change}]

    (event,) = events(gateway, account_update(m="FUNDING_FEE", B=rows, P=[], **named))

    (reply,) = event.replies
    assert (reply.kind, reply.instrument, reply.size_units, reply.side) == (ReplyKind.funding, ONE.id, -1, 1)
    assert reply.fee_quote_units == paid_units
    assert reply.trade_id == 1 << 63 | 1790000003005


def test_funding_of_a_position_elsewhere_is_not_ours() -> None:
    (event,) = events(ready(), account_update(m="FUNDING_FEE", S="ETHUSDT", P=[]))

    assert event.replies == ()


def test_end_of_the_listen_key_is_told_and_the_key_forgotten() -> None:
    gateway = ready()
    heard(gateway, CallKind.listen_key, {"listenKey": "k" * 64})

    (event,) = events(gateway, {"e": "listenKeyExpired", "listenKey": "k" * 64})

    assert event.told is Told.ended
    assert gateway.user_path is None
    assert "k" * 64 not in repr(event)


@pytest.mark.parametrize("kind", ["ALGO_UPDATE", "TRADE_LITE"])
def test_events_that_concern_nothing_of_ours_are_signs_of_life(kind: str) -> None:
    (event,) = events(ready(), {"e": kind})

    assert event.told is Told.alive


def test_change_of_the_accounts_setup_and_a_margin_call_are_told_in_words() -> None:
    gateway = ready()

    (setup,) = events(gateway, {"e": "ACCOUNT_CONFIG_UPDATE", "ac": {"s": SYMBOL, "l": 20}})
    (call,) = events(gateway, {"e": "MARGIN_CALL", "cw": "3.1", "p": []})

    assert "setup was changed" in setup.text
    assert "margin call" in call.text


def test_events_of_a_combined_stream_are_read_alike() -> None:
    gateway = ready()
    inner = {"e": "ORDER_TRADE_UPDATE", "o": EVENT}

    found = gateway.on_text(Way.user_socket, orjson.dumps({"stream": "x", "data": inner}), START_NS)

    assert [one.told for one in found if isinstance(one, StreamEvent)] == [Told.alive]
