"""The life of a connection: only listed moves happen, and each silence ends in a new try."""

import random

import pytest

from streaming.recorder.backoff import Backoff
from streaming.recorder.link import TRANSITIONS, Link, LinkAction, LinkEvent, LinkLimits, LinkState
from streaming.venues.dialect import Stream, StreamKind

LIMITS = LinkLimits(connect_ns=100, first_message_ns=50, stale_ns=30, quiet_ns=500, probe_ns=10)
BOOK = Stream("book", StreamKind.book, "X")
TRADE = Stream("trade", StreamKind.trade, "X")


def a_link(*streams):
    link = Link(streams or (BOOK, TRADE), LIMITS, Backoff(random.Random(1), 20, 100))
    link.start(0)
    return link


def a_live_link(*streams):
    link = a_link(*streams)
    assert link.fire(LinkEvent.due, 0) is LinkAction.open
    assert link.fire(LinkEvent.opened, 1) is LinkAction.subscribe
    assert link.heard((streams or (BOOK,))[0].name, 2) is LinkAction.settle
    return link


@pytest.mark.parametrize("state", list(LinkState))
@pytest.mark.parametrize("event", list(LinkEvent))
def test_an_unlisted_move_is_refused(state, event):
    link = a_link()
    link.state = state
    if (state, event) in TRANSITIONS:
        link.fire(event, 5)
        assert link.state is TRANSITIONS[(state, event)][0]
    else:
        with pytest.raises(KeyError):
            link.fire(event, 5)


def test_every_state_but_closed_ends_when_its_time_is_over():
    for state in LinkState:
        listed = (state, LinkEvent.due) in TRANSITIONS
        assert listed == (state is not LinkState.closed)


def test_trades_alone_do_not_make_a_connection_live_that_carries_a_book():
    link = a_link()
    link.fire(LinkEvent.due, 0)
    link.fire(LinkEvent.opened, 1)
    assert link.heard("trade", 2) is LinkAction.nothing
    assert link.state is LinkState.subscribing
    assert link.silent_streams() == ["book"]
    assert link.is_due(51)


def test_a_silent_book_is_asked_once_and_then_given_up():
    link = a_live_link()
    link.heard("trade", 31)  # trades do not speak for the book
    assert link.is_due(32)
    assert link.fire(LinkEvent.due, 32) is LinkAction.probe
    assert link.heard_pong(33) is LinkAction.nothing
    assert link.is_due(42)
    assert link.fire(LinkEvent.due, 42) is LinkAction.drop


def test_a_stalled_book_that_speaks_again_is_live():
    link = a_live_link()
    link.fire(LinkEvent.due, 32)
    link.heard("book", 33)
    assert link.state is LinkState.live
    assert not link.is_due(62)


def test_a_quiet_connection_of_trades_lives_on_an_answered_ping():
    link = a_live_link(TRADE)
    assert link.fire(LinkEvent.due, 502) is LinkAction.probe
    link.heard_pong(503)
    assert link.state is LinkState.live
    assert link.next_deadline_ns() == 1_003


def test_waits_grow_with_failures_and_shrink_to_nothing_once_it_works():
    link = a_link()
    waits = []
    for now in range(0, 8_000, 1_000):
        link.fire(LinkEvent.due, now)
        link.fire(LinkEvent.lost, now)
        deadline = link.next_deadline_ns()
        assert deadline is not None
        waits.append(deadline - now)
    assert 10 <= waits[0] <= 20 and 20 <= waits[1] <= 40
    assert all(50 <= wait <= 100 for wait in waits[3:])
    link.fire(LinkEvent.due, 9_000)
    link.fire(LinkEvent.opened, 9_001)
    link.heard("book", 9_002)
    link.fire(LinkEvent.lost, 9_003)
    deadline = link.next_deadline_ns()
    assert deadline is not None and deadline - 9_003 <= 20
