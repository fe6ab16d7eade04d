import orjson
from bybit_account import MS, SYMBOL, BybitAccount, heard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streaming.emulator.orders_bybit.front import ROUTES
from streaming.emulator.orders_bybit.sockets import TRADE_OPS
from streaming.emulator.session import Ending

WORDS = st.sampled_from(["Buy", "Limit", "Market", "spot", SYMBOL, "0.01", "50000", "1", "-1", "1e9", "NaN", "GTC", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
NAMES = ("category", "symbol", "side", "orderType", "qty", "price", "timeInForce", "orderLinkId", "orderId", "request")
MORE = ("smpType", "marketUnit", "limit", "cursor", "openOnly", "startTime", "accountType", "timeWindow", "product")
PARAMS = st.dictionaries(st.sampled_from(NAMES + MORE), VALUES, max_size=8).map(
    lambda found: {"category": "spot", "symbol": SYMBOL, "side": "Buy", "orderType": "Limit", **found}
)
MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BYBIT = BybitAccount()


def later() -> None:
    """Let a minute pass, so that no limit refuses what the next example sends."""
    BYBIT.now_ns += 60_000 * MS


@MANY
@given(st.sampled_from(sorted(ROUTES)), PARAMS)
def test_whatever_a_request_holds_the_answer_is_an_envelope(route: tuple[str, str], params: dict[str, object]) -> None:
    later()
    reply = BYBIT.ask(*route, params)

    assert set(orjson.loads(reply.body)) == {"retCode", "retMsg", "result", "retExtInfo", "time"}


@MANY
@given(st.sampled_from(sorted(TRADE_OPS)), PARAMS)
def test_whatever_an_order_on_the_trade_socket_holds_it_is_answered_once(op: str, params: dict[str, object]) -> None:
    later()
    session = BYBIT.logged_on("/v5/trade")
    BYBIT.say(session, reqId="r", op=op, header={"X-BAPI-TIMESTAMP": str(BYBIT.now_ns // MS)}, args=[params])

    [answer] = heard(session)
    assert (answer["reqId"], answer["op"]) == ("r", op)
    assert isinstance(answer["retCode"], int)


@MANY
@given(
    st.sampled_from(["/v5/private", "/v5/trade"]),
    st.dictionaries(st.sampled_from(["op", "args", "reqId", "header"]), VALUES),
)
def test_whatever_a_client_says_on_a_socket_it_is_answered(path: str, request: dict[str, object]) -> None:
    later()
    session = BYBIT.logged_on(path)
    BYBIT.say(session, **request)

    assert len(heard(session)) == 1
    assert session.ending is not Ending.fault
