from decimal import Decimal

import orjson
import pytest
from bybit_account import MS, SYMBOL, BybitAccount, S, told

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.faults import Fault, FaultKind

CREATE, AMEND, CANCEL = "order/create", "order/amend", "order/cancel"


@pytest.fixture
def bybit() -> BybitAccount:
    return BybitAccount()


def placed(bybit: BybitAccount, **more: object) -> str:
    """Place a passive order and return its id."""
    found = bybit.post(CREATE, **bybit.limit(bybit.passive(), **more))
    assert found["retCode"] == 0, found
    return found["result"]["orderId"]


def arm(bybit: BybitAccount, kind: FaultKind, **more: object) -> None:
    bybit.emulator.arm(Fault(kind=kind, venue="bybit_spot", **more), bybit.now_ns)


def test_an_order_is_taken_listed_changed_and_cancelled(bybit: BybitAccount) -> None:
    order_id = placed(bybit, orderLinkId="mm-1", timeInForce="PostOnly")
    assert len(order_id) == 19
    [row] = bybit.rows("order/realtime", symbol=SYMBOL)
    assert (row["orderId"], row["orderLinkId"], row["orderStatus"]) == (order_id, "mm-1", "New")
    assert (row["leavesQty"], row["avgPrice"], row["cancelType"], row["timeInForce"]) == (
        "0.01",
        "",
        "UNKNOWN",
        "PostOnly",
    )
    assert bybit.post(AMEND, symbol=SYMBOL, orderLinkId="mm-1", qty="0.008")["result"]["orderId"] == order_id
    assert bybit.rows("order/realtime", orderLinkId="mm-1")[0]["qty"] == "0.008"
    assert bybit.post(CANCEL, symbol=SYMBOL, orderId=order_id)["retCode"] == 0
    assert bybit.rows("order/realtime", symbol=SYMBOL) == []
    [row] = bybit.rows("order/realtime", symbol=SYMBOL, openOnly="1")
    assert (row["orderStatus"], row["cancelType"], row["rejectReason"]) == (
        "Cancelled",
        "CancelByUser",
        "EC_PerCancelRequest",
    )
    assert [row["orderId"] for row in bybit.rows("order/history", symbol=SYMBOL)] == [order_id]


def test_a_market_buy_spends_quote_by_default_and_pays_its_fee_in_base(bybit: BybitAccount) -> None:
    found = bybit.post(CREATE, symbol=SYMBOL, side="Buy", orderType="Market", qty="1000")
    [row] = bybit.rows("order/realtime", orderId=found["result"]["orderId"])
    fills = bybit.rows("execution/list", orderId=row["orderId"])
    assert row["orderStatus"] in ("Filled", "PartiallyFilledCanceled")
    assert Decimal(950) < Decimal(row["cumExecValue"]) <= Decimal(1000)
    assert sum(Decimal(fill["execQty"]) for fill in fills) == Decimal(row["cumExecQty"])
    assert {(fill["feeCurrency"], fill["isMaker"], fill["feeRate"]) for fill in fills} == {("BTC", False, "0.001")}
    assert row["cumFeeDetail"] == {"BTC": row["cumExecFee"]}
    assert Decimal(row["cumExecFee"]) == sum(Decimal(fill["execFee"]) for fill in fills)


def test_the_wallet_moves_with_orders_and_fills(bybit: BybitAccount) -> None:
    def coins() -> dict[str, tuple[Decimal, Decimal]]:
        [account] = bybit.get("account/wallet-balance", accountType="UNIFIED")["result"]["list"]
        return {row["coin"]: (Decimal(row["walletBalance"]), Decimal(row["locked"])) for row in account["coin"]}

    price = bybit.passive()
    placed(bybit)
    assert coins()["USDT"] == (Decimal(100_000), price * Decimal("0.01"))
    bybit.post("order/cancel-all")
    sold = bybit.post(CREATE, symbol=SYMBOL, side="Sell", orderType="Market", qty="0.01")["result"]["orderId"]
    fills = bybit.rows("execution/list", orderId=sold)
    got = sum(Decimal(fill["execValue"]) - Decimal(fill["execFee"]) for fill in fills)
    assert coins() == {"BTC": (Decimal("1.99"), Decimal(0)), "USDT": (Decimal(100_000) + got, Decimal(0))}


def test_the_rates_of_an_account_are_told_and_a_rebate_is_negative(bybit: BybitAccount) -> None:
    bybit.exchange.set_fees(bybit.account, SYMBOL, FeeRates(maker=Decimal("-0.0001"), taker=Decimal("0.001")))
    row = bybit.rows("account/fee-rate", symbol=SYMBOL)[0]
    assert (row["makerFeeRate"], row["takerFeeRate"]) == ("-0.0001", "0.001")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"symbol": "NOPEUSDT"}, 170121),
        ({"qty": "0.000011"}, 170140),
        ({"qty": "0.0100001"}, 170137),
        ({"qty": "5"}, 170131),
        ({"qty": 0.01}, 10001),
        ({"price": "0.001"}, 170134),
        ({"side": "Long"}, 10001),
        ({"orderType": "Iceberg"}, 10001),
        ({"timeInForce": "GTX"}, 10001),
        ({"orderLinkId": "no spaces"}, 10001),
        ({"category": "linear"}, 10001),
        ({"triggerPrice": "1"}, 10001),
    ],
)
def test_a_refused_order_has_the_venues_code_and_http_200(
    bybit: BybitAccount, changed: dict[str, object], code: int
) -> None:
    params = {"category": "spot", **bybit.limit(bybit.passive(), size="0.01"), **changed}
    reply = bybit.ask("POST", "/v5/order/create", params)
    assert (reply.status, orjson.loads(reply.body)["retCode"]) == (200, code)
    assert bybit.exchange.open_orders(bybit.account) == []


def test_a_price_out_of_the_band_is_refused_by_its_sides_code(bybit: BybitAccount) -> None:
    bid, ask = bybit.best()
    assert bybit.post(CREATE, **bybit.limit(ask + 10_000))["retCode"] == 170193
    assert bybit.post(CREATE, **bybit.limit(bid - 10_000, side="Sell"))["retCode"] == 170194


def test_an_order_link_id_is_used_once_for_ever(bybit: BybitAccount) -> None:
    order_id = placed(bybit, orderLinkId="mm-7")
    bybit.post(CANCEL, symbol=SYMBOL, orderId=order_id)
    assert bybit.post(CREATE, **bybit.limit(bybit.passive(), orderLinkId="mm-7"))["retCode"] == 170141


def test_what_has_ended_cannot_be_cancelled_or_changed(bybit: BybitAccount) -> None:
    order_id = placed(bybit)
    bybit.post(CANCEL, symbol=SYMBOL, orderId=order_id)
    assert bybit.post(CANCEL, symbol=SYMBOL, orderId=order_id)["retCode"] == 170142
    assert bybit.post(AMEND, symbol=SYMBOL, orderId=order_id, qty="0.02")["retCode"] == 170142
    assert bybit.post(CANCEL, symbol=SYMBOL, orderLinkId="never-was")["retCode"] == 170213
    assert bybit.rows("order/realtime", orderLinkId="never-was") == []
    assert bybit.post(CANCEL, symbol=SYMBOL)["retCode"] == 10001


def test_a_change_of_nothing_is_refused(bybit: BybitAccount) -> None:
    order_id = placed(bybit)
    assert bybit.post(AMEND, symbol=SYMBOL, orderId=order_id)["retCode"] == 10001
    assert bybit.post(AMEND, symbol=SYMBOL, orderId=order_id, qty="0.01")["retCode"] == 10001


def test_a_cancel_that_meets_the_fill_on_its_way_is_taken_and_a_second_filled_follows(bybit: BybitAccount) -> None:
    private = bybit.logged_on("/v5/private", "order")
    found = bybit.post(CREATE, symbol=SYMBOL, side="Sell", orderType="Market", qty="0.01")["result"]
    bybit.now_ns += 5 * MS
    assert bybit.post(CANCEL, symbol=SYMBOL, orderId=found["orderId"])["retCode"] == 0
    bybit.play(1 * S)
    filled = [row for row in told(private, "order") if row["orderStatus"] == "Filled"]
    assert [row["rejectReason"] for row in filled] == ["EC_NoError", "EC_OrigClOrdIDDoesNotExist"]
    assert bybit.post(CANCEL, symbol=SYMBOL, orderId=found["orderId"])["retCode"] == 170139


def test_a_batch_answers_each_of_its_orders(bybit: BybitAccount) -> None:
    price = bybit.passive()
    found = bybit.post("order/create-batch", request=[bybit.limit(price), bybit.limit(price, size="0.000011")])
    assert found["retCode"] == 0
    assert [each["code"] for each in found["retExtInfo"]["list"]] == [0, 170140]
    assert [bool(row["orderId"]) for row in found["result"]["list"]] == [True, False]
    ids = [{"symbol": SYMBOL, "orderId": row["orderId"] or "1"} for row in found["result"]["list"]]
    amended = bybit.post("order/amend-batch", request=[{**each, "qty": "0.02"} for each in ids])
    assert [each["code"] for each in amended["retExtInfo"]["list"]] == [0, 170213]
    cancelled = bybit.post("order/cancel-batch", request=ids)
    assert [each["code"] for each in cancelled["retExtInfo"]["list"]] == [0, 170213]
    assert bybit.post("order/create-batch", request=[bybit.limit(price)] * 11)["retCode"] == 10001


def test_a_batch_beyond_its_pool_is_carried_out_as_far_as_the_pool_goes(bybit: BybitAccount) -> None:
    batch = [bybit.limit(bybit.passive(), size="0.001")] * 10
    for _ in range(2):
        bybit.post("order/create-batch", request=batch)
    bybit.now_ns += 999 * MS
    assert bybit.post("order/create-batch", request=batch)["retCode"] == 10006
    bybit.now_ns += 1 * MS
    codes = [each["code"] for each in bybit.post("order/create-batch", request=batch)["retExtInfo"]["list"]]
    assert codes == [0] * 10


def test_requests_beyond_an_endpoints_limit_are_refused_until_the_second_is_over(bybit: BybitAccount) -> None:
    name = {"symbol": SYMBOL, "orderLinkId": "no-such"}
    replies = [bybit.ask("POST", "/v5/order/amend", {"category": "spot", **name, "qty": "1"}) for _ in range(11)]
    codes = [orjson.loads(reply.body)["retCode"] for reply in replies]
    assert codes == [170213] * 10 + [10006]
    headers = replies[-1].headers
    assert (headers["X-Bapi-Limit"], headers["X-Bapi-Limit-Status"]) == ("10", "0")
    bybit.now_ns = int(headers["X-Bapi-Limit-Reset-Timestamp"]) * MS
    assert bybit.post(AMEND, **name, qty="1")["retCode"] == 170213


def test_a_request_whose_outcome_a_fault_hides_may_have_been_carried_out(bybit: BybitAccount) -> None:
    arm(bybit, FaultKind.order_unknown_done)
    assert bybit.post(CREATE, **bybit.limit(bybit.passive(), orderLinkId="a"))["retCode"] == 10016
    arm(bybit, FaultKind.order_unknown_lost)
    assert bybit.post(CREATE, **bybit.limit(bybit.passive(), orderLinkId="b"))["retCode"] == 10016
    arm(bybit, FaultKind.order_cut_done)
    reply = bybit.ask("POST", "/v5/order/create", {"category": "spot", **bybit.limit(bybit.passive(), orderLinkId="c")})
    assert reply.status == 0
    assert [row["orderLinkId"] for row in bybit.rows("order/realtime", symbol=SYMBOL)] == ["c", "a"]


@pytest.mark.parametrize(("status", "http", "code"), [(429, 200, 10006), (418, 403, 10403)])
def test_an_order_that_a_fault_refuses_is_not_carried_out(
    bybit: BybitAccount, status: int, http: int, code: int
) -> None:
    arm(bybit, FaultKind.order_refused, status=status)
    reply = bybit.ask("POST", "/v5/order/create", {"category": "spot", **bybit.limit(bybit.passive())})
    assert (reply.status, orjson.loads(reply.body)["retCode"]) == (http, code)
    assert bybit.exchange.open_orders(bybit.account) == []


def test_orders_and_fills_come_in_pages(bybit: BybitAccount) -> None:
    for number in range(5):
        placed(bybit, orderLinkId=f"page-{number}")
    first = bybit.get("order/realtime", symbol=SYMBOL, limit="3")["result"]
    then = bybit.get("order/realtime", symbol=SYMBOL, limit="3", cursor=first["nextPageCursor"])["result"]
    names = [row["orderLinkId"] for row in first["list"] + then["list"]]
    assert names == [f"page-{number}" for number in (4, 3, 2, 1, 0)]
    assert then["nextPageCursor"] == ""


def test_a_key_says_what_it_may_do() -> None:
    bybit = BybitAccount(may_withdraw=True)
    found = bybit.get("user/query-api")["result"]
    assert "Withdraw" in found["permissions"]["Wallet"]
    assert (found["userID"], found["readOnly"], found["uta"]) == (70001, 0, 1)


def test_a_key_that_may_only_read_places_no_order() -> None:
    bybit = BybitAccount(may_trade=False)
    assert bybit.post(CREATE, **bybit.limit(bybit.passive()))["retCode"] == 10005
    assert bybit.get("order/realtime")["retCode"] == 0
    assert bybit.get("user/query-api")["result"]["readOnly"] == 1


def test_a_request_of_another_signature_key_or_time_is_refused(bybit: BybitAccount) -> None:
    def code(**changed: str) -> int:
        return orjson.loads(bybit.ask("GET", "/v5/user/query-api", **changed).body)["retCode"]

    now_ms = bybit.now_ns // MS
    assert code() == 0
    assert code(x_bapi_sign="0" * 64) == 10004
    assert code(x_bapi_api_key="stranger") == 10003
    assert code(x_bapi_timestamp=str(now_ms - 5_001)) == 10002
    assert code(x_bapi_timestamp=str(now_ms + 1_000)) == 10002
    assert code(x_bapi_timestamp="soon") == 10001
    assert bybit.ask("GET", "/v5/user/query-api", x_bapi_api_key="").status == 401


def test_the_clock_that_a_fault_skews_refuses_right_times(bybit: BybitAccount) -> None:
    arm(bybit, FaultKind.clock_skew, skew_ms=-1_500)
    assert bybit.get("user/query-api")["retCode"] == 10002


def test_an_expired_key_is_refused() -> None:
    bybit = BybitAccount(expires_ns=1)
    assert bybit.get("user/query-api")["retCode"] == 33004


def test_a_key_that_is_bound_to_another_address_is_refused() -> None:
    assert BybitAccount(addresses=("198.51.100.7",)).get("user/query-api")["retCode"] == 10010
    assert BybitAccount(addresses=("127.0.0.1",)).get("user/query-api")["retCode"] == 0


def test_paths_that_are_not_there_and_wrong_methods_are_refused(bybit: BybitAccount) -> None:
    assert bybit.ask("POST", "/v5/order/none").status == 404
    assert bybit.ask("GET", "/v5/order/create").status == 400
    assert bybit.front.http("GET", "/v5/market/time", "", {}, b"", bybit.now_ns).status == 200


def test_a_dead_mans_switch_is_for_institutions_alone(bybit: BybitAccount) -> None:
    assert bybit.post("order/disconnected-cancel-all", product="SPOT", timeWindow=10)["retCode"] == 10005
    assert bybit.get("account/query-dcp-info")["result"]["dcpInfos"] == []
    assert bybit.get("account/info")["result"]["dcpStatus"] == "OFF"


def test_an_address_that_asks_too_often_is_banned_at_once_for_ten_minutes(bybit: BybitAccount) -> None:
    for _ in range(600):
        assert bybit.front.http("GET", "/v5/market/time", "", {}, b"", bybit.now_ns).status == 200
    assert bybit.ask("GET", "/v5/user/query-api").status == 403
    bybit.now_ns += 600 * S - 1
    assert bybit.front.http("GET", "/v5/market/time", "", {}, b"", bybit.now_ns).status == 403
    bybit.now_ns += 1
    assert bybit.ask("GET", "/v5/user/query-api").status == 200


def test_an_answer_that_a_fault_spoils_hides_what_was_carried_out(bybit: BybitAccount) -> None:
    arm(bybit, FaultKind.bad_reply, form="truncated")
    reply = bybit.ask("POST", "/v5/order/create", {"category": "spot", **bybit.limit(bybit.passive(), orderLinkId="a")})
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.body)
    assert [order.client_id for order in bybit.exchange.open_orders(bybit.account)] == ["a"]
