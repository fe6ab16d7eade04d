"""What accounts are told of what happened to them: fields, order, listen keys, subscriptions, and faults of streams."""

import orjson
import pytest
from binance_client import SPOT, SYMBOL, USDM, BinanceClient

HOUR_S = 3_600
LISTEN = "/fapi/v1/listenKey"


def taking(client, **words):
    return client.limit(**{"price": str(client.best()[1]), "timeInForce": "IOC", **words})


@pytest.fixture
def usdm():
    return BinanceClient(USDM)


@pytest.fixture
def spot():
    return BinanceClient(SPOT)


def test_a_fill_of_usdm_is_told_lite_first_then_in_full_then_by_the_wallet(usdm):
    hearing = usdm.listen()
    usdm.done("POST", usdm.order, **taking(usdm))
    events = hearing.events()
    assert [row["e"] for row in events] == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
    new, lite, full = events[0]["o"], events[1], events[2]["o"]
    assert (new["x"], new["t"], "n" in new, "N" in new) == ("NEW", 0, False, False)
    assert (full["x"], full["X"], full["z"], full["t"]) == ("TRADE", "FILLED", "0.010", lite["t"])
    assert (lite["c"], lite["l"], lite["L"]) == (full["c"], full["l"], full["L"])
    (trade,) = usdm.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
    assert (trade["id"], trade["commission"]) == (full["t"], full["n"])
    (wallet,), (position,) = events[3]["a"]["B"], events[3]["a"]["P"]
    assert wallet["wb"] == usdm.done("GET", "/fapi/v3/balance")[0]["balance"]
    assert (position["s"], position["pa"]) == (SYMBOL, "0.010")


def test_unfilled_orders_of_usdm_move_no_wallet(usdm):
    hearing = usdm.listen()
    usdm.done("POST", usdm.order, **usdm.limit())
    usdm.done("DELETE", usdm.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert [row["o"]["x"] for row in hearing.events("ORDER_TRADE_UPDATE")] == ["NEW", "CANCELED"]
    assert hearing.events("ACCOUNT_UPDATE") == []


def test_a_change_is_told_as_an_amendment_with_its_id(usdm):
    usdm.done("POST", usdm.order, **usdm.limit())
    hearing = usdm.listen()
    words = {"symbol": SYMBOL, "side": "BUY", "origClientOrderId": "mm-1", "quantity": "0.02", "modifyId": "m-7"}
    usdm.done("PUT", usdm.order, **words, price=usdm.far_bid())
    (event,) = hearing.events("ORDER_TRADE_UPDATE")
    assert (event["o"]["x"], event["o"]["X"], event["o"]["q"], event["o"]["M"]) == ("AMENDMENT", "NEW", "0.020", "m-7")


def test_what_an_ioc_order_of_usdm_leaves_expires_with_its_reason(usdm):
    hearing = usdm.listen()
    usdm.done("POST", usdm.order, **taking(usdm, quantity="100"))
    last = hearing.events("ORDER_TRADE_UPDATE")[-1]["o"]
    assert (last["x"], last["X"], last["er"]) == ("EXPIRED", "EXPIRED", "2")


def test_a_listen_key_is_shared_prolonged_and_told_when_it_ends(usdm):
    first = orjson.loads(usdm.raw("POST", LISTEN).body)["listenKey"]
    assert len(first) == 64
    hearing = usdm.open("/private/ws", listenKey=first)
    usdm.now_ns += 50 * 60 * 10**9
    assert orjson.loads(usdm.raw("POST", LISTEN).body)["listenKey"] == first
    usdm.now_ns += 50 * 60 * 10**9
    usdm.front.push(usdm.now_ns)
    assert hearing.events() == []
    usdm.now_ns += 11 * 60 * 10**9
    usdm.front.push(usdm.now_ns)
    (event,) = hearing.events()
    assert (event["e"], event["listenKey"]) == ("listenKeyExpired", first)
    assert orjson.loads(usdm.raw("PUT", LISTEN).body)["code"] == -1125
    assert orjson.loads(usdm.raw("POST", LISTEN).body)["listenKey"] != first
    usdm.done("POST", usdm.order, **usdm.limit())
    assert hearing.events() == []


def test_a_listen_key_that_one_ends_is_ended_for_all(usdm):
    one, other = usdm.listen(), usdm.listen()
    assert usdm.raw("DELETE", LISTEN).body == b"{}"
    usdm.done("POST", usdm.order, **usdm.limit())
    for hearing in (one, other):
        assert [row["e"] for row in hearing.events()] == ["listenKeyExpired"]


def test_a_client_hears_only_the_events_it_names(usdm):
    hearing = usdm.listen(events="ORDER_TRADE_UPDATE/listenKeyExpired")
    usdm.done("POST", usdm.order, **taking(usdm))
    assert {row["e"] for row in hearing.events()} == {"ORDER_TRADE_UPDATE"}


def test_a_listen_key_may_stand_in_the_path_in_a_combined_stream_and_be_subscribed(usdm):
    listen_key = orjson.loads(usdm.raw("POST", LISTEN).body)["listenKey"]
    in_path, combined = usdm.open(f"/private/ws/{listen_key}"), usdm.open("/private/stream", listenKey=listen_key)
    subscribed, nobodys = usdm.open("/private/ws"), usdm.open("/private/ws", listenKey="x" * 64)
    assert subscribed.send("SUBSCRIBE", [listen_key])["result"] is None
    subscribed.events()
    usdm.done("POST", usdm.order, **usdm.limit())
    assert combined.hear()[0]["stream"] == listen_key
    for hearing in (in_path, combined, subscribed):
        assert [row["e"] for row in hearing.events()] == ["ORDER_TRADE_UPDATE"]
    assert nobodys.events() == []
    subscribed.send("UNSUBSCRIBE", [listen_key])
    subscribed.events()
    usdm.done("DELETE", usdm.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert (len(subscribed.events()), len(in_path.events())) == (0, 1)


def test_spot_tells_reports_and_balances(spot):
    hearing = spot.hearing()
    spot.done("POST", spot.order, **taking(spot))
    events = hearing.events()
    assert {row["e"] for row in events} == {"executionReport", "outboundAccountPosition"}
    new, fill = (row for row in events if row["e"] == "executionReport")
    assert (new["x"], new["t"], new["N"], new["C"]) == ("NEW", -1, None, "")
    assert (fill["x"], fill["X"], fill["N"], fill["n"]) == ("TRADE", "FILLED", "BTC", "0.00001000")
    (trade,) = spot.done("GET", "/api/v3/myTrades", symbol=SYMBOL)
    assert (trade["id"], trade["commission"]) == (fill["t"], fill["n"])
    told = {row["a"]: row["f"] for row in events[-1]["B"]}
    held = {row["asset"]: row["free"] for row in spot.done("GET", "/api/v3/account")["balances"]}
    assert told == held


def test_a_cancel_of_spot_swaps_the_ids(spot):
    spot.done("POST", spot.order, **spot.limit())
    hearing = spot.hearing()
    spot.done("DELETE", spot.order, symbol=SYMBOL, origClientOrderId="mm-1", newClientOrderId="cxl-1")
    (report,) = hearing.events("executionReport")
    assert (report["x"], report["c"], report["C"]) == ("CANCELED", "cxl-1", "mm-1")


def test_spot_says_why_an_order_expired(spot):
    hearing = spot.hearing()
    spot.done("POST", spot.order, **taking(spot, quantity="15"))
    last = hearing.events("executionReport")[-1]
    assert (last["x"], last["X"], last["eR"]) == ("EXPIRED", "EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")


@pytest.mark.parametrize("venue", (USDM, SPOT))
def test_resting_orders_fill_as_the_market_comes_to_them(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.done("POST", client.order, **client.limit(price=str(client.best()[0])))
    for _ in range(600):
        client.play(1)
        rows = hearing.orders()
        if any(row["X"] == "FILLED" for row in rows):
            break
    else:
        pytest.fail("the order did not fill in ten minutes of market")
    assert all(row["m"] for row in rows if row["x"] == "TRADE")


@pytest.mark.parametrize("venue", (USDM, SPOT))
def test_an_event_told_twice_is_the_same_event(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.arm("stream_repeated", count=1)
    client.done("POST", client.order, **client.limit())
    kind = "executionReport" if venue == SPOT else "ORDER_TRADE_UPDATE"
    first, again = hearing.events(kind)
    assert first == again


@pytest.mark.parametrize(("venue", "word"), ((USDM, "listenKeyExpired"), (SPOT, "eventStreamTerminated")))
def test_a_stream_that_a_fault_ends_says_so_and_nothing_after(venue, word):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.arm("stream_expired")
    client.done("POST", client.order, **client.limit())
    assert [row["e"] for row in hearing.events()] == [word]
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert hearing.events() == []
    again = client.hearing() if venue == USDM else hearing
    if venue == SPOT:
        assert again.signed("userDataStream.subscribe.signature")["result"] == {"subscriptionId": 1}
    client.done("POST", client.order, **client.limit())
    assert again.events()


@pytest.mark.parametrize("venue", (USDM, SPOT))
def test_a_stalled_connection_says_nothing_and_loses_what_came_meanwhile(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.arm("stall", duration_ms=2_000)
    client.play(0.1)
    client.done("POST", client.order, **client.limit())
    assert hearing.events() == []
    client.play(3)
    assert hearing.events() == []
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert hearing.events()


@pytest.mark.parametrize("venue", (USDM, SPOT))
def test_private_connections_are_cut_by_the_fault_that_cuts(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.arm("disconnect")
    client.play(0.1)
    assert hearing.session.is_cut


def test_silent_events_never_come_though_the_socket_lives(usdm):
    hearing = usdm.listen()
    usdm.arm("stream_silent", duration_ms=1_000)
    usdm.done("POST", usdm.order, **usdm.limit())
    usdm.play(1.5)
    assert hearing.events() == []
    usdm.done("DELETE", usdm.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert [row["o"]["x"] for row in hearing.events()] == ["CANCELED"]


def test_a_connection_that_is_gone_is_told_nothing(usdm):
    hearing = usdm.listen()
    usdm.venue.close(hearing.session, usdm.now_ns)
    usdm.done("POST", usdm.order, **usdm.limit())
    assert hearing.events() == []


def test_a_subscribed_listen_key_is_not_shown_by_control(usdm):
    listen_key = orjson.loads(usdm.raw("POST", LISTEN).body)["listenKey"]
    usdm.open("/private/ws").send("SUBSCRIBE", [listen_key, "btcusdt@depth"])
    rows = usdm.emulator.connection_rows()
    assert rows[0]["streams"] == ["(listen key)", "btcusdt@depth"]
