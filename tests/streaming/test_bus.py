"""Messages of the bus: typed, versioned, decimals as text."""

import orjson
import pytest

from native.config import JsonObject
from streaming.bus import (
    CONTROL,
    DRIFT,
    EVENTS,
    MESSAGE_BYTES_MAX,
    PROMOTIONS,
    REPLIES,
    STREAM_LENGTHS,
    TELEMETRY,
    AccountEvent,
    BusMessageError,
    ControlReply,
    ControlRequest,
    Drift,
    FillEvent,
    GapEvent,
    Message,
    ModelSwapEvent,
    OrderRefusedEvent,
    ProbationEvent,
    Promotion,
    StateEvent,
    Telemetry,
    address_of,
    event_from_json,
    message_from_json,
    reply_to,
)
from streaming.errors import RefusedError
from streaming.redis_server import MEMORY_MAX

TS_NS = 1_723_161_254_024_619_568
REQUEST = ControlRequest(id="a1", op="orders", reason="looking", by="ada", ts_ns=TS_NS, arguments={"limit": 5})
FILL = FillEvent(
    run="r", ts_ns=TS_NS, instrument="bybit_spot:BTCUSDT", side="buy", price="60000.10", size="0.01", fee="-0.06",
    client_order_id="o1",
)  # fmt: skip
REFUSED = OrderRefusedEvent(
    run="r", ts_ns=TS_NS, instrument="bybit_spot:BTCUSDT", side="sell", price="1", size="2", reason="max_position"
)
DRIFTED = Drift(
    hash="ab" * 32, level=2, severity=2.5, name="watch-1", words="DRIFT", first_step_ns=1, last_step_ns=2, ts_ns=TS_NS
)
MESSAGES = [
    (TELEMETRY, Telemetry(process="trader", run="paper-1", mode="paper", ts_ns=TS_NS, body={"frames": 12})),
    (CONTROL, REQUEST),
    (REPLIES, ControlReply(id="a1", ok=True, body={"orders": []})),
    (PROMOTIONS, Promotion(hash="ab" * 32, generation=3, by="ada", reason="better", ts_ns=TS_NS)),
    (DRIFT, DRIFTED),
    (EVENTS, FILL),
]
EVENTS_KNOWN = [
    FILL,
    REFUSED,
    StateEvent(run="r", ts_ns=TS_NS, state="HALTED", reason="asked"),
    GapEvent(run="r", ts_ns=TS_NS, instrument="bybit_spot:BTCUSDT", is_open=True),
    ModelSwapEvent(run="r", ts_ns=TS_NS, hash_from="", hash_to="ab" * 32),
    ProbationEvent(run="r", ts_ns=TS_NS, hash="ab" * 32, outcome="failed", reason="calibration"),
    AccountEvent(run="r", ts_ns=TS_NS, venue="bybit_spot", told="halt", words="the key is refused"),
]


@pytest.mark.parametrize(("stream", "message"), MESSAGES)
def test_every_message_has_its_stream_and_every_stream_a_length(stream: str, message: Message) -> None:
    assert message.stream == stream
    assert STREAM_LENGTHS[stream] > 0


def test_all_streams_at_their_longest_fit_into_the_embedded_server() -> None:
    assert STREAM_LENGTHS.keys() == MESSAGE_BYTES_MAX.keys()
    assert sum(count * MESSAGE_BYTES_MAX[stream] for stream, count in STREAM_LENGTHS.items()) < MEMORY_MAX


def test_words_too_long_to_tell_are_cut_and_never_refused() -> None:
    event = StateEvent(run="r", ts_ns=TS_NS, state="HALTED", reason="x" * 5_000)

    assert len(event.reason) == 1_000


@pytest.mark.parametrize(("stream", "message"), MESSAGES[:4])
def test_a_message_reads_back_as_it_was(stream: str, message: Message) -> None:
    assert message_from_json(type(message), message.to_json()) == message


@pytest.mark.parametrize("event", EVENTS_KNOWN)
def test_an_event_reads_back_as_its_own_kind(event: FillEvent) -> None:
    assert event_from_json(event.to_json()) == event


def test_times_and_prices_keep_every_digit() -> None:
    document = orjson.loads(FILL.to_json())

    assert (document["ts_ns"], document["price"], document["fee"]) == (TS_NS, "60000.10", "-0.06")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 2),
        ("ts_ns", 1.5),
        ("ts_ns", -1),
        ("op", None),
        ("id", ""),
        ("id", "x" * 65),
        ("reason", "x" * 1_001),
        ("colour", "red"),
    ],
)
def test_a_message_that_is_not_as_written_is_refused_by_its_key(key: str, value: object) -> None:
    document = orjson.loads(REQUEST.to_json()) | {key: value}

    with pytest.raises(BusMessageError, match=f"ControlRequest: {key}"):
        message_from_json(ControlRequest, orjson.dumps(document))


@pytest.mark.parametrize("payload", [b"", b"\xff\xfe", b"[1]", b"{"])
def test_what_is_no_json_object_is_refused(payload: bytes) -> None:
    with pytest.raises(BusMessageError, match="expected one JSON object"):
        message_from_json(ControlRequest, payload)
    assert address_of(payload) == ("", "trader")


@pytest.mark.parametrize("price", [60000.1, "", "nan", "1e", "six"])
def test_a_price_that_is_no_decimal_text_is_refused(price: object) -> None:
    document = orjson.loads(FILL.to_json()) | {"price": price}

    with pytest.raises(BusMessageError, match="price"):
        event_from_json(orjson.dumps(document))


def test_a_request_asks_in_the_words_of_the_control_socket() -> None:
    assert REQUEST.to_control() == {"op": "orders", "reason": "looking", "limit": 5}


def test_arguments_cannot_replace_the_op() -> None:
    request = ControlRequest(id="a", op="status", ts_ns=TS_NS, arguments={"op": "flatten"})

    assert request.to_control()["op"] == "status"


def test_the_function_of_the_control_socket_answers_requests_and_its_refusal_keeps_its_exit_code() -> None:
    def refuse(_: object) -> dict[str, object]:
        raise RefusedError("a rule says no")

    assert reply_to(REQUEST, lambda request: {"limit": request["limit"]}).to_answer() == {"ok": True, "limit": 5}
    assert reply_to(REQUEST, refuse).to_answer() == {"ok": False, "error": "a rule says no", "exit_code": 3}


def test_a_mistake_of_the_process_is_answered_too() -> None:
    def break_(request: JsonObject) -> JsonObject:
        raise KeyError("a mistake of ours")

    reply = reply_to(REQUEST, break_)

    assert (reply.id, reply.ok, reply.exit_code) == (REQUEST.id, False, 1)
    assert "runs on" in reply.error and "KeyError" in reply.error
