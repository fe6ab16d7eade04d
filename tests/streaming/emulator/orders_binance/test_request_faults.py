"""Faults of requests at the edge: what the client is told, and what in fact became of its order."""

from decimal import Decimal

import orjson
import pytest
from binance_client import ACCOUNT, SPOT, SYMBOL, USDM, BinanceClient

BOTH = pytest.mark.parametrize("venue", (USDM, SPOT))
PATHS = {USDM: "/ws-fapi/v1", SPOT: "/ws-api/v3"}
UNKNOWN = {USDM: (503, -1000), SPOT: (503, -1007)}


@BOTH
@pytest.mark.parametrize(("kind", "orders"), (("order_unknown_done", 1), ("order_unknown_lost", 0)))
def test_an_unknown_outcome_is_one_order_or_none(venue, kind, orders):
    client = BinanceClient(venue)
    client.arm(kind, request="place")
    assert client.refused("POST", client.order, **client.limit()) == UNKNOWN[venue]
    assert len(client.exchange.open_orders(ACCOUNT)) == orders
    status, document = client.ask("GET", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert (status == 200) is bool(orders), document


@BOTH
@pytest.mark.parametrize(("kind", "orders"), (("order_cut_done", 1), ("order_cut_lost", 0)))
def test_a_cut_connection_gives_no_answer_whatever_was_done(venue, kind, orders):
    client = BinanceClient(venue)
    client.arm(kind, request="place", count=2)
    assert client.raw("POST", client.order, client.signed(client.limit())).status == 0
    assert len(client.exchange.open_orders(ACCOUNT)) == orders
    socket = client.open(PATHS[venue])
    assert socket.signed("order.place", **client.limit(newClientOrderId="mm-2")) is None
    assert socket.session.is_cut
    assert len(client.exchange.open_orders(ACCOUNT)) == 2 * orders


@BOTH
def test_an_order_done_unknown_is_told_on_the_stream_all_the_same(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.arm("order_unknown_done", request="place")
    client.ask("POST", client.order, **client.limit())
    assert hearing.events()


@BOTH
@pytest.mark.parametrize("status", (429, 418))
def test_a_refused_order_says_when_to_come_again_and_is_not_done(venue, status):
    client = BinanceClient(venue)
    client.arm("order_refused", status=status, retry_after_s=7)
    reply = client.raw("POST", client.order, client.signed(client.limit()))
    assert (reply.status, reply.headers["Retry-After"], orjson.loads(reply.body)["code"]) == (status, "7", -1003)
    assert client.exchange.open_orders(ACCOUNT) == []


@BOTH
def test_a_cancel_of_unknown_outcome_has_cancelled_or_not(venue):
    client = BinanceClient(venue)
    for kind, left in (("order_unknown_lost", 1), ("order_unknown_done", 0)):
        client.ask("POST", client.order, **client.limit())
        client.arm(kind, request="cancel")
        which = {"symbol": SYMBOL, "origClientOrderId": "mm-1"}
        assert client.refused("DELETE", client.order, **which) == UNKNOWN[venue]
        assert len(client.exchange.open_orders(ACCOUNT)) == left


@BOTH
def test_a_hidden_order_is_unknown_to_queries_for_a_while(venue):
    client = BinanceClient(venue)
    client.arm("order_hidden", duration_ms=2_000)
    client.done("POST", client.order, **client.limit())
    which = {"symbol": SYMBOL, "origClientOrderId": "mm-1"}
    assert client.refused("GET", client.order, **which) == (400, -2013)
    client.play(2.5)
    client.done("GET", client.order, **which)


@BOTH
def test_a_cancel_that_comes_too_late_is_of_an_unknown_order_and_the_fill_follows(venue):
    client = BinanceClient(venue)
    hearing = client.hearing()
    client.done("POST", client.order, **client.limit())
    hearing.events()
    client.arm("cancel_races_fill", duration_ms=500)
    which = {"symbol": SYMBOL, "origClientOrderId": "mm-1"}
    assert client.refused("DELETE", client.order, **which) == (400, -2011)
    assert hearing.orders() == []
    client.play(1)
    assert [row["X"] for row in hearing.orders()] == ["FILLED"]


@BOTH
def test_a_refused_amend_leaves_the_order_as_it_was(venue):
    client = BinanceClient(venue)
    client.done("POST", client.order, **client.limit())
    client.arm("amend_refused")
    if venue == SPOT:
        words = {"symbol": SYMBOL, "origClientOrderId": "mm-1", "newQty": "0.008"}
        assert client.refused("PUT", "/api/v3/order/amend/keepPriority", **words) == (400, -2038)
    else:
        words = {"symbol": SYMBOL, "origClientOrderId": "mm-1", "side": "BUY", "quantity": "0.02"}
        assert client.refused("PUT", client.order, **words, price=client.far_bid()) == (400, -5024)
    (order,) = client.exchange.open_orders(ACCOUNT)
    assert order.size == Decimal("0.01")


@BOTH
@pytest.mark.parametrize("form", ("html", "empty", "truncated"))
def test_a_broken_reply_to_an_order_has_placed_it(venue, form):
    client = BinanceClient(venue)
    client.arm("bad_reply", form=form)
    reply = client.raw("POST", client.order, client.signed(client.limit()))
    assert reply.status == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.body)
    assert len(client.exchange.open_orders(ACCOUNT)) == 1
