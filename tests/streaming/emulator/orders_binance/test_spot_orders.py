"""Orders of the emulated Binance spot over REST: forms, refusals, cancel-replace, amends, the account."""

import orjson
import pytest
from binance_client import SPOT, SYMBOL, BinanceClient

REPLACE, AMEND = "/api/v3/order/cancelReplace", "/api/v3/order/amend/keepPriority"


@pytest.fixture
def client():
    return BinanceClient(SPOT)


def replacing(client, **words):
    usual = {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "mm-1", "newClientOrderId": "mm-2"}
    return client.limit(**{**usual, **words})


def test_answers_come_in_three_lengths(client):
    ask = str(client.best()[1])
    answers = {
        kind: client.done(
            "POST",
            client.order,
            **client.limit(price=ask, timeInForce="IOC", newClientOrderId=f"mm-{kind}", newOrderRespType=kind),
        )
        for kind in ("ACK", "RESULT", "FULL")
    }
    assert "status" not in answers["ACK"]
    assert answers["RESULT"]["status"] == "FILLED"
    assert "fills" not in answers["RESULT"]
    (fill,) = answers["FULL"]["fills"]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00001000", "BTC")
    trades = client.done("GET", "/api/v3/myTrades", symbol=SYMBOL, orderId=answers["FULL"]["orderId"])
    assert [row["id"] for row in trades] == [fill["tradeId"]]


def test_limit_makers_are_acked_and_refused_where_they_would_take(client):
    maker = {"type": "LIMIT_MAKER", "timeInForce": None}
    assert "status" not in client.done("POST", client.order, **client.limit(**maker))
    status, error = client.ask(
        "POST", client.order, **client.limit(**maker, price=str(client.best()[1]), newClientOrderId="b")
    )
    assert (status, error) == (400, {"code": -2010, "msg": "Order would immediately match and take."})
    assert client.refused("POST", client.order, **client.limit(type="LIMIT_MAKER")) == (400, -1106)


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    (
        ({"price": "25000.005"}, -1013, "PRICE_FILTER"),
        ({"price": "25000.123456789"}, -1111, "'price'"),
        ({"quantity": "0.000015"}, -1013, "LOT_SIZE"),
        ({"quantity": "0.0000001"}, -1013, "LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "NOTIONAL"),
        ({"quantity": "100"}, -2010, "insufficient balance"),
        ({"quantity": "0"}, -1013, "quantity"),
        ({"price": "0"}, -1013, "price"),
        ({"newClientOrderId": "x" * 37}, -1100, "newClientOrderId"),
        ({"newClientOrderId": "a:b"}, -1100, "newClientOrderId"),
        ({"type": "STOP_LOSS"}, -2010, "Stop loss"),
        ({"icebergQty": "0.001"}, -2010, "Iceberg"),
        ({"quoteOrderQty": "100"}, -1106, "quoteOrderQty"),
    ),
)
def test_every_refusal_has_the_venues_code_and_words(client, changed, code, words):
    status, error = client.ask("POST", client.order, **client.limit(**changed))
    assert (status, error["code"]) == (400, code)
    assert words in error["msg"]
    assert client.done("GET", "/api/v3/openOrders", symbol=SYMBOL) == []


def test_a_duplicate_of_an_open_order_is_said_to_be_one(client):
    client.done("POST", client.order, **client.limit())
    status, error = client.ask("POST", client.order, **client.limit())
    assert (status, error) == (400, {"code": -2010, "msg": "Duplicate order sent."})


def test_what_ioc_and_fok_orders_leave_is_expired_with_its_reason(client):
    ask = str(client.best()[1])
    some = client.done("POST", client.order, **client.limit(price=ask, timeInForce="IOC", quantity="15"))
    assert (some["status"], some["expiryReason"]) == ("EXPIRED", "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert 0 < float(some["executedQty"]) < 15
    none = client.done("POST", client.order, **client.limit(price=ask, timeInForce="FOK", quantity="15"))
    assert (none["status"], none["expiryReason"]) == ("EXPIRED", "UNFILLED_FOK_ORDER_EXPIRED")
    assert none["executedQty"] == "0.00000000"


def test_a_market_order_may_say_what_it_spends(client):
    words = client.limit(type="MARKET", timeInForce=None, price=None, quantity=None, quoteOrderQty="1000")
    bought = client.done("POST", client.order, **words)
    assert bought["status"] in ("FILLED", "EXPIRED")
    assert 970 < float(bought["cummulativeQuoteQty"]) <= 1000


def test_a_cancel_has_an_id_of_its_own(client):
    client.done("POST", client.order, **client.limit())
    words = {"symbol": SYMBOL, "origClientOrderId": "mm-1", "newClientOrderId": "cxl-1"}
    gone = client.done("DELETE", client.order, **words)
    assert (gone["origClientOrderId"], gone["clientOrderId"], gone["status"]) == ("mm-1", "cxl-1", "CANCELED")
    assert client.refused("DELETE", client.order, **words) == (400, -2011)


def test_a_cancel_that_names_two_orders_or_another_state_does_nothing(client):
    number = client.done("POST", client.order, **client.limit())["orderId"]
    both = {"symbol": SYMBOL, "orderId": number, "origClientOrderId": "mm-9"}
    assert client.refused("DELETE", client.order, **both) == (400, -2039)
    partly = {"symbol": SYMBOL, "orderId": number, "cancelRestrictions": "ONLY_PARTIALLY_FILLED"}
    assert client.refused("DELETE", client.order, **partly) == (400, -2011)
    assert client.refused("DELETE", client.order, **{**partly, "cancelRestrictions": "ANY"}) == (400, -1145)
    client.done("DELETE", client.order, **{**partly, "cancelRestrictions": "ONLY_NEW"})


def test_all_orders_are_cancelled_at_once_and_none_is_an_error(client):
    for number in range(2):
        client.done("POST", client.order, **client.limit(newClientOrderId=f"mm-{number}"))
    gone = client.done("DELETE", "/api/v3/openOrders", symbol=SYMBOL)
    assert sorted(row["origClientOrderId"] for row in gone) == ["mm-0", "mm-1"]
    assert client.refused("DELETE", "/api/v3/openOrders", symbol=SYMBOL) == (400, -2011)


def test_a_cancel_replace_that_succeeds_says_both_halves(client):
    client.done("POST", client.order, **client.limit())
    both = client.done("POST", REPLACE, **replacing(client, newOrderRespType="ACK"))
    assert (both["cancelResult"], both["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert both["cancelResponse"]["origClientOrderId"] == "mm-1"
    assert both["newOrderResponse"]["clientOrderId"] == "mm-2"
    assert [row["clientOrderId"] for row in client.done("GET", "/api/v3/openOrders")] == ["mm-2"]


def test_a_cancel_that_fails_stops_the_replacement_and_still_counts(client):
    before = client.done("GET", "/api/v3/rateLimit/order")[0]["count"]
    status, error = client.ask("POST", REPLACE, **replacing(client))
    assert (status, error["code"]) == (400, -2022)
    assert error["data"]["cancelResult"] == "FAILURE"
    assert error["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    assert error["data"]["cancelResponse"] == {"code": -2011, "msg": "Unknown order sent."}
    assert error["data"]["newOrderResponse"] is None
    assert client.done("GET", "/api/v3/rateLimit/order")[0]["count"] == before + 1


def test_a_cancel_that_fails_may_be_allowed_to_and_exposure_doubles(client):
    status, error = client.ask("POST", REPLACE, **replacing(client, cancelReplaceMode="ALLOW_FAILURE"))
    assert (status, error["code"]) == (409, -2021)
    assert (error["data"]["cancelResult"], error["data"]["newOrderResult"]) == ("FAILURE", "SUCCESS")
    assert [row["clientOrderId"] for row in client.done("GET", "/api/v3/openOrders")] == ["mm-2"]


def test_a_replacement_that_the_engine_refuses_leaves_the_quote_gone(client):
    client.done("POST", client.order, **client.limit())
    taking = replacing(client, type="LIMIT_MAKER", timeInForce=None, price=str(client.best()[1]))
    status, error = client.ask("POST", REPLACE, **taking)
    assert (status, error["code"]) == (409, -2021)
    assert error["data"]["cancelResponse"]["status"] == "CANCELED"
    assert error["data"]["newOrderResponse"]["code"] == -2010
    assert client.done("GET", "/api/v3/openOrders") == []


def test_both_halves_may_fail(client):
    taking = replacing(client, type="LIMIT_MAKER", timeInForce=None, price=str(client.best()[1]))
    status, error = client.ask("POST", REPLACE, **{**taking, "cancelReplaceMode": "ALLOW_FAILURE"})
    assert (status, error["code"]) == (400, -2022)
    assert (error["data"]["cancelResult"], error["data"]["newOrderResult"]) == ("FAILURE", "FAILURE")


def test_filters_are_checked_before_anything_is_cancelled(client):
    client.done("POST", client.order, **client.limit())
    assert client.refused("POST", REPLACE, **replacing(client, quantity="0.000015")) == (400, -1013)
    assert [row["clientOrderId"] for row in client.done("GET", "/api/v3/openOrders")] == ["mm-1"]


@pytest.mark.parametrize(("mode", "code", "left"), (("DO_NOTHING", -1015, 1), ("CANCEL_ONLY", -2021, 0)))
def test_above_the_order_limit_a_replacement_does_nothing_or_cancels_alone(client, mode, code, left):
    client.now_ns = (client.now_ns // 10**10 + 1) * 10**10
    client.done("POST", client.order, **client.limit())
    for number in range(99):
        client.done("POST", client.order, **client.limit(newClientOrderId=f"b-{number}", timeInForce="GTC"))
    status, error = client.ask("POST", REPLACE, **replacing(client, orderRateLimitExceededMode=mode))
    assert (status, error["code"]) == (429, code)
    assert ("mm-1" in [row["clientOrderId"] for row in client.done("GET", "/api/v3/openOrders")]) is bool(left)
    if mode == "CANCEL_ONLY":
        assert error["data"]["newOrderResponse"]["code"] == -1015


def test_an_amend_that_keeps_priority_may_only_lessen(client):
    number = client.done("POST", client.order, **client.limit())["orderId"]
    words = {"symbol": SYMBOL, "orderId": number, "newClientOrderId": "mm-1"}
    amended = client.done("PUT", AMEND, **words, newQty="0.008")["amendedOrder"]
    assert (amended["qty"], amended["clientOrderId"], amended["origClientOrderId"]) == ("0.00800000", "mm-1", "mm-1")
    for size, text in (("0.009", "quantity increase"), ("0.008", "change no state")):
        status, error = client.ask("PUT", AMEND, **words, newQty=size)
        assert (status, error["code"]) == (400, -2038)
        assert text in error["msg"]


def test_an_amend_without_an_id_gives_the_order_a_new_one(client):
    client.done("POST", client.order, **client.limit())
    hearing = client.hearing()
    told = client.done("PUT", AMEND, symbol=SYMBOL, origClientOrderId="mm-1", newQty="0.008")
    order = told["amendedOrder"]
    assert order["origClientOrderId"] == "mm-1" != order["clientOrderId"]
    (report,) = [row for row in hearing.events("executionReport") if row["x"] == "REPLACED"]
    assert (report["c"], report["C"], report["q"]) == (order["clientOrderId"], "mm-1", "0.00800000")
    assert report["I"] == told["executionId"]
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId=order["clientOrderId"])


def test_an_order_is_amended_ten_times_at_most(client):
    number = client.done("POST", client.order, **client.limit(quantity="0.02"))["orderId"]
    for step in range(10):
        client.done("PUT", AMEND, symbol=SYMBOL, orderId=number, newQty=f"0.01{9 - step}")
    status, error = client.ask("PUT", AMEND, symbol=SYMBOL, orderId=number, newQty="0.009")
    assert (status, error["msg"]) == (400, "Filter failure: MAX_NUM_ORDER_AMENDS")


def test_balances_are_locked_paid_and_freed(client):
    def held():
        rows = client.done("GET", "/api/v3/account")["balances"]
        return {row["asset"]: (float(row["free"]), float(row["locked"])) for row in rows}

    price = float(client.limit()["price"])
    client.done("POST", client.order, **client.limit())
    assert held()["USDT"] == pytest.approx((1_000_000 - price * 0.01, price * 0.01))
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert held()["USDT"] == pytest.approx((1_000_000, 0))
    bought = client.done("POST", client.order, **client.limit(price=str(client.best()[1]), timeInForce="IOC"))
    assert held()["BTC"][0] == pytest.approx(20 + 0.01 * 0.999)
    assert held()["USDT"][0] == pytest.approx(1_000_000 - float(bought["cummulativeQuoteQty"]))


def test_a_first_fill_gives_the_order_back_to_the_count(client):
    client.done("POST", client.order, **client.limit(price=str(client.best()[1]), timeInForce="IOC"))
    client.done("POST", client.order, **client.limit(newClientOrderId="mm-2"))
    assert [row["count"] for row in client.done("GET", "/api/v3/rateLimit/order")] == [1, 1]


def test_a_test_order_tells_its_rates_and_does_nothing(client):
    assert client.done("POST", "/api/v3/order/test", **client.limit()) == {}
    rates = client.done("POST", "/api/v3/order/test", **client.limit(), computeCommissionRates="true")
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert client.done("GET", "/api/v3/allOrders", symbol=SYMBOL) == []


def test_the_account_says_whose_it_is_and_what_it_pays(client):
    account = client.done("GET", "/api/v3/account", omitZeroBalances="true")
    assert (account["uid"], account["canWithdraw"], account["makerCommission"]) == (700001, False, 10)
    rates = client.done("GET", "/api/v3/account/commission", symbol=SYMBOL)
    assert rates["standardCommission"]["taker"] == "0.00100000"


def test_prices_are_told_beside_the_book(client):
    client.play(30)
    price = orjson.loads(client.raw("GET", "/api/v3/ticker/price", f"symbol={SYMBOL}").body)
    mean = orjson.loads(client.raw("GET", "/api/v3/avgPrice", f"symbol={SYMBOL}").body)
    bid, ask = client.best()
    assert float(price["price"]) == pytest.approx(float(bid), rel=0.02)
    assert float(mean["price"]) == pytest.approx(float(ask), rel=0.02)
    assert mean["mins"] == 5
