"""No limit of a venue is ever exceeded, cancels go on when quotes must wait, and the venue's own word counts."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.venues.gateway import Action, Call, CallKind, LimitUse, Outcome, Way
from streaming.venues.limits import LIMITS, binance_header_uses, binance_stated_uses, bybit_uses, retry_after_ns
from streaming.venues.rate_budget import (
    BAN_NS,
    MINUTE_NS,
    NS_PER_MS,
    NS_PER_S,
    SLOT_WORDS,
    WORDS,
    Cost,
    RateBudget,
    Shares,
    Use,
    cost_of,
)

NOW_NS = 1_790_000_000 * NS_PER_S
WHOLE = Shares(ours=1.0, cancel_reserve=0.0, order_reserve=0.0)
CREATE = Cost(use=Use.order, orders=1, pool="create")
CANCEL = Cost(use=Use.cancel, pool="cancel")


def budget(venue="binance_spot", shares=None, **more):
    return RateBudget(LIMITS[venue], shares=shares or WHOLE, **more)


def spend(found, cost, times, now_ns=NOW_NS):
    return sum(found.try_take(cost, now_ns) == 0 for _ in range(times))


def call(kind=CallKind.place, way=Way.rest, **more):
    return Call(number=1, kind=kind, way=way, ts_ns=NOW_NS, **more)


def test_weight_of_a_minute_is_spent_once_and_again_in_the_next():
    found, cost = budget(), Cost(use=Use.order, weight=250)
    assert spend(found, cost, 30) == 24
    wait_ns = found.wait_ns(cost, NOW_NS)
    assert (NOW_NS + wait_ns) % MINUTE_NS == 0
    assert wait_ns <= MINUTE_NS
    assert found.wait_ns(cost, NOW_NS + wait_ns) == 0


def test_orders_of_ten_seconds_are_counted_apart_from_weight():
    found, cost = budget(), Cost(use=Use.order, weight=0, orders=1)
    assert spend(found, cost, 150) == 100
    assert found.wait_ns(Cost(use=Use.order, weight=10), NOW_NS) == 0
    later_ns = NOW_NS + found.wait_ns(cost, NOW_NS)
    assert later_ns % (10 * NS_PER_S) == 0


def test_cancels_go_on_when_quotes_and_recording_must_wait():
    shares = Shares(ours=1.0, cancel_reserve=0.2, order_reserve=0.3)
    found = budget(shares=shares)
    assert spend(found, Cost(use=Use.data, weight=100), 100) == 30
    assert spend(found, Cost(use=Use.order, weight=100), 100) == 18
    assert found.wait_ns(Cost(use=Use.order, weight=1), NOW_NS) > 0
    assert spend(found, Cost(use=Use.cancel, weight=100), 100) == 12


def test_only_our_share_of_the_address_is_ours_but_all_of_the_account():
    found = budget(shares=Shares(ours=0.5, cancel_reserve=0.0))
    assert spend(found, Cost(use=Use.order, weight=100), 100) == 30
    assert spend(found, Cost(use=Use.order, weight=0, orders=1), 200) == 100


def test_others_at_our_address_hold_up_quotes_and_no_cancel_that_the_venue_would_take():
    found = budget(shares=Shares())
    found.on_uses([LimitUse(name="weight_1m", used=5_500, limit=0)], NOW_NS, NOW_NS)
    assert found.wait_ns(Cost(use=Use.order), NOW_NS) > 0
    assert spend(found, Cost(use=Use.cancel, weight=100), 10) == 5


def test_call_heavier_than_all_we_may_spend_goes_alone():
    found, heavy = budget(shares=Shares(ours=0.01, cancel_reserve=0.0)), Cost(use=Use.order, weight=250)
    assert spend(found, heavy, 2) == 1
    assert found.wait_ns(heavy, NOW_NS + MINUTE_NS) == 0


@given(st.lists(st.integers(0, 400), min_size=1, max_size=200))
def test_no_second_ever_holds_more_calls_of_a_pool_than_it_allows(gaps_ms):
    found, now_ns, taken = budget("bybit_spot"), NOW_NS, []
    for gap_ms in gaps_ms:
        now_ns += gap_ms * NS_PER_MS // 10
        if found.try_take(CREATE, now_ns) == 0:
            taken.append(now_ns)
            assert sum(now_ns - NS_PER_S < each for each in taken) <= 20


def test_pool_that_ran_dry_has_room_again_after_the_wait_it_named():
    found = budget("bybit_spot")
    assert spend(found, CREATE, 30) == 20
    wait_ns = found.wait_ns(CREATE, NOW_NS)
    assert NS_PER_S <= wait_ns <= NS_PER_S * 12 // 10
    assert found.wait_ns(CREATE, NOW_NS + wait_ns) == 0
    assert found.wait_ns(CANCEL, NOW_NS) == 0


def test_used_weight_that_the_venue_states_counts_for_others_at_this_address():
    found = budget()
    found.on_uses([LimitUse(name="weight_1m", used=5_990, limit=0)], NOW_NS, NOW_NS)
    assert found.wait_ns(Cost(use=Use.order, weight=20), NOW_NS) > 0
    assert found.wait_ns(Cost(use=Use.order, weight=10), NOW_NS) == 0
    found.on_uses([LimitUse(name="weight_1m", used=10, limit=0)], NOW_NS, NOW_NS)
    assert found.wait_ns(Cost(use=Use.order, weight=20), NOW_NS) > 0, "a reply under way may be older"


def test_reply_of_a_minute_that_is_over_says_nothing_of_this_one():
    found, minute_ns = budget(), (NOW_NS // MINUTE_NS + 1) * MINUTE_NS
    found.on_uses([LimitUse(name="weight_1m", used=6_000, limit=0)], minute_ns - NS_PER_MS, minute_ns + NS_PER_MS)
    assert found.wait_ns(Cost(use=Use.order, weight=20), minute_ns + NS_PER_MS) == 0


def test_limit_that_the_venue_states_replaces_the_usual_one():
    found = budget()
    found.on_uses([LimitUse(name="orders_10s", used=0, limit=50)], NOW_NS, NOW_NS)
    assert spend(found, Cost(use=Use.order, weight=0, orders=1), 100) == 50


def test_nonsense_that_a_reply_states_changes_nothing():
    found = budget()
    found.on_uses([LimitUse(name="weight_1m", used=10**30, limit=10**30)], NOW_NS, NOW_NS)
    assert found.left(NOW_NS)[0] == LimitUse(name="weight_1m", used=0, limit=6_000)


@pytest.mark.parametrize("status", [418, 429, 403])
def test_ban_stops_even_cancels_until_the_venues_time(status):
    found = budget()
    outcome = Outcome(call=call(), action=Action.wait, code=status, retry_at_ns=NOW_NS + 7 * NS_PER_S)
    found.on_outcome(outcome, NOW_NS)
    assert found.wait_ns(CANCEL, NOW_NS) == 7 * NS_PER_S
    assert found.wait_ns(CANCEL, NOW_NS + 7 * NS_PER_S) == 0


def test_bans_without_a_time_double_until_a_reply_is_served():
    found, now_ns = budget(), NOW_NS
    for number in range(3):
        found.on_outcome(Outcome(call=call(), action=Action.wait, code=418), now_ns)
        assert found.wait_ns(CANCEL, now_ns) == BAN_NS << number
        now_ns += found.wait_ns(CANCEL, now_ns)
    found.on_outcome(Outcome(call=call(), is_accepted=True), now_ns)
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=418), now_ns)
    assert found.wait_ns(CANCEL, now_ns) == BAN_NS


def test_answer_over_a_socket_of_the_banned_address_ends_the_doubling_too():
    found = budget()
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=418), NOW_NS)
    served_ns = NOW_NS + BAN_NS
    found.on_outcome(Outcome(call=call(way=Way.order_socket), is_accepted=True), served_ns)
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=418), served_ns)
    assert found.wait_ns(CANCEL, served_ns) == BAN_NS


def test_pool_is_not_stopped_for_days_by_a_time_that_cannot_be():
    found, days_ns = budget("bybit_spot"), 3 * 86_400 * NS_PER_S
    limited = Outcome(call=call(pool="cancel"), action=Action.wait, code=10006, retry_at_ns=NOW_NS + days_ns)
    found.on_outcome(limited, NOW_NS)
    assert found.wait_ns(CANCEL, NOW_NS) == MINUTE_NS


def test_ban_of_bybits_address_leaves_its_sockets_alone():
    found = budget("bybit_spot")
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=403), NOW_NS)
    assert found.wait_ns(CANCEL, NOW_NS) > 0
    assert found.wait_ns(Cost(use=Use.cancel, pool="cancel", is_rest=False), NOW_NS) == 0


def test_too_many_orders_stop_orders_and_not_cancels():
    found = budget()
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=-1015, retry_at_ns=NOW_NS + NS_PER_S), NOW_NS)
    assert found.wait_ns(Cost(use=Use.order, orders=1), NOW_NS) == NS_PER_S
    assert found.wait_ns(CANCEL, NOW_NS) == 0


def test_too_many_calls_of_one_pool_stop_that_pool_alone():
    found = budget("bybit_spot")
    limited = Outcome(call=call(pool="create"), action=Action.wait, code=10006, retry_at_ns=NOW_NS + NS_PER_S // 2)
    found.on_outcome(limited, NOW_NS)
    assert found.wait_ns(CREATE, NOW_NS) == NS_PER_S // 2
    assert found.wait_ns(CANCEL, NOW_NS) == 0


def test_accounts_of_one_address_share_its_weight_and_not_their_orders():
    words = [0] * WORDS
    one, other = (budget(account=name, words=words) for name in ("main", "second"))
    order, weight = Cost(use=Use.order, weight=0, orders=1), Cost(use=Use.order, weight=3_000)
    assert spend(one, order, 200) == 100
    assert spend(other, order, 200) == 100
    assert spend(one, weight, 1) == 1
    assert spend(other, weight, 2) == 1


def test_more_accounts_than_there_is_room_for_are_refused_by_name():
    words = [0] * (3 * SLOT_WORDS)
    with pytest.raises(ValueError, match=r"expected at most .* orders_1d@main"):
        budget(account="main", words=words)


@given(st.lists(st.integers(-5, 5), max_size=60))
def test_clock_that_is_set_back_and_forth_by_minutes_never_frees_what_is_spent(minutes):
    found, spent, cost = budget(), Counter(), Cost(use=Use.order, weight=2_000)
    for minute in minutes:
        if found.try_take(cost, NOW_NS + minute * MINUTE_NS) == 0:
            spent[minute] += 2_000
    assert all(used <= 6_000 for used in spent.values())


def test_clock_that_is_set_back_by_a_day_still_counts():
    found, cost = budget(), Cost(use=Use.order, weight=3_000)
    spend(found, cost, 1)
    assert spend(found, cost, 5, NOW_NS - 86_400 * NS_PER_S) == 2


def test_every_limit_is_told_as_it_stands():
    found = budget()
    found.take(Cost(use=Use.order, weight=42, orders=1), NOW_NS)
    stands = {use.name: (use.used, use.limit) for use in found.left(NOW_NS)}
    assert stands == {"weight_1m": (42, 6_000), "orders_10s": (1, 100), "orders_1d": (1, 200_000)}
    found.on_outcome(Outcome(call=call(), action=Action.wait, code=418), NOW_NS)
    assert found.left(NOW_NS)[-1] == LimitUse(name="address", used=1, limit=1, reset_ns=NOW_NS + BAN_NS)


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        (CallKind.place, Use.order),
        (CallKind.amend, Use.order),
        (CallKind.open_orders, Use.order),
        (CallKind.cancel, Use.cancel),
        (CallKind.query, Use.cancel),
        (CallKind.countdown, Use.cancel),
    ],
)
def test_what_ends_risk_or_asks_for_it_spends_the_reserve(kind, use):
    cost = cost_of(call(kind, Way.order_socket, weight=4, orders=1, pool="create"))
    assert cost == Cost(use=use, weight=4, orders=1, pool="create", is_rest=False)


def test_binances_headers_name_what_is_used():
    headers = {"x-mbx-used-weight-1m": "37", "x-mbx-order-count-10s": "4", "x-mbx-uuid": "x", "x-mbx-used-weight": "37"}
    assert binance_header_uses(headers) == (
        LimitUse(name="weight_1m", used=37, limit=0),
        LimitUse(name="orders_10s", used=4, limit=0),
    )


def test_binances_list_of_limits_names_what_is_allowed_and_used():
    rows = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 20},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300000},
        {"rateLimitType": "ORDERS", "interval": "FORTNIGHT", "intervalNum": 1, "limit": 1},
        "nonsense",
    ]
    assert binance_stated_uses(rows) == (
        LimitUse(name="weight_1m", used=20, limit=6_000),
        LimitUse(name="orders_1d", used=0, limit=200_000),
    )
    assert binance_stated_uses(None) == ()


def test_bybits_headers_name_what_is_left_of_a_pool():
    headers = [("X-Bapi-Limit", "20"), ("X-Bapi-Limit-Status", "19"), ("X-Bapi-Limit-Reset-Timestamp", "1790000000008")]
    assert bybit_uses("create", headers) == (
        LimitUse(name="create", used=1, limit=20, reset_ns=1_790_000_000_008 * NS_PER_MS),
    )
    assert bybit_uses("", headers) == ()
    assert bybit_uses("create", [("X-Bapi-Limit", "")]) == ()


@pytest.mark.parametrize("value", ["\u00b2", "9" * 5_000, "-1", "1.5"])
def test_header_that_is_no_count_says_nothing(value):
    assert binance_header_uses({"x-mbx-used-weight-1m": value}) == ()
    assert bybit_uses("create", [("X-Bapi-Limit", value), ("X-Bapi-Limit-Status", value)]) == ()
    assert retry_after_ns({"retry-after": value}) == 0


def test_wait_that_a_reply_names_is_at_most_the_longest_ban():
    assert retry_after_ns({"retry-after": "30"}) == 30 * NS_PER_S
    assert retry_after_ns({"retry-after": "9" * 12}) == 3 * 86_400 * NS_PER_S
