"""Orders of the emulated USD-M over REST: forms, refusals, changes, batches, the countdown, the account."""

import orjson
import pytest
from binance_client import SYMBOL, USDM, BinanceClient

BATCH = "/fapi/v1/batchOrders"


@pytest.fixture
def client():
    return BinanceClient(USDM)


def test_an_answer_has_neither_average_price_nor_quote_volume_and_a_query_has_both(client):
    placed = client.done("POST", client.order, **client.limit())
    assert placed["status"] == "NEW"
    assert not {"avgPrice", "cumQuote"} & placed.keys()
    queried = client.done("GET", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    assert {"avgPrice", "cumQuote", "time"} <= queried.keys()
    assert queried["orderId"] == placed["orderId"] > 2**33


def test_an_ack_says_nothing_of_what_the_order_met_and_a_result_does(client):
    ask = str(client.best()[1])
    words = {"price": ask, "timeInForce": "IOC"}
    acked = client.done("POST", client.order, **client.limit(**words))
    assert (acked["status"], acked["executedQty"]) == ("NEW", "0.000")
    told = client.done(
        "POST", client.order, **client.limit(**words, newClientOrderId="mm-2", newOrderRespType="RESULT")
    )
    assert (told["status"], told["executedQty"]) == ("FILLED", "0.010")


@pytest.mark.parametrize(
    ("changed", "code"),
    (
        ({"price": "25000.15"}, -4014),
        ({"price": "25000.155"}, -1111),
        ({"quantity": "0.0105"}, -1111),
        ({"quantity": "0.001"}, -4164),
        ({"quantity": "1001"}, -4005),
        ({"quantity": "0"}, -4003),
        ({"price": "0"}, -4001),
        ({"price": "40000.0"}, -4016),
        ({"price": "500.0"}, -4013),
        ({"side": "SELL", "price": "5000000.0"}, -4002),
        ({"side": "SELL", "price": "10000.0"}, -4024),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "bad id"}, -4015),
        ({"type": "STOP_MARKET"}, -4120),
        ({"positionSide": "LONG"}, -4061),
        ({"reduceOnly": "true"}, -2022),
        ({"quantity": "900"}, -2019),
    ),
)
def test_every_refusal_has_the_venues_code_and_leaves_nothing(client, changed, code):
    assert client.refused("POST", client.order, **client.limit(**changed)) == (400, code)
    assert client.done("GET", "/fapi/v1/openOrders", symbol=SYMBOL) == []


def test_a_post_only_order_that_would_take_and_a_fok_that_cannot_fill_are_refused(client):
    ask = str(client.best()[1])
    assert client.refused("POST", client.order, **client.limit(price=ask, timeInForce="GTX")) == (400, -5022)
    unfillable = client.limit(price=ask, timeInForce="FOK", quantity="300")
    assert client.refused("POST", client.order, **unfillable) in ((400, -5021), (400, -2019))
    assert client.done("GET", "/fapi/v1/allOrders", symbol=SYMBOL) == []


def test_a_client_id_is_taken_among_open_orders_alone(client):
    client.done("POST", client.order, **client.limit())
    assert client.refused("POST", client.order, **client.limit()) == (400, -4116)
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
    client.done("POST", client.order, **client.limit())


def test_a_cancel_of_what_is_not_open_is_of_an_unknown_order(client):
    assert client.refused("DELETE", client.order, symbol=SYMBOL, orderId=1) == (400, -2011)
    assert client.refused("DELETE", client.order, symbol=SYMBOL) == (400, -1102)
    assert client.refused("GET", client.order, symbol=SYMBOL, orderId=1) == (400, -2013)


def test_a_change_gives_new_totals_and_keeps_both_ids(client):
    placed = client.done("POST", client.order, **client.limit())
    price = str(client.best()[0] - 50)
    words = {"symbol": SYMBOL, "side": "BUY", "origClientOrderId": "mm-1", "quantity": "0.02", "price": price}
    changed = client.done("PUT", client.order, **words)
    assert (changed["orderId"], changed["clientOrderId"]) == (placed["orderId"], "mm-1")
    assert (changed["origQty"], changed["price"]) == ("0.020", f"{float(price):.2f}")
    assert client.refused("PUT", client.order, **words) == (400, -5027)
    assert client.refused("PUT", client.order, **{**words, "side": "SELL"}) == (400, -1117)
    assert client.refused("PUT", client.order, **{**words, "origClientOrderId": "mm-9"}) == (400, -2013)


def test_a_post_only_order_that_would_take_at_its_new_price_ends(client):
    client.done("POST", client.order, **client.limit(timeInForce="GTX"))
    words = {"symbol": SYMBOL, "side": "BUY", "origClientOrderId": "mm-1", "quantity": "0.01"}
    client.ask("PUT", client.order, **words, price=str(client.best()[1]))
    assert client.done("GET", "/fapi/v1/openOrders", symbol=SYMBOL) == []


def test_a_batch_answers_each_order_in_its_place(client):
    orders = [client.limit(), client.limit(quantity="0.001", newClientOrderId="mm-2")]
    made = client.done("POST", BATCH, batchOrders=orjson.dumps(orders).decode())
    assert (made[0]["status"], made[1]["code"]) == ("NEW", -4164)
    change = {
        "symbol": SYMBOL,
        "side": "BUY",
        "origClientOrderId": "mm-1",
        "quantity": "0.03",
        "price": orders[0]["price"],
    }
    assert client.done("PUT", BATCH, batchOrders=orjson.dumps([change]).decode())[0]["origQty"] == "0.030"
    gone = client.done("DELETE", BATCH, symbol=SYMBOL, origClientOrderIdList='["mm-1","mm-7"]')
    assert (gone[0]["status"], gone[1]["code"]) == ("CANCELED", -2011)
    six = orjson.dumps(orders * 3).decode()
    assert client.refused("POST", BATCH, batchOrders=six) == (400, -4082)
    assert client.refused("POST", BATCH, batchOrders="{}") == (400, -1130)


def test_all_orders_of_a_symbol_are_cancelled_at_once(client):
    for number in range(3):
        client.done("POST", client.order, **client.limit(newClientOrderId=f"mm-{number}"))
    assert client.done("DELETE", "/fapi/v1/allOpenOrders", symbol=SYMBOL)["code"] == 200
    assert client.done("GET", "/fapi/v1/openOrders") == []


def test_the_countdown_cancels_unless_it_is_renewed(client):
    client.done("POST", client.order, **client.limit())
    told = client.done("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=2_000)
    assert told == {"symbol": SYMBOL, "countdownTime": "2000"}
    client.play(1.5)
    client.done("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=2_000)
    client.play(1.5)
    assert len(client.done("GET", "/fapi/v1/openOrders")) == 1
    hearing = client.listen()
    client.play(0.6)
    assert client.done("GET", "/fapi/v1/openOrders") == []
    assert [row["o"]["X"] for row in hearing.events("ORDER_TRADE_UPDATE")] == ["CANCELED"]


def test_a_countdown_of_none_disarms(client):
    client.done("POST", client.order, **client.limit())
    client.done("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=500)
    client.done("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=0)
    client.play(1)
    assert len(client.done("GET", "/fapi/v1/openOrders")) == 1


def test_a_fill_is_in_trades_positions_balance_and_income_alike(client):
    client.done("POST", client.order, **client.limit(type="MARKET", timeInForce=None, price=None))
    trades = client.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
    (position,) = client.done("GET", "/fapi/v3/positionRisk", symbol=SYMBOL)
    (balance,) = client.done("GET", "/fapi/v3/balance")
    income = client.done("GET", "/fapi/v1/income", incomeType="COMMISSION")
    assert sum(float(row["qty"]) for row in trades) == pytest.approx(float(position["positionAmt"]))
    paid = sum(float(row["commission"]) for row in trades)
    assert float(balance["balance"]) == pytest.approx(1_000_000 - paid)
    assert sum(float(row["income"]) for row in income) == pytest.approx(-paid)
    account = client.done("GET", "/fapi/v3/account")
    assert account["positions"][0]["positionAmt"] == position["positionAmt"]
    assert account["totalWalletBalance"] == balance["balance"]


def test_trades_are_listed_from_an_id_on_and_the_last_ones_without(client):
    for number in range(3):
        words = client.limit(price=str(client.best()[1]), timeInForce="IOC", newClientOrderId=f"mm-{number}")
        client.done("POST", client.order, **words)
    ids = [row["id"] for row in client.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)]
    assert ids == sorted(ids)
    last = client.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL, limit=1)
    first = client.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL, fromId=ids[0], limit=1)
    assert ([row["id"] for row in last], [row["id"] for row in first]) == (ids[-1:], ids[:1])


def test_flat_symbols_without_orders_have_no_position_row(client):
    assert client.done("GET", "/fapi/v3/positionRisk") == []
    client.done("POST", client.order, **client.limit())
    assert [row["positionAmt"] for row in client.done("GET", "/fapi/v3/positionRisk")] == ["0.000"]


def test_settings_of_the_account_are_told_and_what_is_not_served_is_refused(client):
    assert client.done("GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": False}
    assert client.refused("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false") == (400, -4059)
    assert client.refused("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true") == (400, -4084)
    assert client.done("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=20)["leverage"] == 20
    assert client.refused("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=200) == (400, -4028)
    assert client.refused("POST", "/fapi/v1/marginType", symbol=SYMBOL, marginType="CROSSED") == (400, -4046)
    assert client.done("GET", "/fapi/v1/commissionRate", symbol=SYMBOL)["takerCommissionRate"] == "0.001000"
    assert [row["count"] for row in client.done("GET", "/fapi/v1/rateLimit/order")] == [0, 0]


def test_a_test_order_is_checked_and_not_placed(client):
    assert client.done("POST", "/fapi/v1/order/test", **client.limit())["orderId"] == 0
    assert client.refused("POST", "/fapi/v1/order/test", **client.limit(quantity="0.001")) == (400, -4164)
    assert client.done("GET", "/fapi/v1/allOrders", symbol=SYMBOL) == []


def test_a_halted_symbol_takes_cancels_alone_and_exchange_information_says_so(client):
    client.done("POST", client.order, **client.limit())
    client.arm("listing_halted", symbol=SYMBOL, duration_ms=5_000)
    assert client.refused("POST", client.order, **client.limit(newClientOrderId="mm-2")) == (400, -4140)
    information = orjson.loads(client.raw("GET", "/fapi/v1/exchangeInfo").body)
    assert information["symbols"][0]["status"] == "SETTLING"
    client.done("DELETE", client.order, symbol=SYMBOL, origClientOrderId="mm-1")
