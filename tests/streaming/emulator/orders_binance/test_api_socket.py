"""The emulated WebSocket APIs: envelopes, signatures, sessions, subscriptions, rotation, and faults under way."""

import orjson
import pytest
from binance_client import KEY, LOGON_KEY, SPOT, SYMBOL, USDM, BinanceClient

PATHS = {USDM: "/ws-fapi/v1", SPOT: "/ws-api/v3"}
BOTH = pytest.mark.parametrize("venue", (USDM, SPOT))


def api(venue, **query):
    client = BinanceClient(venue)
    return client, client.open(PATHS[venue], **query)


@BOTH
def test_orders_are_placed_queried_and_cancelled_with_a_signature_each(venue):
    client, socket = api(venue)
    placed = socket.signed("order.place", **client.limit())
    assert (placed["id"], placed["status"], placed["result"]["clientOrderId"]) == ("r-1", 200, "mm-1")
    which = {"symbol": SYMBOL, "origClientOrderId": "mm-1"}
    assert socket.signed("order.status", **which)["result"]["status"] == "NEW"
    assert socket.signed("order.cancel", **which)["result"]["status"] == "CANCELED"
    gone = socket.signed("order.cancel", **which)
    assert (gone["status"], gone["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})


@BOTH
def test_an_answer_lists_the_limits_unless_it_is_asked_not_to(venue):
    client, socket = api(venue)
    kinds = [row["rateLimitType"] for row in socket.signed("order.place", **client.limit())["rateLimits"]]
    assert kinds == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]
    quiet = socket.signed("order.place", **client.limit(newClientOrderId="mm-2"), returnRateLimits=False)
    assert (quiet["status"], "rateLimits" in quiet) == (200, False)
    assert "rateLimits" not in client.open(PATHS[venue], returnRateLimits="false").send("time", {})


@BOTH
def test_a_wrong_signature_and_a_wrong_key_are_refused(venue):
    client, socket = api(venue)
    request = {"apiKey": KEY, "timestamp": client.now_ns // 10**6, **client.limit()}
    assert socket.send("order.place", {**request, "signature": "0" * 64})["error"]["code"] == -1022
    nobodys = {**request, "apiKey": "NOBODY", "signature": "0" * 64}
    answer = socket.send("order.place", nobodys)
    assert (answer["status"], answer["error"]["code"]) == (401, -2015)


@BOTH
@pytest.mark.parametrize(
    "data", (b"{", b"[]", b'"text"', b'{"id":[1],"method":"time"}', b'{"id":1,"method":"time","params":[]}{')
)
def test_what_is_no_request_is_answered_with_an_error(venue, data):
    client, socket = api(venue)
    socket.session.receive_text(data, client.now_ns)
    (answer,) = socket.hear()
    assert (answer["id"], answer["status"], answer["error"]["code"]) == (None, 400, -1135)


@BOTH
def test_an_unknown_method_is_refused(venue):
    assert api(venue)[1].send("order.dream", {})["error"]["code"] == -1102


@BOTH
def test_public_methods_answer_as_rest_does(venue):
    client, socket = api(venue)
    assert socket.send("ping", {})["result"] == {}
    assert socket.send("time", {})["result"]["serverTime"] == client.now_ns // 10**6
    book = socket.send("ticker.book", {"symbol": SYMBOL})["result"]
    assert float(book["bidPrice"]) == float(client.best()[0])
    assert socket.send("depth", {"symbol": "NOSUCH", "limit": 5})["error"]["code"] == -1121


@BOTH
def test_a_session_that_has_logged_on_needs_no_signature_until_it_logs_out(venue):
    client, socket = api(venue)
    bare = socket.stamped("order.place", **client.limit())
    assert bare["error"]["code"] == -2014
    told = socket.log_on()["result"]
    assert (told["apiKey"], told["authorizedSince"]) == (LOGON_KEY, client.now_ns // 10**6)
    assert socket.stamped("order.place", **client.limit())["status"] == 200
    assert socket.send("order.place", client.limit(newClientOrderId="b"))["error"]["code"] == -1102
    late = {**client.limit(newClientOrderId="b"), "timestamp": client.now_ns // 10**6 - 5_001}
    assert socket.send("order.place", late)["error"]["code"] == -1021
    assert socket.send("session.status", {})["result"]["apiKey"] == LOGON_KEY
    assert socket.send("session.logout", {})["result"]["apiKey"] is None
    assert socket.stamped("order.place", **client.limit(newClientOrderId="b"))["error"]["code"] == -2014


@BOTH
def test_a_session_of_another_connection_is_not_logged_on(venue):
    client, socket = api(venue)
    socket.log_on()
    assert client.open(PATHS[venue]).stamped("order.place", **client.limit())["error"]["code"] == -2014


@BOTH
def test_hmac_keys_cannot_log_on(venue):
    assert api(venue)[1].signed("session.logon")["error"]["code"] == -4056


def test_spot_subscribes_an_account_once_a_connection():
    client, socket = api(SPOT)
    assert socket.signed("userDataStream.subscribe.signature")["result"] == {"subscriptionId": 0}
    assert socket.signed("userDataStream.subscribe.signature")["error"]["code"] == -2035
    assert socket.send("session.subscriptions", {})["result"] == [{"subscriptionId": 0}]
    assert socket.send("userDataStream.unsubscribe", {"subscriptionId": 3})["error"]["code"] == -2036
    assert socket.send("userDataStream.unsubscribe", {"subscriptionId": 0})["result"] == {}
    socket.events()
    client.done("POST", client.order, **client.limit())
    assert socket.events() == []
    assert socket.signed("userDataStream.subscribe.signature")["result"] == {"subscriptionId": 1}


def test_a_logout_ends_the_sessions_own_subscription():
    client, socket = api(SPOT)
    assert socket.stamped("userDataStream.subscribe")["status"] == 400
    socket.log_on()
    assert socket.stamped("userDataStream.subscribe")["result"] == {"subscriptionId": 0}
    assert socket.send("session.logout", {})["result"]["userDataStream"] is False
    socket.events()
    client.done("POST", client.order, **client.limit())
    assert socket.events() == []


def test_events_come_before_and_after_answers():
    client, socket = api(SPOT)
    socket.signed("userDataStream.subscribe.signature")
    socket.events()
    orders = []
    for number in range(2):
        socket.signed("order.place", **client.limit(newClientOrderId=f"mm-{number}"))
        orders.append(["answer" if "id" in each else "event" for each in socket.told])
        socket.events()
    assert sorted(row[0] for row in orders) == ["answer", "event"]


def test_events_name_their_subscription():
    client, socket = api(SPOT)
    socket.signed("userDataStream.subscribe.signature")
    client.done("POST", client.order, **client.limit())
    told = [each for each in socket.hear() if "id" not in each]
    assert {each["subscriptionId"] for each in told} == {0}


def test_a_cancel_replace_that_half_fails_says_both_halves():
    client, socket = api(SPOT)
    words = client.limit(cancelReplaceMode="ALLOW_FAILURE", cancelOrderId=5)
    answer = socket.signed("order.cancelReplace", **words)
    assert (answer["status"], answer["error"]["code"]) == (409, -2021)
    assert answer["error"]["data"]["newOrderResult"] == "SUCCESS"


def test_usdm_serves_listen_keys_over_its_api_and_no_subscription():
    client, socket = api(USDM)
    listen_key = socket.send("userDataStream.start", {"apiKey": KEY})["result"]["listenKey"]
    assert socket.send("userDataStream.ping", {"apiKey": KEY})["result"]["listenKey"] == listen_key
    hearing = client.open("/private/ws", listenKey=listen_key)
    socket.signed("order.place", **client.limit())
    assert [row["e"] for row in hearing.events()] == ["ORDER_TRADE_UPDATE"]
    assert socket.send("userDataStream.stop", {"apiKey": KEY})["result"] == {}
    assert socket.signed("userDataStream.subscribe.signature")["error"]["code"] == -1102


def test_usdm_changes_orders_and_tells_balances_over_its_api():
    client, socket = api(USDM)
    socket.signed("order.place", **client.limit())
    changed = socket.signed(
        "order.modify",
        **client.limit(type=None, timeInForce=None, newClientOrderId=None, origClientOrderId="mm-1", quantity="0.02"),
    )
    assert changed["result"]["origQty"] == "0.020"
    assert socket.signed("v2/account.balance")["result"][0]["asset"] == "USDT"
    assert socket.signed("v2/account.position")["result"][0]["symbol"] == SYMBOL


@BOTH
def test_a_limited_address_is_told_when_to_come_again(venue):
    client, socket = api(venue)
    client.arm("refuse_rest", status=418, retry_after_s=30)
    answer = socket.signed("order.place", **client.limit())
    assert (answer["status"], answer["error"]["code"]) == (418, -1003)
    data = answer["error"]["data"]
    assert data["retryAfter"] - data["serverTime"] == 30_000


@BOTH
def test_a_connection_lives_a_day_and_spot_says_so_before(venue):
    client, socket = api(venue)
    for session in client.venue.sessions.values():
        session.rules = type(session.rules)(
            ping_every_ns=None,
            lifetime_ns=session.rules.lifetime_ns,
            shutdown_notice_ns=session.rules.shutdown_notice_ns,
        )
    day_ns = 24 * 3_600 * 10**9
    socket.session.handle_deadline(client.now_ns + day_ns - 9 * 10**9)
    notices = [each["event"]["e"] for each in socket.hear()]
    assert notices == (["serverShutdown"] if venue == SPOT else [])
    socket.session.handle_deadline(client.now_ns + day_ns)
    socket.hear()
    assert socket.is_closed


@BOTH
def test_the_server_pings_a_private_connection_and_closes_one_that_does_not_answer(venue):
    session = api(venue)[1].session
    session.handle_deadline(session.next_deadline_ns())
    session.handle_deadline(session.next_deadline_ns())
    assert session.ending is not None
    assert session.ending.value == "late_pong"


@BOTH
def test_a_handshake_costs_weight(venue):
    client = BinanceClient(venue)
    client.open(PATHS[venue])
    used = client.raw("GET", "/api/v3/ping" if venue == SPOT else "/fapi/v1/ping").headers["X-MBX-USED-WEIGHT-1M"]
    assert used == ("3" if venue == SPOT else "6")


@BOTH
def test_non_ascii_symbols_are_signed_as_they_are(venue):
    _, socket = api(venue)
    assert socket.signed("order.status", symbol="币安USDT", orderId=1)["error"]["code"] == -1121


def test_a_broken_answer_of_rest_is_an_internal_error_on_a_socket():
    client, socket = api(SPOT)
    client.arm("bad_reply", form="truncated")
    answer = socket.send("depth", {"symbol": SYMBOL, "limit": 5})
    assert answer["status"] == 500
    assert orjson.dumps(answer)


@BOTH
def test_connections_beyond_the_limit_are_refused_on_private_paths_too(venue):
    client = BinanceClient(venue)
    for _ in range(300):
        client.venue.open("/ws", {}, client.emulator.next_session_id(), client.now_ns)
    refused = client.venue.open(PATHS[venue], {}, client.emulator.next_session_id(), client.now_ns)
    assert (refused.status, refused.headers["Retry-After"]) == (429, "300")


def test_requests_that_were_done_are_counted_for_control():
    client = BinanceClient(SPOT)
    client.done("POST", client.order, **client.limit())
    client.ask("POST", client.order, **client.limit())
    assert client.emulator.status(client.now_ns)["venues"][SPOT]["rest"]["POST /api/v3/order"] == 1
