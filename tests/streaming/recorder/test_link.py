"""The life of a connection: only listed moves happen, and each silence ends in a new try."""

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from streaming.recorder.backoff import Backoff
from streaming.recorder.link import PATIENCE_MAX, TRANSITIONS, Link, LinkAction, LinkEvent, LinkLimits, LinkState
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


# --- one silent book beside others ---

OTHER = Stream("other", StreamKind.book, "Y")


def two_books(**limits):
    """A live connection with the books of X and Y, both heard at 2."""
    link = Link((BOOK, OTHER, TRADE), replace(LIMITS, **limits), Backoff(random.Random(1), 20, 100))
    link.start(0)
    link.fire(LinkEvent.due, 0)
    link.fire(LinkEvent.opened, 1)
    link.heard("book", 2)
    assert link.heard("other", 2) is LinkAction.settle
    return link


def silence_of_other(link, end_ns):
    """Only X speaks, each ns, until `end_ns`; return when the other's subscription was made again."""
    renewed = []
    for now_ns in range(3, end_ns):
        link.heard("book", now_ns)
        if link.is_due(now_ns):
            action = link.overdue(now_ns)
            assert action in (LinkAction.probe, LinkAction.renew)
            if action is LinkAction.renew:
                assert link.renew_silent(now_ns) == ["other"]
                renewed.append(now_ns)
    return renewed


def test_a_silent_book_does_not_cost_the_others_their_connection():
    link = two_books()

    renewed = silence_of_other(link, 2_000)

    pauses = [after - before for before, after in pairwise(renewed)]
    assert renewed[0] == 2 + LIMITS.stale_ns + LIMITS.probe_ns
    assert pauses == [2 * 30 + 10, 4 * 30 + 10, 8 * 30 + 10, 16 * 30 + 10, 32 * 30 + 10]


def test_patience_with_a_silent_book_has_an_end():
    link = two_books()
    renewed = silence_of_other(link, 12_000)
    assert renewed[-1] - renewed[-2] == PATIENCE_MAX * LIMITS.stale_ns + LIMITS.probe_ns


def test_a_frame_of_a_silent_book_forgets_its_silences():
    link = two_books()
    silence_of_other(link, 300)
    assert link.renewals == {"other": 3}
    link.heard("other", 300)
    assert link.renewals == {}
    assert link.next_deadline_ns() == 299 + LIMITS.stale_ns


def test_a_connection_on_which_no_book_speaks_is_given_up_as_soon_as_the_liveliest_is_missed():
    link = two_books(stale_ns_by_symbol={"Y": 1_000})
    link.heard("book", 20)
    assert link.is_due(50)
    assert link.overdue(50) is LinkAction.probe
    assert link.overdue(60) is LinkAction.drop


def test_an_instrument_may_be_silent_for_longer_than_the_others():
    link = two_books(stale_ns_by_symbol={"Y": 1_000})
    assert silence_of_other(link, 1_011) == []
    assert link.renewals == {}


def test_an_instrument_that_is_not_traded_need_not_speak():
    resting = set()
    link = Link((BOOK, OTHER), LIMITS, Backoff(random.Random(1), 20, 100), resting)
    link.start(0)
    link.fire(LinkEvent.due, 0)
    link.fire(LinkEvent.opened, 1)
    resting.add("Y")
    assert link.heard("book", 2) is LinkAction.settle
    link.heard("book", 1_000)
    assert not link.is_due(1_001)
    resting.add("X")  # nothing is left that must speak: a pong is enough
    assert link.is_due(1_500)
    assert link.overdue(1_500) is LinkAction.probe
    link.heard_pong(1_501)
    assert link.state is LinkState.live


def test_a_connection_goes_live_though_one_book_has_not_spoken_yet():
    link = Link((BOOK, OTHER), LIMITS, Backoff(random.Random(1), 20, 100))
    link.start(0)
    link.fire(LinkEvent.due, 0)
    link.fire(LinkEvent.opened, 1)
    link.heard("book", 2)
    assert link.is_due(51)
    assert link.overdue(51) is LinkAction.settle
    link.heard("book", 51)
    assert link.overdue(51) is LinkAction.probe  # the other one is overdue at once
    link.heard("book", 52)
    assert link.overdue(61) is LinkAction.renew


def test_a_rarely_traded_book_alone_may_let_its_first_frame_wait():
    link = Link((OTHER,), replace(LIMITS, stale_ns_by_symbol={"Y": 1_000}), Backoff(random.Random(1), 20, 100))
    link.start(0)
    link.fire(LinkEvent.due, 0)
    link.fire(LinkEvent.opened, 1)
    assert not link.is_due(1_000) and link.is_due(1_001)


def test_a_stream_that_nobody_asked_for_is_not_kept():
    link = two_books()
    for number in range(100):
        link.heard(f"stranger {number}", 3)
    assert link.silent_streams() == ["trade"]
    assert len(link._heard_ns) == 2
