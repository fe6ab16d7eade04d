"""A venue's limits are kept, and what it says of itself is believed."""

import pytest

from streaming.venues.budget import MINUTE_NS, NS_PER_S, WeightBudget
from streaming.venues.replies import Reply


def spent(budget, weight, now_ns=0):
    assert budget.wait_ns(weight, now_ns) == 0
    budget.take(weight, now_ns)


def test_share_of_the_limit_is_spent_then_refilled_evenly():
    budget = WeightBudget(2_400, 0.5, 0)
    spent(budget, 1_200)
    wait_ns = budget.wait_ns(20, 0)
    assert wait_ns == pytest.approx(NS_PER_S, rel=0.01)
    assert budget.wait_ns(20, wait_ns) == 0


def test_request_heavier_than_the_share_waits_for_a_full_bucket_not_for_ever():
    budget = WeightBudget(100, 0.5, 0)
    assert budget.wait_ns(250, 0) == 0
    budget.take(250, 0)
    assert 0 < budget.wait_ns(1, 0) < 5 * MINUTE_NS


def test_what_others_at_this_address_used_is_not_ours():
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(200, b"", used_weight=2_390), 0)
    assert budget.wait_ns(20, 0) > 0
    assert budget.wait_ns(10, 0) == 0


def test_429_blocks_for_retry_after():
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(429, b"", retry_after_s=7), 0)
    assert budget.wait_ns(1, 0) == 7 * NS_PER_S
    assert budget.wait_ns(1, 7 * NS_PER_S) == 0
    assert budget.refusals == 1


def test_429_without_retry_after_blocks_for_a_minute():
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(429, b""), 0)
    assert budget.wait_ns(1, 0) == MINUTE_NS


@pytest.mark.parametrize("status", [418, 403])
def test_each_further_ban_without_retry_after_is_twice_as_long(status):
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(status, b""), 0)
    first_ns = budget.wait_ns(1, 0)
    budget.on_reply(Reply(status, b""), first_ns)
    assert budget.wait_ns(1, first_ns) == 2 * first_ns == 4 * MINUTE_NS


def test_a_shorter_block_never_ends_a_longer_one():
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(418, b"", retry_after_s=300), 0)
    budget.on_reply(Reply(429, b"", retry_after_s=1), 0)
    assert budget.wait_ns(1, 0) == 300 * NS_PER_S


def test_absurd_words_of_a_venue_block_for_a_bounded_time():
    budget = WeightBudget(2_400, 1.0, 0)
    budget.on_reply(Reply(200, b"", used_weight=999_999_999), 0)
    assert budget.wait_ns(1, 0) < 2 * MINUTE_NS
    budget.on_reply(Reply(418, b"", retry_after_s=1e9), 0)
    assert budget.wait_ns(1, 0) == 3 * 24 * 60 * MINUTE_NS
