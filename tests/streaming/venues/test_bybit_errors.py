"""Every code that Bybit lists has its consequence."""

import pytest

from streaming.venues.bybit_errors import CODES, STATUSES, verdict_of, verdict_of_status
from streaming.venues.gateway import Action, CallKind
from streaming.venues.venue_reply import VenueReason

LISTED = {
    Action.resync_clock: (-1, 10002),
    Action.resolve: (
        *(10000, 10016, 170001, 170007, 170032, 170234, 170146, 170147, 170310),
        *(170149, 170150, 170210, 170311, 170144, 170145, 170191, 170212, 170141, 10014, 20006),
    ),
    Action.halt: (
        *(10003, 10004, 10005, 10007, 10010, -2015, 33004, 10008, 10009, 10024, 10027, 10028),
        *(20001, 10017, 10404, 170115, 170116, 170117, 170121, 170130, 170105),
    ),
    Action.wait: (10006, 170005, 170222, 10403, 20003),
    Action.retry: (429, 10429, 10019),
    Action.halt_instrument: (10029, 170157, 170209, 170219, 170348, 170151, 170159, 170206),
    Action.settle: (110001, 170213, 170143, 170139, 170142, 170190),
    Action.refuse: (
        *(10001, 170124, 170381, 170382, 170341, 170131, 170033, 170312, 170313, 170810, 170217, 170218),
        *(170132, 170133, 170192, 170193, 170194, 170371, 170372, 170134, 170137, 170148, 170136, 170140),
    ),
}
"""As the venue's page lists the codes that spot orders meet, and the trade socket's."""


@pytest.mark.parametrize(("action", "codes"), LISTED.items(), ids=str)
def test_each_listed_code_has_its_action(action, codes):
    assert {code: verdict_of(CallKind.place, code).action for code in codes} == dict.fromkeys(codes, action)


def test_no_code_has_an_action_that_no_list_names():
    assert set(CODES) == {code for codes in LISTED.values() for code in codes}


@pytest.mark.parametrize("kind", [CallKind.place, CallKind.amend, CallKind.cancel])
@pytest.mark.parametrize("code", [10016, 170999])
def test_failure_and_unheard_of_code_leave_an_orders_outcome_unknown(kind, code):
    assert verdict_of(kind, code).action is Action.resolve


@pytest.mark.parametrize("kind", [CallKind.query, CallKind.open_orders, CallKind.balances])
def test_question_that_failed_is_asked_again(kind):
    assert verdict_of(kind, 10016).action is Action.retry
    assert verdict_of_status(kind, 503).action is Action.retry


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (400, Action.refuse),
        (401, Action.halt),
        (403, Action.wait),
        (404, Action.halt),
        (429, Action.retry),
        (500, Action.resolve),
        (502, Action.resolve),
        (503, Action.resolve),
        (504, Action.resolve),
    ],
)
def test_each_http_status_has_its_action(status, action):
    assert verdict_of_status(CallKind.place, status).action is action
    assert status >= 500 or status in STATUSES


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (170131, VenueReason.balance),
        (170140, VenueReason.filter),
        (170193, VenueReason.filter),
        (170218, VenueReason.would_take),
        (170810, VenueReason.open_orders_max),
        (170141, VenueReason.duplicate_id),
        (170213, VenueReason.unknown_order),
        (10006, VenueReason.rate_limit),
        (10002, VenueReason.clock),
        (10004, VenueReason.permission),
        (170151, VenueReason.market_closed),
    ],
)
def test_reasons_are_those_that_all_venues_share(code, reason):
    assert verdict_of(CallKind.place, code).reason is reason
