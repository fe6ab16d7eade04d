"""The life of private sockets: connecting, entering, serving, following, ending."""

import random

import pytest

from streaming.live.links import TABLE, Links, SocketAction, SocketEvent, SocketState
from streaming.live.words import LiveLimits
from streaming.venues.gateway import Way

S = 1_000_000_000
WAY = Way.order_socket
LIMITS = LiveLimits(connect_ns=5 * S, pong_ns=4 * S, ping_every_ns=2 * S, rotate_ns=100 * S, backoff_min_ns=S)


def links():
    found = Links([WAY], LIMITS, random.Random(1))
    found.want(WAY, 0)
    return found


def serving(found, ts_ns=0):
    socket = found.asked(WAY, ts_ns)
    found.opened(socket, ts_ns)
    found.entered(socket, ts_ns)
    return socket


def test_every_state_that_can_be_left_ends_in_gone_and_gone_is_the_end():
    assert {state for state, _ in TABLE} == set(SocketState) - {SocketState.gone}
    for state in set(SocketState) - {SocketState.gone}:
        assert SocketState.gone in {to for (origin, _), (to, _) in TABLE.items() if origin is state}


def test_a_transition_that_is_not_listed_is_a_mistake():
    found = links()
    socket = serving(found)
    with pytest.raises(KeyError):
        found.opened(socket, 1)


def test_a_socket_serves_only_once_everything_it_was_sent_is_accepted():
    found = links()
    socket = found.asked(WAY, 0)
    assert found.serving(WAY) is None
    found.opened(socket, 1)
    assert found.serving(WAY) is None and socket.state is SocketState.entering
    found.entered(socket, 2)
    assert found.serving(WAY) is socket


def test_a_socket_that_is_not_ready_in_time_is_ended():
    found = links()
    found.asked(WAY, 0)
    assert found.next_ns() == 5 * S
    (due,) = found.due(5 * S)
    assert due.kind == "end" and "not ready within 5 s" in due.reason


def test_a_quiet_socket_is_pinged_and_ended_when_no_answer_comes():
    found = links()
    socket = serving(found)
    (due,) = found.due(2 * S)
    assert due.kind == "ping"
    found.pinged(socket, 2 * S)
    assert [item.kind for item in found.due(4 * S)] == ["ping"]
    found.pinged(socket, 4 * S)
    (due,) = found.due(6 * S)
    assert due.kind == "end" and "no answer to a ping" in due.reason


def test_anything_that_comes_answers_a_ping():
    found = links()
    socket = serving(found)
    found.pinged(socket, 2 * S)
    found.heard(socket, 3 * S)
    assert [item.kind for item in found.due(6 * S)] == ["ping"]


def test_a_lost_socket_is_followed_after_a_pause_that_grows_with_each_failure():
    found, waits = links(), []
    for turn in range(4):
        now_ns = turn * 1_000 * S
        socket = found.asked(WAY, now_ns)
        assert found.ended(socket, SocketEvent.lost, now_ns) is SocketAction.bury
        waits.append(found.next_ns() - now_ns)
    assert waits == sorted(waits) and waits[0] >= S // 2 and waits[-1] > 3 * waits[0]


def test_an_old_socket_serves_until_its_follower_does_and_then_drains():
    found = links()
    old = serving(found)
    while not (due := [item for item in found.due(found.next_ns()) if item.kind == "open"]):
        found.pinged(old, found.next_ns())
        found.heard(old, found.next_ns())
        old.deadline_ns += 2 * S
    assert due[0].way is WAY and found.serving(WAY) is old
    follower = found.asked(WAY, 99 * S)
    found.opened(follower, 99 * S)
    assert found.serving(WAY) is old
    assert found.entered(follower, 99 * S) is old
    assert found.serving(WAY) is follower and old.state is SocketState.draining
    found.drained(old, 100 * S)
    assert [item.socket for item in found.due(100 * S) if item.kind == "end"] == [old]


def test_a_follower_that_fails_leaves_the_serving_socket_alone_and_is_tried_again():
    found = links()
    old = serving(found)
    follower = found.asked(WAY, 98 * S)
    found.ended(follower, SocketEvent.lost, 98 * S)
    assert found.serving(WAY) is old
    assert "open" not in [item.kind for item in found.due(98 * S)]
    assert "open" in [item.kind for item in found.due(100 * S)]


def test_a_drained_socket_that_ends_asks_for_no_other():
    found = links()
    old = serving(found)
    follower = serving(found, 99 * S)
    assert found.ended(old, SocketEvent.due, 100 * S) is SocketAction.drop
    assert found.serving(WAY) is follower and not [item for item in found.due(100 * S) if item.kind == "open"]
