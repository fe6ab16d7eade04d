from decimal import Decimal

import orjson
import pytest
from bybit_account import MS, SYMBOL, BybitAccount, S, heard, is_closed, told

from streaming.emulator.exchange.accounts import FeeRates
from streaming.emulator.faults import Fault, FaultKind
from streaming.emulator.orders_bybit.countdown import Countdown
from streaming.emulator.rest import Reply
from streaming.emulator.session import Ending

PRIVATE, TRADE = "/v5/private", "/v5/trade"


@pytest.fixture
def bybit() -> BybitAccount:
    return BybitAccount()


def arm(bybit: BybitAccount, kind: FaultKind, **more: object) -> None:
    bybit.emulator.arm(Fault(kind=kind, venue="bybit_spot", **more), bybit.now_ns)


def test_each_socket_answers_pings_and_logons_in_its_own_words(bybit: BybitAccount) -> None:
    private, trade = bybit.open(PRIVATE), bybit.open(TRADE)
    for session in (private, trade):
        bybit.say(session, op="ping", req_id="p", reqId="q")
    stated = [str(bybit.now_ns // MS)]
    assert heard(private) == [{"req_id": "p", "op": "pong", "args": stated, "conn_id": f"emulator-{private.id}"}]
    told_trade = {"reqId": "q", "retCode": 0, "retMsg": "OK", "op": "pong", "data": stated}
    assert heard(trade) == [{**told_trade, "connId": f"emulator-{trade.id}"}]


def test_a_wrong_log_on_is_refused_and_a_second_one_on_the_trade_socket_too(bybit: BybitAccount) -> None:
    expires = bybit.now_ns // MS + 1_000
    wrong = [bybit.key, expires, "0" * 64]
    late = [bybit.key, expires - 1_000, bybit.signed(f"GET/realtime{expires - 1_000}")]
    right = [bybit.key, str(expires), bybit.signed(f"GET/realtime{expires}")]
    private, trade = bybit.open(PRIVATE), bybit.open(TRADE)
    for args in (wrong, late, right):
        bybit.say(private, op="auth", args=args)
        bybit.say(trade, op="auth", args=args)
    bybit.say(trade, op="auth", args=right)
    assert [each["success"] for each in heard(private)] == [False, False, True]
    assert [each["retCode"] for each in heard(trade)] == [10004, 10003, 0, 20001]


def test_nothing_is_subscribed_before_log_on_and_no_unknown_topic_after_it(bybit: BybitAccount) -> None:
    session = bybit.open(PRIVATE)
    bybit.say(session, op="subscribe", args=["order"], req_id="s")
    assert [(each["success"], each["req_id"]) for each in heard(session)] == [(False, "s")]
    session = bybit.logged_on(PRIVATE)
    for topics in (["order", "nonsense"], ["order", "order.spot"], [], ["order"] * 11):
        bybit.say(session, op="subscribe", args=topics)
    bybit.say(session, op="juggle")
    assert [each["success"] for each in heard(session)] == [False] * 5
    assert not session.streams


def test_an_order_on_the_trade_socket_is_acknowledged_and_its_state_told_on_the_private_one(
    bybit: BybitAccount,
) -> None:
    private, trade = bybit.logged_on(PRIVATE, "order.spot", "wallet"), bybit.logged_on(TRADE)
    order = bybit.limit(bybit.passive(), orderLinkId="ws-1", timeInForce="PostOnly")
    ack = bybit.order_request(trade, "order.create", "r1", **order)
    assert (ack["reqId"], ack["retCode"], ack["data"]["orderLinkId"]) == ("r1", 0, "ws-1")
    assert ack["header"]["X-Bapi-Limit-Status"] == "19"
    name = {"symbol": SYMBOL, "orderId": ack["data"]["orderId"]}
    assert bybit.order_request(trade, "order.amend", "r2", **name, qty="0.02")["retCode"] == 0
    assert bybit.order_request(trade, "order.cancel", "r3", **name)["retCode"] == 0
    bybit.play(1 * S)
    said = heard(private)
    orders = [row for each in said if each["topic"] == "order.spot" for row in each["data"]]
    assert [(row["orderStatus"], row["qty"]) for row in orders] == [
        ("New", "0.01"),
        ("New", "0.02"),
        ("Cancelled", "0.02"),
    ]
    assert {row["category"] for row in orders} == {"spot"}
    coins = [row for each in said if each["topic"] == "wallet" for row in each["data"][0]["coin"]]
    assert coins[-1]["locked"] == "0"


def test_executions_are_told_once_on_every_topic_that_has_them(bybit: BybitAccount) -> None:
    private = bybit.logged_on(PRIVATE, "execution", "execution.fast", "order")
    found = bybit.post("order/create", symbol=SYMBOL, side="Buy", orderType="Market", qty="0.5", marketUnit="baseCoin")
    bybit.play(1 * S)
    said = heard(private)
    rows = {
        topic: [row for each in said if each["topic"] == topic for row in each["data"]]
        for topic in ("execution", "execution.fast", "order")
    }
    listed = bybit.rows("execution/list", orderId=found["result"]["orderId"])
    assert [row["execId"] for row in rows["execution"]] == [row["execId"] for row in listed[::-1]]
    assert [row["execId"] for row in rows["execution.fast"]] == [row["execId"] for row in rows["execution"]]
    assert set(rows["execution.fast"][0]) == {
        *(
            "category",
            "symbol",
            "execId",
            "execPrice",
            "execQty",
            "orderId",
            "isMaker",
            "orderLinkId",
            "side",
            "execTime",
            "seq",
        ),
    }
    filled = [Decimal(row["cumExecQty"]) for row in rows["order"]]
    assert filled == sorted(filled)
    assert rows["order"][-1]["orderStatus"] == "Filled"
    fees = sum(Decimal(row["execFee"]) for row in rows["execution"])
    assert Decimal(rows["order"][-1]["cumExecFee"]) == fees


def test_a_post_only_order_that_would_take_is_taken_and_ends_on_the_topic(bybit: BybitAccount) -> None:
    private = bybit.logged_on(PRIVATE, "order")
    found = bybit.post("order/create", **bybit.limit(bybit.best()[1] + 5, timeInForce="PostOnly"))
    assert found["retCode"] == 0
    bybit.play(1 * S)
    last = told(private, "order")[-1]
    assert (last["orderStatus"], last["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")


@pytest.mark.parametrize(("force", "reason"), [("IOC", "EC_NoImmediateQtyToFill"), ("FOK", "EC_CancelForNoFullFill")])
def test_an_order_that_may_not_rest_and_finds_nothing_ends_at_once(
    bybit: BybitAccount, force: str, reason: str
) -> None:
    private = bybit.logged_on(PRIVATE, "order")
    bybit.post("order/create", **bybit.limit(bybit.passive(), timeInForce=force))
    bybit.play(1 * S)
    last = told(private, "order")[-1]
    assert (last["orderStatus"], last["rejectReason"], last["cumExecQty"]) == ("Cancelled", reason, "0")


def test_a_part_filled_order_that_ends_has_the_word_of_spot(bybit: BybitAccount) -> None:
    private = bybit.logged_on(PRIVATE, "order")
    _, asks = bybit.venue.books[SYMBOL].top(1)
    size = Decimal(asks[0][1]) + Decimal("0.5")
    order = bybit.limit(asks[0][0], size=str(size), timeInForce="IOC")
    assert bybit.post("order/create", **order)["retCode"] == 0
    bybit.play(1 * S)
    last = told(private, "order")[-1]
    assert (last["orderStatus"], last["cumExecQty"]) == ("PartiallyFilledCanceled", asks[0][1])


def test_a_maker_is_told_of_fills_that_the_market_brings(bybit: BybitAccount) -> None:
    bybit.exchange.set_fees(bybit.account, SYMBOL, FeeRates(maker=Decimal("-0.0001"), taker=Decimal("0.001")))
    private = bybit.logged_on(PRIVATE, "execution", "order")
    bid, _ = bybit.best()
    for step in range(4):
        bybit.post("order/create", **bybit.limit(bid - Decimal(step) / 10, size="0.001", timeInForce="PostOnly"))
    executions: list[dict[str, object]] = []
    for _ in range(600):
        bybit.play(100 * MS)
        executions += told(private, "execution")
        if executions:
            break
    assert executions[0]["isMaker"] is True
    assert (executions[0]["feeCurrency"], Decimal(str(executions[0]["execFee"])) < 0) == ("USDT", True)


def test_requests_on_the_trade_socket_are_checked_one_by_one(bybit: BybitAccount) -> None:
    stranger, trade = bybit.open(TRADE), bybit.logged_on(TRADE)
    order = bybit.limit(bybit.passive())
    assert bybit.order_request(stranger, "order.create", "a", **order)["retCode"] == 10003
    assert bybit.order_request(trade, "order.juggle", "a", **order)["retCode"] == 10404
    assert bybit.order_request(trade, "order.create", "b", **{**order, "category": "linear"})["retCode"] == 10404
    assert bybit.order_request(trade, "order.create", "b", **order)["retCode"] == 20006
    assert bybit.order_request(trade, "order.create", "c" * 37, **order)["retCode"] == 10001
    bybit.say(trade, reqId="d", header={"X-BAPI-TIMESTAMP": 1}, op="order.create", args=[{"category": "spot", **order}])
    assert heard(trade)[-1]["retCode"] == 10002
    bybit.say(trade, reqId="e", header={"X-BAPI-TIMESTAMP": bybit.now_ns // MS}, op="order.create", args=[order, order])
    assert heard(trade)[-1]["retCode"] == 10001
    trade.receive_text(b"no json", bybit.now_ns)
    assert heard(trade)[-1]["retCode"] == 10001
    assert bybit.exchange.open_orders(bybit.account) == []


def test_a_batch_on_the_trade_socket_says_what_became_of_each(bybit: BybitAccount) -> None:
    trade = bybit.logged_on(TRADE)
    price = bybit.passive()
    ack = bybit.order_request(
        trade, "order.create-batch", "b", request=[bybit.limit(price), bybit.limit(price, size="9")]
    )
    assert (ack["retCode"], [each["code"] for each in ack["retExtInfo"]["list"]]) == (0, [0, 170131])


def test_rest_and_trade_socket_share_an_accounts_limits(bybit: BybitAccount) -> None:
    trade = bybit.logged_on(TRADE)
    for number in range(20):
        bybit.post("order/cancel", symbol=SYMBOL, orderLinkId=f"none-{number}")
    answer = bybit.order_request(trade, "order.cancel", "r", symbol=SYMBOL, orderLinkId="none")
    assert (answer["retCode"], answer["header"]["X-Bapi-Limit-Status"]) == (10006, "0")


def test_a_cut_between_request_and_answer_ends_the_trade_socket(bybit: BybitAccount) -> None:
    trade = bybit.logged_on(TRADE)
    arm(bybit, FaultKind.order_cut_done)
    header = {"X-BAPI-TIMESTAMP": str(bybit.now_ns // MS)}
    order = {"category": "spot", **bybit.limit(bybit.passive(), orderLinkId="cut")}
    bybit.say(trade, reqId="r", header=header, op="order.create", args=[order])
    assert (trade.ending, trade.is_cut) == (Ending.fault, True)
    assert [order.client_id for order in bybit.exchange.open_orders(bybit.account)] == ["cut"]


def test_an_outcome_that_nobody_knows_is_10016_on_the_trade_socket(bybit: BybitAccount) -> None:
    trade = bybit.logged_on(TRADE)
    arm(bybit, FaultKind.order_unknown_lost)
    assert bybit.order_request(trade, "order.create", "r", **bybit.limit(bybit.passive()))["retCode"] == 10016
    assert bybit.exchange.open_orders(bybit.account) == []


def test_a_private_stream_that_a_fault_ends_is_closed(bybit: BybitAccount) -> None:
    private = bybit.logged_on(PRIVATE, "order")
    arm(bybit, FaultKind.stream_expired)
    bybit.post("order/create", **bybit.limit(bybit.passive()))
    assert private.ending is Ending.fault
    assert is_closed(private)


def test_each_account_hears_its_own_events_alone_and_nothing_after_unsubscribing(bybit: BybitAccount) -> None:
    first, second = bybit.logged_on(PRIVATE, "order"), bybit.logged_on(PRIVATE, "order")
    bybit.say(second, op="unsubscribe", args=["order"])
    heard(second)
    bybit.post("order/create", **bybit.limit(bybit.passive()))
    bybit.play(1 * S)
    assert len(told(first, "order")) == 1
    assert heard(second) == []
    bybit.front.close(first, bybit.now_ns)
    bybit.post("order/cancel-all")
    bybit.play(1 * S)
    assert heard(first) == []


def test_a_client_chooses_after_how_long_it_is_idle(bybit: BybitAccount) -> None:
    def idle_s(word: str | None) -> int:
        rules = bybit.open(PRIVATE, {} if word is None else {"max_active_time": word}).rules
        assert rules.idle_ns is not None
        return rules.idle_ns // S

    assert [idle_s(word) for word in (None, "30s", "5m", "10m", "29s", "11m", "soon")] == [
        600,
        30,
        300,
        600,
        600,
        600,
        600,
    ]
    assert bybit.front.open("/v5/public/spot", {}, 1, bybit.now_ns) is None


def test_an_institutions_switch_cancels_when_its_last_connection_has_been_gone(bybit: BybitAccount) -> None:
    countdown = Countdown(bybit.exchange, frozenset({bybit.account}))
    bybit.post("order/create", **bybit.limit(bybit.passive()))
    countdown.join(bybit.account)
    countdown.set(bybit.account, "SPOT", 10, bybit.now_ns)
    assert countdown.window_s(bybit.account) == 10
    later_ns = bybit.now_ns + 60 * S
    countdown.leave(bybit.account, later_ns)
    countdown.advance(later_ns + 10 * S - 1)
    assert len(bybit.exchange.open_orders(bybit.account)) == 1
    assert countdown.next_due_ns() == later_ns + 10 * S
    countdown.advance(later_ns + 10 * S)
    assert bybit.exchange.open_orders(bybit.account) == []
    [row] = bybit.rows("order/history", symbol=SYMBOL)
    assert row["cancelType"] == "CancelByDCP"


def test_no_answer_shows_a_secret(bybit: BybitAccount) -> None:
    trade, private = bybit.logged_on(TRADE), bybit.open(PRIVATE)
    bybit.say(private, op="auth", args=[bybit.key, 1, bybit.secret])
    bybit.say(trade, op="auth", args=[bybit.key, 1, bybit.secret])
    reply = bybit.ask("GET", "/v5/user/query-api", x_bapi_sign=bybit.secret)
    assert isinstance(reply, Reply)
    said = orjson.dumps([heard(trade), heard(private), bybit.get("user/query-api")]) + reply.body
    assert bybit.secret.encode() not in said
