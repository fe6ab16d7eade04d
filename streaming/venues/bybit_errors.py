"""What Bybit's errors ask of us, as tables: retCode or HTTP status to action and reason.

Source: Bybit v5 "Error Codes" and "Rate Limit Rules". HTTP is 200 for the venue's own errors; other statuses are those
of the edge before it. Texts vary and are never looked at. A code that no table names leaves an order's outcome unknown:
asking by its client order id is always right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from streaming.venues.gateway import Action, CallKind
from streaming.venues.venue_reply import VenueReason

REQUEST_AHEAD, CLOCK_SKEW, OVERLOADED, RESTARTING = -1, 10002, 10429, 10019
TOO_MANY_VISITS: Final = 10006
FORBIDDEN: Final = 403
ORDER_KINDS: Final = frozenset({CallKind.place, CallKind.amend, CallKind.cancel, CallKind.cancel_all})
"""Calls that change something: without an answer their outcome is unknown, not merely to be asked again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an error."""

    action: Action
    reason: VenueReason = VenueReason.other


def _codes(*rows: tuple[Verdict, tuple[int, ...]]) -> Mapping[int, Verdict]:
    return MappingProxyType({code: verdict for verdict, codes in rows for code in codes})


CODES: Final = _codes(
    (Verdict(Action.resync_clock, VenueReason.clock), (REQUEST_AHEAD, CLOCK_SKEW)),
    # Timeouts and failures inside the venue, also of a creation, cancel or change that was taken and came to nothing.
    (Verdict(Action.resolve), (10000, 10016, 170001, 170007, 170032, 170146, 170147, 170234, 170310)),
    (Verdict(Action.resolve), (170149, 170150, 170210, 170311)),
    # Locked, not to be cancelled now, to be tried later, under way already.
    (Verdict(Action.resolve, VenueReason.busy), (170144, 170145, 170191, 170212)),
    # Most likely our own earlier request, which may have been taken.
    (Verdict(Action.resolve, VenueReason.duplicate_id), (170141, 10014, 20006)),
    (Verdict(Action.halt, VenueReason.permission), (10003, 10004, 10005, 10007, 10010, -2015, 33004)),
    (Verdict(Action.wait, VenueReason.rate_limit), (TOO_MANY_VISITS, 170005, 170222, 10403, 20003)),
    (Verdict(Action.retry, VenueReason.busy), (429, OVERLOADED, RESTARTING)),
    # Banned, a region or a compliance rule: a person must look.
    (Verdict(Action.halt, VenueReason.permission), (10008, 10009, 10024, 10027, 10028)),
    # The symbol is not for this account.
    (Verdict(Action.halt_instrument, VenueReason.permission), (10029, 170157, 170209, 170219, 170348)),
    # A request that is wrong in itself: the next one would be too.
    (Verdict(Action.halt), (20001, 10017, 10404)),
    (Verdict(Action.halt), (170105, 170115, 170116, 170117, 170121, 170130)),
    (Verdict(Action.settle, VenueReason.unknown_order), (110001, 170139, 170142, 170143, 170190, 170213)),
    (Verdict(Action.refuse), (10001, 170312)),
    (Verdict(Action.refuse, VenueReason.filter), (170124, 170341, 170381, 170382)),
    (Verdict(Action.refuse, VenueReason.filter), (170132, 170133, 170192, 170193, 170194, 170371, 170372)),
    (Verdict(Action.refuse, VenueReason.filter), (170134, 170136, 170137, 170140, 170148, 170313)),
    (Verdict(Action.refuse, VenueReason.balance), (170033, 170131)),
    (Verdict(Action.refuse, VenueReason.open_orders_max), (170810,)),
    (Verdict(Action.refuse, VenueReason.would_take), (170217, 170218)),
    (Verdict(Action.halt_instrument, VenueReason.market_closed), (170151, 170159, 170206)),
)
STATUSES: Final = _codes(
    (Verdict(Action.refuse), (400,)),
    (Verdict(Action.halt, VenueReason.permission), (401,)),
    (Verdict(Action.wait, VenueReason.rate_limit), (FORBIDDEN,)),
    (Verdict(Action.halt), (404,)),
    (Verdict(Action.retry, VenueReason.busy), (429,)),
)
"""Of HTTP; any other is of a failing server, which may have taken the request."""
REJECT_REASONS: Final[Mapping[str, VenueReason]] = MappingProxyType(
    {
        "EC_PostOnlyWillTakeLiquidity": VenueReason.would_take,
        "EC_NoImmediateQtyToFill": VenueReason.liquidity,
        "EC_CancelForNoFullFill": VenueReason.liquidity,
        "EC_NoEnoughQtyToFill": VenueReason.liquidity,
        "EC_CancelByOrderValueZero": VenueReason.liquidity,
        "EC_CancelByMatchValueZero": VenueReason.liquidity,
        "EC_OrigClOrdIDDoesNotExist": VenueReason.unknown_order,
        "EC_InsufficientBalance": VenueReason.balance,
        "EC_ReachMaxTradeNum": VenueReason.liquidity,
        "EC_SecurityStatus": VenueReason.market_closed,
        "EC_ReachRiskPriceLimit": VenueReason.filter,
        "EC_OnlyPostOnly": VenueReason.market_closed,
        "EC_PerCancelRequest": VenueReason.none,
        "EC_NoError": VenueReason.none,
    }
)
"""`rejectReason` of an order that ended; any other is `other`."""
CANCEL_TYPES: Final[Mapping[str, VenueReason]] = MappingProxyType(
    {
        "CancelBySmp": VenueReason.self_trade,
        "CancelBySettle": VenueReason.market_closed,
        "CancelByAdmin": VenueReason.other,
        "CancelByDCP": VenueReason.other,
        "CancelByPrepareLiq": VenueReason.balance,
        "CancelAllBeforeLiq": VenueReason.balance,
    }
)
"""`cancelType` of an order that the venue ended."""


def verdict_of(kind: CallKind, code: int) -> Verdict:
    """Return what a retCode asks of us; a question whose answer got lost is asked again."""
    found = CODES.get(code, Verdict(Action.resolve))
    return found if found.action is not Action.resolve or kind in ORDER_KINDS else _again(found)


def verdict_of_status(kind: CallKind, status: int) -> Verdict:
    """Return what an HTTP status other than 200 asks of us."""
    found = STATUSES.get(status, Verdict(Action.resolve))
    return found if found.action is not Action.resolve or kind in ORDER_KINDS else _again(found)


def _again(verdict: Verdict) -> Verdict:
    return Verdict(Action.retry, verdict.reason)
