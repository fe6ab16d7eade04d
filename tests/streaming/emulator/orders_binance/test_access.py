"""Who is let in at the emulated Binance markets: keys, signatures, times, parameters, limits."""

import base64
from urllib.parse import urlencode

import orjson
import pytest
from binance_client import KEY, LOGON_KEY, NS_PER_MS, PRIVATE, SECRET, SPOT, SYMBOL, USDM, BinanceClient, hmac_of

from streaming.emulator.orders_front import is_ed25519_right, is_hmac_right, read_query, time_problem
from streaming.emulator.session import NS_PER_S

BOTH = pytest.mark.parametrize("venue", (USDM, SPOT))


def test_the_venues_own_example_of_a_signature_is_right():
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    text = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
    )
    signature = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert is_hmac_right(secret, text, signature)
    assert not is_hmac_right(secret, text + "0", signature)
    assert not is_hmac_right(secret, text, "é" * 64)


def test_an_ed25519_signature_is_right_for_its_text_alone():
    public = base64.b64decode("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
    signature = "UCeyQ+njT5ctYiCfLCGc3PdIsvJWutjmYHZn9r6LgwS4C8uVICp2PmQbrnGRmIeJkHMEN+5FsagWLndN8XmECA=="
    assert is_ed25519_right(public, "apiKey=TESTKEY0001&timestamp=1790000000000", signature)
    assert not is_ed25519_right(public, "apiKey=TESTKEY0001&timestamp=1790000000001", signature)
    assert not is_ed25519_right(public, "text", "not base64")


@pytest.mark.parametrize(
    ("behind_ms", "is_refused"), ((0, False), (5_000, False), (5_001, True), (-999, False), (-1_000, True))
)
def test_a_time_is_taken_within_the_window_and_not_a_second_ahead(behind_ms, is_refused):
    assert bool(time_problem(1_000_000 - behind_ms, 5_000, 1_000_000)) is is_refused


def test_the_first_of_two_equal_names_counts():
    assert read_query("a=1&b=%E5%B8%81&a=2&c=") == {"a": "1", "b": "币", "c": ""}


@BOTH
def test_every_lapse_of_a_key_or_signature_has_its_code(venue):
    client = BinanceClient(venue)
    query = client.signed({"symbol": SYMBOL, "orderId": "1"})
    replies = {
        "no key": client.raw("GET", client.order, query, key=""),
        "bad key": client.raw("GET", client.order, query, key="not a key!"),
        "nobody's key": client.raw("GET", client.order, query, key="NOBODYSKEY"),
        "other text": client.raw("GET", client.order, query.replace("orderId=1", "orderId=2")),
        "no signature": client.raw("GET", client.order, query.partition("&signature")[0]),
        "right": client.raw("GET", client.order, query),
    }
    codes = {name: (reply.status, orjson.loads(reply.body)["code"]) for name, reply in replies.items()}
    assert codes == {
        "no key": (401, -2014),
        "bad key": (401, -2014),
        "nobody's key": (401, -2015),
        "other text": (400, -1022),
        "no signature": (400, -1102),
        "right": (400, -2013),
    }


@BOTH
def test_times_outside_the_window_are_refused_either_way(venue):
    client = BinanceClient(venue)
    now_ms = client.now_ns // NS_PER_MS
    for ts_ms in (now_ms - 5_001, now_ms + 1_000):
        assert client.refused("GET", client.order, symbol=SYMBOL, orderId=1, timestamp=ts_ms) == (400, -1021)
    late = {"timestamp": now_ms - 5_001, "recvWindow": 6_000}
    assert client.refused("GET", client.order, symbol=SYMBOL, orderId=1, **late) == (400, -2013)
    assert client.refused("GET", client.order, symbol=SYMBOL, orderId=1, recvWindow=60_001) == (400, -1131)


@BOTH
def test_a_skewed_clock_of_the_venue_refuses_times_that_are_right(venue):
    client = BinanceClient(venue)
    client.arm("clock_skew", skew_ms=-1_500, duration_ms=5_000)
    assert client.refused("GET", client.order, symbol=SYMBOL, orderId=1) == (400, -1021)


@BOTH
def test_a_query_and_a_form_are_signed_one_behind_the_other(venue):
    client = BinanceClient(venue)
    words = client.limit()
    query = urlencode({"symbol": words.pop("symbol"), "side": words.pop("side")})
    form = urlencode({**words, "timestamp": client.now_ns // NS_PER_MS})
    wrong, right = hmac_of(f"{form}{query}"), hmac_of(f"{query}{form}")
    refused = client.raw("POST", client.order, query, body=f"{form}&signature={wrong}".encode())
    assert orjson.loads(refused.body)["code"] == -1022
    reply = client.raw("POST", client.order, query, body=f"{form}&signature={right}".encode())
    assert reply.status == 200, reply.body


@BOTH
def test_ed25519_keys_sign_rest_requests_too(venue):
    client = BinanceClient(venue)
    text = f"symbol={SYMBOL}&orderId=1&timestamp={client.now_ns // NS_PER_MS}"
    signature = base64.b64encode(PRIVATE.sign(text.encode())).decode()
    reply = client.raw("GET", client.order, f"{text}&{urlencode({'signature': signature})}", key=LOGON_KEY)
    assert orjson.loads(reply.body)["code"] == -2013


@BOTH
def test_a_key_that_may_not_trade_reads_and_places_nothing(venue):
    client = BinanceClient(venue)
    client.add_key("READKEY", secret=SECRET, may_trade=False)
    assert client.refused("POST", client.order, key="READKEY", **client.limit()) == (401, -2015)
    path = "/api/v3/account" if venue == SPOT else "/fapi/v3/balance"
    assert client.ask("GET", path, key="READKEY")[0] == 200


@BOTH
def test_an_ended_key_and_one_of_another_address_are_nobodys(venue):
    client = BinanceClient(venue)
    client.add_key("OLDKEY", secret=SECRET, expires_ns=client.now_ns)
    client.add_key("FARKEY", secret=SECRET, addresses=("198.51.100.7",))
    for key in ("OLDKEY", "FARKEY"):
        assert client.refused("GET", client.order, key=key, symbol=SYMBOL, orderId=1) == (401, -2015)


@BOTH
def test_what_a_key_may_do_is_told(venue):
    client = BinanceClient(venue)
    client.add_key("RICHKEY", secret=SECRET, may_withdraw=True)
    told = client.done("GET", "/sapi/v1/account/apiRestrictions")
    assert (told["enableWithdrawals"], told["enableSpotAndMarginTrading"]) == (False, True)
    assert client.done("GET", "/sapi/v1/account/apiRestrictions", key="RICHKEY")["enableWithdrawals"] is True


@BOTH
@pytest.mark.parametrize(
    ("changed", "code"),
    (
        ({"symbol": "NOSUCH"}, -1121),
        ({"symbol": ""}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "GUESS"}, -1116),
        ({"timeInForce": "GTD"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"quantity": "1e-3"}, -1100),
        ({"quantity": ""}, -1102),
        ({"price": "-1"}, -1100),
        ({"unheard": "of"}, -1104),
        ({"type": "MARKET"}, -1106),
        ({"newOrderRespType": "ALL"}, -1100),
    ),
)
def test_every_malformed_order_has_its_code(venue, changed, code):
    client = BinanceClient(venue)
    assert client.refused("POST", client.order, **client.limit(**changed)) == (400, code)
    assert not client.exchange.open_orders("700001")


@BOTH
def test_weights_are_counted_and_told(venue):
    client = BinanceClient(venue)
    reply = client.raw("GET", client.order, client.signed({"symbol": SYMBOL, "orderId": "1"}))
    assert reply.headers["X-MBX-USED-WEIGHT-1M"] == ("4" if venue == SPOT else "1")


def test_spot_charges_no_weight_for_what_succeeds():
    client = BinanceClient(SPOT)
    placed = client.raw("POST", client.order, client.signed(client.limit()))
    again = client.raw("POST", client.order, client.signed(client.limit()))
    assert (placed.status, again.status) == (200, 400)
    assert orjson.loads(client.raw("GET", "/api/v3/time").body)
    assert client.raw("GET", "/api/v3/time").headers["X-MBX-USED-WEIGHT-1M"] == "3"


def test_a_spent_address_is_refused_on_every_way_and_then_banned():
    client = BinanceClient(SPOT)
    for _ in range(75):
        assert client.ask("GET", "/api/v3/openOrders")[0] == 200
    reply = client.raw("GET", "/api/v3/openOrders", client.signed({}))
    assert (reply.status, orjson.loads(reply.body)["code"]) == (429, -1003)
    assert 1 <= int(reply.headers["Retry-After"]) <= 60
    statuses = {client.ask("GET", "/api/v3/openOrders")[0] for _ in range(11)}
    assert statuses == {429, 418}


@pytest.mark.parametrize(("venue", "limit", "long"), ((USDM, 300, "1M"), (SPOT, 100, "1D")))
def test_orders_are_counted_and_refused_above_the_limit_until_the_window_ends(venue, limit, long):
    client = BinanceClient(venue, quote="100000000")
    client.now_ns = (client.now_ns // (10 * NS_PER_S) + 1) * 10 * NS_PER_S
    for number in range(limit // 2):
        client.done("POST", client.order, **client.limit(newClientOrderId=f"a-{number}"))
        client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId=f"a-{number}")
    for number in range(limit - limit // 2):
        last = client.raw("POST", client.order, client.signed(client.limit(newClientOrderId=f"b-{number}")))
        client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId=f"b-{number}")
    assert (last.headers["X-MBX-ORDER-COUNT-10S"], last.headers[f"X-MBX-ORDER-COUNT-{long}"]) == (str(limit),) * 2
    reply = client.raw("POST", client.order, client.signed(client.limit()))
    assert (reply.status, orjson.loads(reply.body)["code"]) == (429, -1015)
    assert reply.headers["Retry-After"] == "10"
    client.now_ns += 10 * NS_PER_S
    client.done("POST", client.order, **client.limit())


def test_an_unknown_path_is_said_to_be_one():
    client = BinanceClient(SPOT)
    assert client.raw("POST", "/api/v3/time").status == 404
    assert client.raw("GET", "/api/v3/nothing").status == 404


def test_listen_keys_of_spot_are_gone():
    client = BinanceClient(SPOT)
    for method in ("POST", "PUT", "DELETE"):
        assert client.raw(method, "/api/v3/userDataStream", "listenKey=x").status == 410


def test_no_secret_is_shown_by_what_a_client_gets_back():
    client = BinanceClient(SPOT)
    replies = [
        client.raw("GET", client.order, "signature=abc"),
        client.raw("GET", client.order, client.signed({"symbol": SYMBOL}, "wrong"), key=KEY),
    ]
    for reply in replies:
        assert SECRET.encode() not in reply.body


@BOTH
def test_exchange_information_lists_what_is_taken_and_the_limits_that_hold(venue):
    client = BinanceClient(venue)
    information = orjson.loads(client.raw("GET", f"{client.order.rpartition('/')[0]}/exchangeInfo").body)
    (symbol,) = information["symbols"]
    for kind in symbol["orderTypes"]:
        words = client.limit(type=kind, newClientOrderId=f"mm-{kind}", timeInForce="GTC" if kind == "LIMIT" else None)
        if kind == "MARKET":
            del words["price"]
        client.done("POST", client.order, **words)
    stated = {(row["interval"], row["intervalNum"]): row["limit"] for row in information["rateLimits"]}
    counted = client.done("GET", f"{client.order.rpartition('/')[0]}/rateLimit/order")
    for row in counted:
        assert stated[row["interval"], row["intervalNum"]] == row["limit"]
