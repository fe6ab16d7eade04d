"""Every error that the two markets document, and what it asks of an order."""

import pytest

from streaming.venues.binance_errors import SPOT, USDM, Codes, Verdict, verdict_of
from streaming.venues.gateway import Action, CallKind
from streaming.venues.venue_reply import VenueReason

UNKNOWN = (Action.resolve, VenueReason.other)
BUSY = (Action.retry, VenueReason.busy)
RATE = (Action.wait, VenueReason.rate_limit)
CLOCK = (Action.resync_clock, VenueReason.clock)
AUTH = (Action.halt, VenueReason.permission)
GONE = (Action.settle, VenueReason.unknown_order)
BUG = (Action.halt, VenueReason.other)
FILTER = (Action.refuse, VenueReason.filter)
REFUSED = (Action.refuse, VenueReason.other)
BALANCE = (Action.refuse, VenueReason.balance)
REDUCE = (Action.refuse, VenueReason.reduce_only)
LIQUIDITY = (Action.refuse, VenueReason.liquidity)
FULL = (Action.refuse, VenueReason.open_orders_max)
CLOSED = (Action.halt_instrument, VenueReason.market_closed)
BARRED = (Action.halt_instrument, VenueReason.permission)
STATE = (Action.halt_instrument, VenueReason.other)
UNCHANGED = (Action.done, VenueReason.unchanged)

BOTH = {
    **dict.fromkeys((-1000, -1001, -1006, -1007), UNKNOWN),
    **dict.fromkeys((-1003, -1015, -1034), RATE),
    **dict.fromkeys((-1008, -1016), BUSY),
    **dict.fromkeys((-1013, -1111), FILTER),
    **dict.fromkeys((-1002, -1022, -2014, -2015), AUTH),
    **dict.fromkeys((-1020, *range(-1106, -1099), *range(-1120, -1113), -1128, -1130), BUG),
    **dict.fromkeys((-2011, -2013), GONE),
    -1021: CLOCK,
    -1121: CLOSED,
    -2010: REFUSED,
}
OF_USDM = {
    **dict.fromkeys((-1014, -4015, -4120, -2023, -4060, -4061, -4062), BUG),
    **dict.fromkeys((-2017, -4109, -4192), AUTH),
    **dict.fromkeys((-2018, -2019, -2024), BALANCE),
    **dict.fromkeys((-2020, -4131, -5021, -5041), LIQUIDITY),
    **dict.fromkeys((-2021, -5025, -5026, -5037, -5038, -5039, -5040), REFUSED),
    **dict.fromkeys((-2022, -4118), REDUCE),
    **dict.fromkeys((-2025, -4045), FULL),
    **dict.fromkeys((-2027, -2028, -4047, -4048, -4067, -4068), STATE),
    **dict.fromkeys((-4001, -4002, -4003, -4004, -4005, -4013, -4014, -4016, -4023, -4024, -4164, -5029), FILTER),
    **dict.fromkeys((-4046, -4059, -5027), UNCHANGED),
    **dict.fromkeys((-4087, -4088, -4400, -4401, -4402), BARRED),
    **dict.fromkeys((-4140, -4141, -5024), CLOSED),
    **dict.fromkeys((-2012, -5043), BUSY),
    -1125: (Action.renew, VenueReason.permission),
    -4116: (Action.resolve, VenueReason.duplicate_id),
    -5022: (Action.refuse, VenueReason.would_take),
    -5028: CLOCK,
}
OF_SPOT = {
    **dict.fromkeys((-1135, -1145, -1194, -2039), BUG),
    **dict.fromkeys((-2021, -2022, -2038), REFUSED),
    **dict.fromkeys((-2035, -2043), (Action.done, VenueReason.other)),
    **dict.fromkeys((-2036, -2042), (Action.renew, VenueReason.permission)),
    -2026: (Action.done, VenueReason.unknown_order),
}


def verdict(
    codes: Codes, code: int, text: str = "", status: int = 400, kind: CallKind = CallKind.place
) -> tuple[Action, VenueReason]:
    found = verdict_of(codes, kind, status, code, text)
    return found.action, found.reason


@pytest.mark.parametrize(("code", "expected"), [*{**BOTH, **OF_USDM}.items()])
def test_usdm_code_asks_what_its_class_says(code: int, expected: tuple[Action, VenueReason]) -> None:
    assert verdict(USDM, code) == expected


@pytest.mark.parametrize(("code", "expected"), [*{**BOTH, **OF_SPOT}.items()])
def test_spot_code_asks_what_its_class_says(code: int, expected: tuple[Action, VenueReason]) -> None:
    assert verdict(SPOT, code) == expected


def test_tables_name_no_code_that_is_not_judged_here() -> None:
    assert set(USDM) == set(BOTH) | set(OF_USDM)
    assert set(SPOT) == set(BOTH) | set(OF_SPOT)


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        (-2010, "Account has insufficient balance for requested action.", BALANCE),
        (-2010, "Order would immediately match and take.", (Action.refuse, VenueReason.would_take)),
        (-2010, "Duplicate order sent.", (Action.resolve, VenueReason.duplicate_id)),
        (-2010, "Market is closed.", CLOSED),
        (-2010, "This symbol is not permitted for this account.", BARRED),
        (-2010, "This action is disabled on this account.", BARRED),
        (-2010, "Order would trigger immediately.", REFUSED),
        (-2010, "Too many new orders.", FULL),
        (-1013, "Filter failure: LOT_SIZE", FILTER),
        (-1013, "Filter failure: MAX_NUM_ORDERS", FULL),
        (-2011, "Unknown order sent.", GONE),
        (-2011, "Order was not canceled due to cancel restrictions.", REFUSED),
        (-2038, "The requested action would change no state; rejecting.", UNCHANGED),
        (-2038, "Order amend (quantity increase) is not supported.", REFUSED),
        (-2038, "Filter failure: LOT_SIZE", FILTER),
    ],
)
def test_words_of_a_spot_error_say_more_than_its_code(
    code: int, text: str, expected: tuple[Action, VenueReason]
) -> None:
    assert verdict(SPOT, code, text) == expected


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        (400, "", REFUSED),
        (401, "", AUTH),
        (403, "<html>", AUTH),
        (404, "", BUG),
        (408, "", UNKNOWN),
        (410, "", BUG),
        (418, "", RATE),
        (429, "", RATE),
        (500, "", UNKNOWN),
        (502, "<html>Bad Gateway", UNKNOWN),
        (503, "Unknown error, please check your request or try again later.", UNKNOWN),
        (503, "Service Unavailable.", BUSY),
        (503, "Internal error; unable to process your request. Please try again.", BUSY),
        (503, "Request throttled by system-level protection.", BUSY),
        (503, "words that nobody has seen", UNKNOWN),
        (504, "", UNKNOWN),
    ],
)
def test_status_without_a_code_is_judged_by_itself(
    status: int, text: str, expected: tuple[Action, VenueReason]
) -> None:
    assert verdict(USDM, 0, text, status) == expected


def test_throttled_request_is_told_by_its_code_under_any_status() -> None:
    assert verdict(USDM, -1008, "Request throttled by system-level protection.", 503) == BUSY


def test_code_that_nobody_knows_is_a_refusal_unless_the_status_leaves_it_open() -> None:
    assert verdict(USDM, -9999) == REFUSED
    assert verdict(USDM, -9999, status=500) == UNKNOWN


@pytest.mark.parametrize("code", [-1000, -1001, -1006, -1007])
def test_question_without_an_answer_is_asked_again(code: int) -> None:
    assert verdict(SPOT, code, kind=CallKind.balances) == BUSY
    assert verdict(SPOT, 0, status=502, kind=CallKind.query) == BUSY


def test_malformed_question_stops_no_trading_but_a_rejected_key_does() -> None:
    assert verdict(USDM, -1102, kind=CallKind.trades) == REFUSED
    assert verdict(USDM, -2015, kind=CallKind.trades) == AUTH


def test_cancelling_all_where_nothing_is_open_is_done() -> None:
    assert verdict(SPOT, -2011, "Unknown order sent.", kind=CallKind.cancel_all) == (
        Action.done,
        VenueReason.unknown_order,
    )


def test_verdicts_are_values() -> None:
    assert Verdict(Action.refuse) == Verdict(Action.refuse, VenueReason.other)
