"""A wish for a snapshot: the first try at once, each further one later, until the book is whole."""

import random

import pytest

from streaming.recorder.backoff import Backoff
from streaming.recorder.desk import TRANSITIONS, DeskEvent, DeskState, SnapshotWish


def a_wish():
    return SnapshotWish(Backoff(random.Random(1), 100, 1_000), check_ns=50)


def test_the_first_request_leaves_at_once():
    wish = a_wish()
    wish.fire(DeskEvent.wanted, 7)
    assert wish.is_due(7)


def test_each_failed_try_waits_longer_up_to_the_cap():
    wish, now, waits = a_wish(), 0, []
    wish.fire(DeskEvent.wanted, now)
    for _ in range(8):
        wish.fire(DeskEvent.sent, now)
        wish.fire(DeskEvent.failed, now)
        assert wish.due_ns is not None
        waits.append(wish.due_ns - now)
        now = wish.due_ns
    assert waits[0] <= 100 and waits[-1] <= 1_000
    assert all(wait >= 500 for wait in waits[4:])
    assert wish.attempts == 8


def test_an_answer_that_does_not_make_the_book_whole_is_asked_for_again():
    wish = a_wish()
    for event in (DeskEvent.wanted, DeskEvent.sent, DeskEvent.answered):
        wish.fire(event, 10)
    assert wish.is_due(60)
    wish.fire(DeskEvent.due, 60)
    assert wish.state is DeskState.waiting and wish.due_ns is not None and wish.due_ns > 60


def test_a_whole_book_ends_the_episode():
    wish = a_wish()
    for event in (DeskEvent.wanted, DeskEvent.sent, DeskEvent.answered, DeskEvent.synced):
        wish.fire(event, 10)
    assert (wish.state, wish.attempts, wish.due_ns) == (DeskState.idle, 0, None)


def test_a_snapshot_too_old_to_bridge_is_asked_for_again_after_a_pause():
    wish = a_wish()
    for event in (DeskEvent.wanted, DeskEvent.sent, DeskEvent.answered, DeskEvent.wanted):
        wish.fire(event, 10)
    assert wish.due_ns is not None and 60 <= wish.due_ns <= 110


@pytest.mark.parametrize("state", list(DeskState))
def test_a_wish_can_come_and_a_book_become_whole_in_any_state(state):
    assert (state, DeskEvent.wanted) in TRANSITIONS
    assert (state, DeskEvent.synced) in TRANSITIONS
