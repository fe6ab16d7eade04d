"""The offset of a venue's clock is known as well as the quickest answers prove, and never better."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.clock_offset import NS_PER_MS, NS_PER_S, ClockAsking, ClockOffset


def venue_ms(ours_ns, offset_ns):
    """What a venue prints whose clock is ahead by `offset_ns`: whole milliseconds."""
    return (ours_ns + offset_ns) // NS_PER_MS * NS_PER_MS


def asked(clock, sent_ns, there_ns, back_ns, offset_ns):
    clock.on_answer(sent_ns, sent_ns + there_ns + back_ns, venue_ms(sent_ns + there_ns, offset_ns))


@given(
    offset_ms=st.integers(-5_000, 5_000),
    ways=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=60),
)
def test_true_offset_always_lies_within_the_uncertainty(offset_ms, ways):
    clock, offset_ns, now_ns = ClockOffset(), offset_ms * NS_PER_MS, 10**18
    for there_ms, back_ms in ways:
        asked(clock, now_ns, there_ms * NS_PER_MS, back_ms * NS_PER_MS, offset_ns)
        now_ns += 60 * NS_PER_S
        assert abs(clock.offset_ns(now_ns) - offset_ns) <= clock.uncertainty_ns(now_ns)
    assert clock.steps == 0


def test_quickest_answer_counts_and_not_the_last():
    clock = ClockOffset()
    asked(clock, 0, 1 * NS_PER_MS, 1 * NS_PER_MS, 500 * NS_PER_MS)
    asked(clock, NS_PER_S, 200 * NS_PER_MS, 2 * NS_PER_MS, 500 * NS_PER_MS)
    assert clock.uncertainty_ns(NS_PER_S) < 3 * NS_PER_MS
    assert abs(clock.offset_ns(NS_PER_S) - 500 * NS_PER_MS) < 2 * NS_PER_MS


def test_old_answer_grows_unsure_until_a_fresh_one_is_surer():
    clock = ClockOffset()
    asked(clock, 0, 0, 0, 0)
    hour_ns = 3_600 * NS_PER_S
    assert clock.uncertainty_ns(hour_ns) > 150 * NS_PER_MS
    asked(clock, hour_ns, 20 * NS_PER_MS, 20 * NS_PER_MS, 50 * NS_PER_MS)
    assert clock.uncertainty_ns(hour_ns + NS_PER_S) < 25 * NS_PER_MS


def test_clock_that_was_set_is_believed_at_once_and_asked_again_soon():
    clock = ClockOffset()
    for number in range(5):
        asked(clock, number * NS_PER_S, NS_PER_MS, NS_PER_MS, 0)
    asked(clock, 6 * NS_PER_S, NS_PER_MS, NS_PER_MS, 1_500 * NS_PER_MS)
    assert clock.steps == 1
    assert abs(clock.offset_ns(6 * NS_PER_S) - 1_500 * NS_PER_MS) < 3 * NS_PER_MS
    clock.on_asked(6 * NS_PER_S)
    assert clock.next_ask_ns(6 * NS_PER_S) == 6 * NS_PER_S + 200 * NS_PER_MS


def test_venue_is_asked_quickly_at_first_then_seldom_and_more_often_while_unsure():
    clock, now_ns = ClockOffset(ClockAsking(first_samples=3)), 0
    assert clock.next_ask_ns(0) == 0
    for _ in range(3):
        clock.on_asked(now_ns)
        assert clock.next_ask_ns(now_ns) - now_ns == 200 * NS_PER_MS
        asked(clock, now_ns, NS_PER_MS, NS_PER_MS, 0)
        now_ns += 200 * NS_PER_MS
    clock.on_asked(now_ns)
    assert clock.next_ask_ns(now_ns) - now_ns == 60 * NS_PER_S
    unsure = ClockOffset(ClockAsking(first_samples=1))
    asked(unsure, 0, NS_PER_S, NS_PER_S, 0)
    unsure.on_asked(2 * NS_PER_S)
    assert unsure.next_ask_ns(2 * NS_PER_S) == 7 * NS_PER_S


def test_refusal_for_the_time_asks_at_once_and_goes_on_by_the_last_estimate_until_it_is_answered():
    clock = ClockOffset()
    assert not clock.is_known
    clock.on_answer(0, 10, 7 * NS_PER_S)
    clock.on_asked(0)
    known_ns = clock.offset_ns(NS_PER_S)
    clock.on_refused()
    assert clock.is_known
    assert clock.offset_ns(NS_PER_S) == known_ns > 6 * NS_PER_S
    assert clock.uncertainty_ns(NS_PER_S) is None
    assert clock.next_ask_ns(NS_PER_S) <= NS_PER_S


def test_answer_before_its_question_is_a_mistake():
    with pytest.raises(ValueError, match="expected an answer after"):
        ClockOffset().on_answer(10, 9, 0)
