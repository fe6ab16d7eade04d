"""Sessions without a socket: requests, forms, pings, rotation and the rule for a slow client."""

import pytest
from emulator.machine import BYBIT, SPOT, START_NS, USDM, Bench, outgoing, texts

from streaming.emulator.faults import FaultLog
from streaming.emulator.instruments import SYMBOL
from streaming.emulator.rest import Reply
from streaming.emulator.session import NS_PER_S, Close, Ending, Ping, SessionRules
from streaming.emulator.source import EndlessMarket
from streaming.emulator.venue import Venue, read_path

DEPTH, QUOTE, TRADE = "btcusdt@depth@100ms", "btcusdt@bookTicker", "btcusdt@aggTrade"


@pytest.mark.parametrize(
    ("venue", "path", "query", "found"),
    [
        (USDM, "/public/ws", {}, ("public", False, [])),
        (USDM, f"/public/ws/{DEPTH}", {}, ("public", False, [DEPTH])),
        (USDM, "/market/stream", {"streams": f"{TRADE}/x@y"}, ("market", True, [TRADE, "x@y"])),
        (USDM, "/ws", {}, ("public", False, [])),
        (USDM, "/stream", {}, ("public", True, [])),
        (USDM, "/private/stream", {}, ("private", True, [])),
        (SPOT, f"/ws/{DEPTH}/{QUOTE}", {}, ("", False, [DEPTH, QUOTE])),
        (SPOT, "/public/ws", {}, None),
        (SPOT, "/wsx", {}, None),
        (BYBIT, "/v5/public/spot", {}, ("", False, [])),
        (BYBIT, "/v5/public/linear", {}, None),
    ],
)
def test_addresses_name_route_form_and_streams(venue, path, query, found) -> None:
    assert read_path(venue, path, query) == found


def test_subscribing_unsubscribing_and_listing() -> None:
    bench = Bench()
    session = bench.open(SPOT, "/ws")

    answers = bench.ask(session, method="SUBSCRIBE", params=[DEPTH, QUOTE], id=1)
    answers += bench.ask(session, method="UNSUBSCRIBE", params=[QUOTE], id="two")
    answers += bench.ask(session, method="LIST_SUBSCRIPTIONS", id=3)

    assert answers == [{"result": None, "id": 1}, {"result": None, "id": "two"}, {"result": [DEPTH], "id": 3}]


def test_raw_and_combined_forms_hold_the_same_message() -> None:
    bench = Bench()
    raw, combined = bench.open(SPOT, f"/ws/{DEPTH}"), bench.open(SPOT, "/stream", {"streams": DEPTH})

    bench.wait(1)

    wrapped = texts(combined)
    assert [each["data"] for each in wrapped] == texts(raw)
    assert {each["stream"] for each in wrapped} == {DEPTH}
    assert len(wrapped) == 10


def test_the_form_is_a_property() -> None:
    bench = Bench()
    session = bench.open(USDM, "/public/ws")

    answers = bench.ask(session, method="SET_PROPERTY", params=["combined", True], id=1)
    answers += bench.ask(session, method="GET_PROPERTY", params=["combined"], id=2)
    wrong = bench.ask(session, method="SET_PROPERTY", params=["combined", 1], id=3)

    assert answers == [{"result": None, "id": 1}, {"result": True, "id": 2}]
    assert wrong[0]["error"]["code"] == 1


@pytest.mark.parametrize(
    ("path", "heard"),
    [("/public/ws", {DEPTH, QUOTE}), ("/market/ws", {TRADE}), ("/private/ws", set()), ("/ws", {DEPTH, QUOTE})],
)
def test_a_stream_on_the_wrong_route_is_acknowledged_and_silent(path, heard) -> None:
    bench = Bench()
    session = bench.open(USDM, path)

    answers = bench.ask(session, method="SUBSCRIBE", params=[DEPTH, QUOTE, TRADE, "nobody@depth"], id=1)
    bench.wait(5)

    assert answers == [{"result": None, "id": 1}]
    assert set(session.sent) == heard


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [(b"{", 3), (b"[]", 2), (b'{"method":"FLY","id":1}', 2), (b'{"method":"SUBSCRIBE","params":"x","id":1}', 2)],
)
def test_a_request_that_is_none_is_answered_with_its_code(request_bytes, code) -> None:
    bench = Bench()
    spot, usdm = bench.open(SPOT, "/ws"), bench.open(USDM, "/ws")

    for session in (spot, usdm):
        session.receive_text(request_bytes, bench.now_ns)

    assert texts(spot)[0]["code"] == texts(usdm)[0]["error"]["code"] == code


def test_bybit_pushes_a_snapshot_and_goes_on_from_it() -> None:
    bench = Bench()
    session = bench.open(BYBIT, "/v5/public/spot")

    first = bench.ask(session, op="subscribe", args=[f"orderbook.50.{SYMBOL}"], req_id="s1")
    bench.wait(1)
    deltas = texts(session)

    kinds = {message.get("type", message.get("ret_msg")) for message in first}
    snapshot = next(message for message in first if "type" in message)
    assert kinds == {"snapshot", "subscribe"}
    ids = [message["data"]["u"] for message in deltas]
    assert ids == [*range(snapshot["data"]["u"] + 1, snapshot["data"]["u"] + 1 + len(ids))]


def test_bybits_snapshot_comes_before_the_confirmation_on_every_second_connection() -> None:
    bench = Bench()
    sessions = [bench.open(BYBIT, "/v5/public/spot") for _ in range(2)]

    firsts = [bench.ask(session, op="subscribe", args=[f"orderbook.50.{SYMBOL}"])[0] for session in sessions]

    assert sorted("success" in first for first in firsts) == [False, True]


@pytest.mark.parametrize(
    "args", [["orderbook.51.BTCUSDT"], ["orderbook.50.NOPE"], [], "x", ["publicTrade.BTCUSDT"] * 11]
)
def test_bybit_refuses_a_bad_request_whole(args) -> None:
    bench = Bench()
    session = bench.open(BYBIT, "/v5/public/spot")

    answers = bench.ask(session, op="subscribe", args=args, req_id="r")

    assert [(each["success"], each["req_id"], each["op"]) for each in answers] == [(False, "r", "subscribe")]
    assert not session.streams


def test_bybits_ping_is_answered_with_op_ping() -> None:
    bench = Bench()
    session = bench.open(BYBIT, "/v5/public/spot")

    answer = bench.ask(session, op="ping", req_id="p")[0]

    assert (answer["ret_msg"], answer["op"], answer["success"]) == ("pong", "ping", True)


def test_a_silent_bybit_client_is_closed_after_ten_minutes() -> None:
    bench = Bench({BYBIT: SessionRules(ping_every_ns=None, idle_ns=2 * NS_PER_S)})
    session = bench.open(BYBIT, "/v5/public/spot")

    bench.wait(3)

    assert session.ending is Ending.idle


def test_pongs_that_echo_the_ping_keep_the_connection() -> None:
    bench = Bench({SPOT: SessionRules(ping_every_ns=NS_PER_S, pong_within_ns=NS_PER_S // 2)})
    good, foreign = bench.open(SPOT, "/ws"), bench.open(SPOT, "/ws")

    for _ in range(40):
        bench.wait(0.1)
        for item in outgoing(good):
            good.receive_pong(item.data, bench.now_ns)
        foreign.receive_pong(b"unsolicited", bench.now_ns)

    assert good.ending is None
    assert foreign.ending is Ending.late_pong
    assert [type(item) for item in outgoing(foreign)] == [Ping, Close]


def test_a_connection_ends_after_its_lifetime_and_spot_says_so_before() -> None:
    rules = SessionRules(ping_every_ns=None, lifetime_ns=3 * NS_PER_S, shutdown_notice_ns=NS_PER_S)
    bench = Bench({SPOT: rules, USDM: rules})
    spot, usdm = bench.open(SPOT, "/stream"), bench.open(USDM, "/stream")

    bench.wait(2.5)
    notice = texts(spot)
    bench.wait(1)

    assert notice[0]["stream"] == "!serverShutdown"
    assert notice[0]["data"]["e"] == "serverShutdown"
    assert [session.ending for session in (spot, usdm)] == [Ending.lifetime] * 2
    assert outgoing(usdm) == [Close(1001, "lifetime")]


def test_too_many_requests_a_second_end_the_connection() -> None:
    bench = Bench()
    session = bench.open(SPOT, "/ws")

    for number in range(6):
        bench.ask(session, method="LIST_SUBSCRIPTIONS", id=number)

    assert session.ending is Ending.too_fast


def test_a_client_that_reads_nothing_is_cut_off_when_its_queue_is_full() -> None:
    bench = Bench({SPOT: SessionRules(ping_every_ns=None, queue_messages_max=20)})
    session = bench.open(SPOT, f"/ws/{DEPTH}")

    bench.wait(3)

    assert (session.ending, session.is_cut, session.sent[DEPTH]) == (Ending.slow, True, 20)
    assert outgoing(session) == [Close(0, "slow")]


def test_connections_in_five_minutes_are_limited() -> None:
    bench = Bench()

    opened = [bench.open(SPOT, "/ws") for _ in range(301)]

    assert isinstance(opened[-1], Reply)
    assert opened[-1].status == 429
    bench.now_ns += 301 * NS_PER_S
    assert not isinstance(bench.open(SPOT, "/ws"), Reply)


def test_a_venue_lists_only_its_own_instruments() -> None:
    entries = EndlessMarket(1, START_NS).instruments

    venue = Venue(SPOT, [entry for entry in entries if entry.venue == SPOT], FaultLog())

    assert [*venue.books] == [SYMBOL]
