"""What both Binance gateways do with calls: signing, numbers, late answers, limits, secrets, unreadable frames."""

import hashlib
import hmac
from urllib.parse import parse_qsl

import orjson
import pytest
from binance_account import KEY, MS, SECRET, SEED, START_NS, SYMBOL, S, gateway_of, instrument_of
from binance_calls import VENUES, both, error, failed, place, ready, spec_of

from streaming.venues.binance_orders_wire import BinanceWire, Endpoint
from streaming.venues.gateway import (
    CallKind,
    FrameError,
    OrderType,
    Refused,
    TimeInForce,
    Way,
)
from streaming.venues.signing import Ed25519Signer, HmacSigner
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason

# --- requests ---


@both
def test_rest_request_is_signed_as_it_is_sent(venue: str) -> None:
    gateway = ready(venue)
    gateway.set_clock_offset(-3 * S)

    call = place(gateway, Way.rest)

    path, _, query = call.target.partition("?")
    signed, _, signature = query.rpartition("&signature=")
    assert (call.way, call.method, path) == (Way.rest, "POST", gateway.endpoints[CallKind.place].path)
    assert signature == hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    assert dict(parse_qsl(signed))["timestamp"] == str((START_NS - 3 * S) // MS)
    assert call.headers == {"X-MBX-APIKEY": KEY}


@both
def test_socket_request_is_signed_over_its_parameters_by_name(venue: str) -> None:
    message = orjson.loads(place(ready(venue)).body)
    params = message["params"]

    text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
    assert message["method"] == "order.place"
    assert params["apiKey"] == KEY
    assert params["signature"] == hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert isinstance(params["timestamp"], int)
    assert isinstance(params["price"], str)


def test_documented_example_of_a_socket_request_has_the_documented_signature() -> None:
    wire = BinanceWire("TESTKEY0001", HmacSigner("test-secret-0001"), 5_000)
    endpoint = Endpoint(path="/", socket="userDataStream.subscribe.signature")

    params = orjson.loads(wire.call(CallKind.subscribe, endpoint, {}, Way.order_socket, 1_790_000_000_000 * MS).body)[
        "params"
    ]

    expected = HmacSigner("test-secret-0001").sign("apiKey=TESTKEY0001&recvWindow=5000&timestamp=1790000000000")
    assert params["signature"] == expected


def test_symbols_beyond_ascii_are_encoded_before_signing_over_rest_and_raw_over_sockets() -> None:
    signer = HmacSigner("test-secret-0001")
    wire, endpoint = BinanceWire("TESTKEY0001", signer, 5_000), Endpoint(path="/p", socket="m")
    params = {"symbol": "币安USDT"}

    rest = wire.call(CallKind.query, endpoint, params, Way.rest, 0).target
    message = orjson.loads(wire.call(CallKind.query, endpoint, params, Way.order_socket, 0).body)

    text = "symbol=%E5%B8%81%E5%AE%89USDT&recvWindow=5000&timestamp=0"
    assert rest == f"/p?{text}&signature={signer.sign(text)}"
    assert message["params"]["signature"] == signer.sign(
        "apiKey=TESTKEY0001&recvWindow=5000&symbol=币安USDT&timestamp=0"
    )


@both
def test_session_that_logged_on_signs_nothing_more_until_it_is_lost(venue: str) -> None:
    gateway = ready(venue, Ed25519Signer.from_seed(SEED))
    logon = gateway.on_open(Way.order_socket, START_NS)[0]
    before = orjson.loads(place(gateway).body)["params"]

    gateway.on_text(Way.order_socket, orjson.dumps({"id": logon.number, "status": 200, "result": {}}), START_NS)
    within = orjson.loads(place(gateway, number=2).body)["params"]
    gateway.on_lost(Way.order_socket)
    after = orjson.loads(place(gateway, number=3).body)["params"]

    assert logon.kind is CallKind.logon
    assert ["signature" in params for params in (before, within, after)] == [True, False, True]
    assert "timestamp" in within
    assert "apiKey" not in within


@both
def test_hmac_key_never_logs_on(venue: str) -> None:
    kinds = [call.kind for call in ready(venue).on_open(Way.order_socket, START_NS)]

    assert kinds == ([] if venue == "binance_usdm" else [CallKind.subscribe])


@both
def test_numbers_of_calls_never_repeat(venue: str) -> None:
    gateway = ready(venue)
    calls = [place(gateway, way, number) for number, way in enumerate([Way.rest, Way.order_socket] * 3, 1)]

    assert len({call.number for call in calls}) == len(calls)
    assert all(orjson.loads(call.body)["id"] == call.number for call in calls if call.body)


@both
@pytest.mark.parametrize(
    ("force", "type_word", "force_word"),
    [
        (TimeInForce.gtc, "LIMIT", "GTC"),
        (TimeInForce.ioc, "LIMIT", "IOC"),
        (TimeInForce.fok, "LIMIT", "FOK"),
        (TimeInForce.post_only, "LIMIT", "GTX"),
    ],
)
def test_every_kind_of_limit_order_has_its_words(
    venue: str, force: TimeInForce, type_word: str, force_word: str
) -> None:
    params = orjson.loads(place(ready(venue), time_in_force=force, side=1).body)["params"]

    if venue == "binance_spot" and force is TimeInForce.post_only:
        assert (params["type"], "timeInForce" in params) == ("LIMIT_MAKER", False)
    else:
        assert (params["type"], params["timeInForce"]) == (type_word, force_word)
    assert (params["side"], params["price"], params["quantity"]) == ("SELL", "60000.1", "0.002")


@both
def test_market_order_has_neither_price_nor_force(venue: str) -> None:
    params = orjson.loads(place(ready(venue), type=OrderType.market, price_ticks=0).body)["params"]

    assert params["type"] == "MARKET"
    assert not {"price", "timeInForce"} & params.keys()


def test_reduce_only_is_said_on_futures_alone() -> None:
    said = [orjson.loads(place(ready(venue), is_reduce_only=True).body)["params"].get("reduceOnly") for venue in VENUES]

    assert said == ["true", None]


@both
def test_order_before_the_rules_are_known_does_not_leave(venue: str) -> None:
    found = gateway_of(venue).order(CallKind.place, spec_of(venue), Way.rest, START_NS)

    assert isinstance(found, Refused)
    assert (found.rule, found.reply.kind, found.reply.reason) == ("RULES", ReplyKind.rejected, VenueReason.never_sent)


@both
def test_order_below_the_least_notional_is_refused_by_the_filters_name(venue: str) -> None:
    units = instrument_of(venue).size_unit.count("0.001" if venue == "binance_usdm" else "0.00001")
    spec = spec_of(venue, price_ticks=instrument_of(venue).tick.count("600"), size_units=units)

    found = ready(venue).order(CallKind.place, spec, Way.rest, START_NS)

    assert isinstance(found, Refused)
    assert found.rule == ("MIN_NOTIONAL" if venue == "binance_usdm" else "NOTIONAL")
    assert (found.reply.reason, found.reply.origin) == (VenueReason.filter, Origin.shell)


@both
def test_change_that_breaks_a_rule_leaves_the_order_as_it_is(venue: str) -> None:
    found = ready(venue).order(CallKind.amend, spec_of(venue, size_units=0), Way.rest, START_NS)

    assert isinstance(found, Refused)
    assert found.reply.kind is ReplyKind.amend_rejected


@both
def test_question_goes_over_the_socket_where_that_is_asked_for_and_can_be(venue: str) -> None:
    gateway = ready(venue)

    ways = {kind: gateway.ask(kind, START_NS, symbol=SYMBOL, way=Way.order_socket).way for kind in gateway.endpoints}

    assert all((way is Way.order_socket) == bool(gateway.endpoints[kind].socket) for kind, way in ways.items())
    assert gateway.ask(CallKind.balances, START_NS).way is Way.rest


def test_question_that_a_venue_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match="binance_spot has no call 'countdown'"):
        ready("binance_spot").ask(CallKind.countdown, START_NS)


@both
def test_request_that_is_none_about_an_order_is_named(venue: str) -> None:
    with pytest.raises(ValueError, match="expected a request about an order, found 'fees'"):
        ready(venue).order(CallKind.fees, spec_of(venue), Way.rest, START_NS)


def test_permissions_are_asked_at_the_address_that_tells_them() -> None:
    assert ready("binance_usdm").ask(CallKind.permissions, START_NS).base == ""


# --- secrets ---


@both
def test_nothing_that_is_shown_holds_key_secret_or_signature(venue: str) -> None:
    gateway = ready(venue)
    calls = [place(gateway), place(gateway, Way.rest, 2), *gateway.on_open(Way.order_socket, START_NS)]
    outcome = failed(gateway, calls[1], 400, error(-1100, f'bad "signature":"{"f" * 64}" of "apiKey":"{KEY}"'))

    shown = " ".join(map(repr, [gateway, gateway.__dict__, outcome, *calls, gateway.on_unanswered(calls[0], 1, "x")]))

    assert KEY not in shown
    assert SECRET not in shown
    assert "signature=" not in shown
    assert "f" * 64 not in outcome.text


def test_frame_that_cannot_be_read_is_shown_without_its_listen_key() -> None:
    gateway = ready("binance_usdm")
    secret = "L" * 64

    with pytest.raises(FrameError) as caught:
        gateway.on_text(
            Way.user_socket, orjson.dumps({"e": "listenKeyExpired", "E": "x", "listenKey": secret}), START_NS
        )

    assert secret not in str(caught.value)
    assert "(hidden)" in str(caught.value)


@pytest.mark.parametrize("key", ["", "a b\n", "ключ"])
def test_key_of_another_form_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="expected an API key") as caught:
        BinanceWire(key, HmacSigner(SECRET), 5_000)

    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("window_ms", [0, 60_001])
def test_receive_window_that_no_venue_takes_is_refused(window_ms: int) -> None:
    with pytest.raises(ValueError, match="expected a receive window of 1 to 60000 ms"):
        BinanceWire(KEY, HmacSigner(SECRET), window_ms)
