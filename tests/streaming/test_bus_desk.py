"""Control requests are acted upon once, fresh, signed, by whom they are meant for."""

import orjson
import pytest

from streaming.bus import ControlReply, ControlRequest
from streaming.bus_desk import HEARD_MAX, STALE_NS, ControlDesk
from streaming.errors import RefusedError

NOW_NS = 1_723_161_254_024_619_568
KEY = b"k" * 32


def asked(ts_ns: int = NOW_NS, request_id: str = "a1", op: str = "halt", to: str = "trader") -> ControlRequest:
    return unsigned(ts_ns, request_id, op, to).signed(KEY)


def unsigned(ts_ns: int = NOW_NS, request_id: str = "a1", op: str = "halt", to: str = "trader") -> ControlRequest:
    return ControlRequest(id=request_id, op=op, ts_ns=ts_ns, to=to)


def desk(name: str = "trader") -> ControlDesk:
    return ControlDesk(name, lambda: KEY)


def test_a_fresh_request_is_heard_once() -> None:
    at = desk()

    assert at.take("1-0", asked().to_json(), NOW_NS) == asked()
    assert at.take("1-1", asked().to_json(), NOW_NS) is None


@pytest.mark.parametrize("age_ns", [STALE_NS + 1, 3_600 * 10**9, -STALE_NS - 1])
def test_an_old_request_or_one_from_the_future_is_refused(age_ns: int) -> None:
    reply = desk().take("1-0", asked(NOW_NS - age_ns).to_json(), NOW_NS)

    assert isinstance(reply, ControlReply)
    assert (reply.id, reply.ok, reply.exit_code) == ("a1", False, 3)
    assert "expected within 10 s" in reply.error


def test_a_request_of_ten_seconds_is_still_heard() -> None:
    assert isinstance(desk().take("1-0", asked(NOW_NS - STALE_NS).to_json(), NOW_NS), ControlRequest)


def test_what_is_meant_for_another_process_is_passed_over() -> None:
    assert desk().take("1-0", asked(to="recorder").to_json(), NOW_NS) is None
    assert desk("recorder").take("1-0", b"not even JSON", NOW_NS) is None


def test_an_unknown_word_is_answered_with_the_known_ones() -> None:
    reply = desk().take("1-0", asked(op="fly").to_json(), NOW_NS)

    assert isinstance(reply, ControlReply)
    assert (reply.id, reply.exit_code) == ("a1", 2)
    assert "unknown op 'fly'; expected one of: status, orders" in reply.error


@pytest.mark.parametrize(
    ("payload", "reply_id"),
    [
        (b"", "7-3"),
        (b"\x00\xff", "7-3"),
        (b'"halt"', "7-3"),
        (b'{"id": 5}', "7-3"),
        (b'{"id": "b2", "op": "halt"}', "b2"),
        (b'{"id": "b2", "op": ["halt"], "ts_ns": 1}', "b2"),
        (b"[" * 70_000, "7-3"),
    ],
)
def test_what_cannot_be_read_is_answered_with_an_error(payload: bytes, reply_id: str) -> None:
    reply = desk().take("7-3", payload, NOW_NS)

    assert isinstance(reply, ControlReply)
    assert (reply.id, reply.ok, reply.exit_code) == (reply_id, False, 2)
    assert reply.error and orjson.loads(reply.to_json())


def test_a_flood_is_refused_rather_than_an_id_forgotten() -> None:
    at = desk()
    for number in range(HEARD_MAX):
        assert isinstance(at.take("1-0", asked(request_id=str(number)).to_json(), NOW_NS), ControlRequest)

    assert isinstance(at.take("1-0", asked(request_id="more").to_json(), NOW_NS), ControlReply)
    assert at.take("1-0", asked(request_id="0").to_json(), NOW_NS) is None

    later_ns = NOW_NS + STALE_NS + 1
    assert isinstance(at.take("1-0", asked(later_ns, "more").to_json(), later_ns), ControlRequest)


@pytest.mark.parametrize(
    "forged",
    [
        unsigned(),
        unsigned().signed(b"another key"),
        unsigned().model_copy(update={"signature": "ä" * 64}),
        asked().model_copy(update={"op": "resume"}),
        asked().model_copy(update={"reason": "as I say"}),
        asked().model_copy(update={"ts_ns": NOW_NS + 1}),
        asked().model_copy(update={"arguments": {"by": "watchdog"}}),
        asked().model_copy(update={"by": "somebody"}),
    ],
)
def test_a_request_that_is_unsigned_or_was_changed_is_refused(forged: ControlRequest) -> None:
    reply = desk().take("1-0", forged.to_json(), NOW_NS)

    assert isinstance(reply, ControlReply)
    assert (reply.id, reply.ok, reply.exit_code) == ("a1", False, 3)
    assert "expected a request signed with our control.key" in reply.error
    assert asked().signature not in reply.error


def test_one_signed_for_another_process_or_id_is_not_good_for_this_one() -> None:
    for other in (asked(to="recorder").model_copy(update={"to": "trader"}), asked().model_copy(update={"id": "b2"})):
        assert isinstance(desk().take("1-0", other.to_json(), NOW_NS), ControlReply)


def test_the_order_of_keys_and_spaces_do_not_matter_to_a_signature() -> None:
    document = orjson.loads(asked().to_json())
    other_way = orjson.dumps(dict(reversed(document.items())), option=orjson.OPT_INDENT_2)

    assert desk().take("1-0", other_way, NOW_NS) == asked()


def test_forged_requests_use_up_neither_ids_nor_the_desk() -> None:
    at = desk()
    assert isinstance(at.take("1-0", unsigned().to_json(), NOW_NS), ControlReply)
    for number in range(HEARD_MAX + 1):
        at.take("1-0", unsigned(request_id=str(number)).to_json(), NOW_NS)

    assert at.take("1-1", asked().to_json(), NOW_NS) == asked()


def test_without_a_key_nobody_is_heard_and_the_reason_is_told() -> None:
    def no_key() -> bytes:
        raise RefusedError("control.key: expected mode 600, found 644")

    reply = ControlDesk("trader", no_key).take("1-0", asked().to_json(), NOW_NS)

    assert isinstance(reply, ControlReply)
    assert (reply.exit_code, reply.error) == (3, "control: control.key: expected mode 600, found 644")
