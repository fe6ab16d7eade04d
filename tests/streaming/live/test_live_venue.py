"""A live venue against the emulator in memory: the way of requests, and what becomes of them when things break."""

import pytest
from live_wire import MS, LiveWire, S

from streaming.emulator.faults import FaultKind
from streaming.live.links import SocketState
from streaming.live.words import LiveLimits, OrderRequest, RequestKind, Told
from streaming.venues.gateway import TimeInForce, Way
from streaming.venues.venue_reply import Origin, ReplyKind, VenueReason

VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
each_venue = pytest.mark.parametrize("venue", VENUES)
QUICK = LiveLimits(order_timeout_ns=500 * MS, absent_after_ns=2 * S, echo_ns=1 * S, reconcile_ns=10 * S)


@each_venue
def test_nothing_is_opened_before_the_account_is_reconciled(venue):
    wire = LiveWire(venue, settle=False)
    spec = wire.place()
    assert wire.kinds(spec) == [ReplyKind.rejected]
    assert wire.replies[-1].reason is VenueReason.never_sent and wire.order(spec) is None
    wire.run(1 * S)
    assert not wire.live.is_trusted
    wire.live.on_reconciled(wire.live.take_snapshot(), wire.now_ns, is_settled=True)
    assert wire.live.is_trusted


@each_venue
def test_an_order_is_placed_and_cancelled_over_the_order_socket(venue):
    wire = LiveWire(venue).trusted()
    spec = wire.place()
    wire.run(1 * S)
    assert wire.order(spec).is_open and wire.last(spec) is ReplyKind.ack
    wire.submit(RequestKind.cancel, spec)
    wire.run(1 * S)
    assert not wire.order(spec).is_open and wire.last(spec) is ReplyKind.cancelled


@each_venue
def test_orders_go_over_rest_while_the_order_socket_is_away(venue):
    wire = LiveWire(venue).trusted()
    wire.lose(Way.order_socket)
    spec = wire.place(is_closing=True)
    wire.run(20 * MS)
    assert wire.order(spec) is not None
    wire.run(3 * S)
    assert ReplyKind.ack in wire.kinds(spec)


@each_venue
def test_a_fill_is_told_once_for_each_trade(venue):
    wire = LiveWire(venue).trusted()
    spec = wire.place(away=-50, force=TimeInForce.ioc)
    wire.run(1 * S)
    trades = wire.exchange.truth(wire.account).trades
    told = {reply.trade_id: reply for reply in wire.replies if reply.kind is ReplyKind.fill}
    assert set(told) == {trade.trade_id for trade in trades} and trades
    assert {reply.client_order_id for reply in told.values()} == {spec.client_order_id}


@each_venue
@pytest.mark.parametrize("kind", [FaultKind.order_unknown_done, FaultKind.order_cut_done])
def test_an_order_whose_answer_is_lost_is_found_by_a_query_and_never_sent_again(venue, kind):
    wire = LiveWire(venue, QUICK).trusted()
    wire.arm(kind)
    spec = wire.place()
    wire.run(1 * S)
    assert ReplyKind.unanswered in wire.kinds(spec)
    wire.submit(RequestKind.query, spec)
    wire.run(1 * S)
    answers = [reply for reply in wire.replies if reply.origin is Origin.query]
    assert answers[-1].kind is ReplyKind.ack and wire.order(spec).is_open
    assert len(wire.exchange.truth(wire.account).orders) == 1


@each_venue
@pytest.mark.parametrize("kind", [FaultKind.order_unknown_lost, FaultKind.order_cut_lost])
def test_an_order_that_never_arrived_is_called_absent_only_when_that_is_proven(venue, kind):
    wire = LiveWire(venue, QUICK).trusted()
    wire.arm(kind)
    spec = wire.place()
    sent_ns = wire.now_ns
    while ReplyKind.absent not in wire.kinds(spec):
        assert wire.now_ns < sent_ns + 20 * S
        wire.submit(RequestKind.query, spec)
        wire.run(500 * MS)
    assert wire.now_ns >= sent_ns + QUICK.absent_after_ns and wire.order(spec) is None


@each_venue
def test_a_venue_that_never_answers_leaves_the_outcome_unknown(venue):
    wire = LiveWire(venue, QUICK).trusted()
    wire.is_cut = True
    spec = wire.place()
    wire.run(1 * S)
    assert wire.kinds(spec) == [ReplyKind.unanswered]
    assert [reply.origin for reply in wire.replies][-1] is Origin.shell


@each_venue
def test_a_lost_user_stream_stops_opening_until_it_is_back_and_a_round_was_judged(venue):
    wire = LiveWire(venue).trusted()
    rounds = wire.live.to_json(wire.now_ns)["rounds"]
    wire.lose(wire.live.events_way)
    assert not wire.live.is_trusted and wire.live.heard_ns(wire.now_ns) == 0
    wire.trusted()
    assert wire.live.to_json(wire.now_ns)["rounds"] > rounds
    assert Told.lost in [event.told for event in wire.events]


@each_venue
def test_a_deaf_user_stream_is_opened_anew(venue):
    wire = LiveWire(venue, QUICK).trusted()
    wire.arm(FaultKind.stream_silent, duration_ms=1_500)
    opened = len(wire.opened)
    spec = wire.place()
    wire.until(lambda: len(wire.opened) > opened)
    assert any("did not tell of the acknowledged order" in text for text in wire.texts())
    wire.trusted()
    assert wire.order(spec).is_open


@each_venue
def test_an_expired_subscription_is_made_again(venue):
    wire = LiveWire(venue, QUICK).trusted()
    wire.arm(FaultKind.stream_expired)
    wire.place()
    wire.until(lambda: not wire.live.is_trusted)
    wire.trusted()
    spec = wire.place()
    wire.run(1 * S)
    assert any(reply.origin is Origin.stream for reply in wire.replies if reply.client_order_id == spec.client_order_id)


@each_venue
def test_a_socket_is_followed_before_it_is_too_old_and_nothing_is_missed(venue):
    limits = LiveLimits(rotate_ns=20 * S, reconcile_ns=600 * S)
    wire = LiveWire(venue, limits).trusted()
    opened = len(wire.opened)
    specs = []
    for _ in range(30):
        specs.append(wire.place())
        wire.run(1 * S)
        assert wire.live.is_trusted
    assert len(wire.opened) > opened
    for spec in specs:
        assert any(
            reply.origin is Origin.stream for reply in wire.replies if reply.client_order_id == spec.client_order_id
        )
    ready = [socket for socket in wire.live.sockets() if socket.state is SocketState.ready]
    assert len(ready) == len({socket.way for socket in ready})


@each_venue
def test_a_followed_stream_is_heard_a_while_longer_as_events_may_still_be_on_their_way(venue):
    wire = LiveWire(venue, LiveLimits(rotate_ns=20 * S, order_timeout_ns=2 * S)).trusted()
    followed = wire.live.serving(wire.live.events_way)
    wire.until(lambda: wire.live.serving(wire.live.events_way) != followed)
    wire.run(1 * S)
    assert followed in [socket.number for socket in wire.live.sockets()]
    wire.run(2 * S)
    assert followed not in [socket.number for socket in wire.live.sockets()]


@each_venue
def test_a_refused_limit_is_obeyed_and_cancels_still_go(venue):
    wire = LiveWire(venue).trusted()
    resting = wire.place()
    wire.run(200 * MS)
    wire.arm(FaultKind.order_refused, status=429, retry_after_s=5, request="place")
    refused = wire.place()
    wire.run(2 * S)
    assert wire.order(refused) is None and wire.last(refused) is ReplyKind.rejected
    wire.submit(RequestKind.cancel, resting)
    wire.until(lambda: wire.last(resting) is ReplyKind.cancelled, 20)


@each_venue
def test_a_query_that_left_before_a_cancel_says_nothing_of_the_order(venue):
    wire = LiveWire(venue).trusted()
    spec = wire.place()
    wire.run(1 * S)
    for kind in (RequestKind.query, RequestKind.cancel):
        wire.live.submit(OrderRequest(kind, spec), wire.now_ns)
    wire.run(1 * S)
    assert Origin.query not in [reply.origin for reply in wire.replies] and wire.last(spec) is ReplyKind.cancelled
    wire.submit(RequestKind.query, spec)
    wire.run(1 * S)
    assert wire.replies[-1].origin is Origin.query


@each_venue
@pytest.mark.parametrize("is_cancelled", [True, False], ids=["cancelled", "halted"])
def test_a_placement_that_waits_to_go_again_never_leaves_once_it_is_not_wanted(venue, is_cancelled):
    wire = LiveWire(venue, LiveLimits(order_life_ns=30 * S)).trusted()
    wire.arm(FaultKind.order_refused, status=429, retry_after_s=3, request="place")
    spec = wire.place()
    wire.run(100 * MS)
    assert wire.kinds(spec) == []
    if is_cancelled:
        wire.submit(RequestKind.cancel, spec)
    else:
        wire.live.halt("a person said so", wire.now_ns)
    wire.run(6 * S)
    assert wire.kinds(spec) == [ReplyKind.rejected] and wire.order(spec) is None
    assert wire.replies[-1].reason is VenueReason.never_sent


def test_a_listen_key_is_renewed_and_a_lost_one_asked_for_anew():
    limits = LiveLimits(listen_key_every_ns=5 * S)
    wire = LiveWire("binance_usdm", limits).trusted()
    wire.run(30 * S)
    assert wire.live.is_trusted and wire.live.to_json(wire.now_ns)["last_problem"] == ""


def test_a_session_that_ends_leaves_no_listen_key_behind_and_asks_for_none():
    wire = LiveWire("binance_usdm", LiveLimits(listen_key_every_ns=5 * S)).trusted()
    assert wire.live.leave(wire.now_ns) is not None and wire.live.gateway.user_path
    wire.settle()
    assert [outcome.is_accepted for _, outcome in wire.live.take_answers()] == [True]
    wire.run(30 * S)
    assert wire.live.gateway.user_path is None and not wire.live.is_trusted


@each_venue
def test_the_same_session_gives_the_same_bytes(venue):
    def session():
        wire = LiveWire(venue).trusted()
        specs = [wire.place(away=away) for away in (100, -20, 50)]
        wire.run(1 * S)
        wire.submit(RequestKind.cancel, specs[0])
        wire.run(1 * S)
        return [reply.encode() for reply in wire.replies]

    assert session() == session()
