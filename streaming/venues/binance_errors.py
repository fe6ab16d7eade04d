"""What Binance's errors ask of us, as tables: code or HTTP status to action and reason.

Source: the pages "Error Codes" of USD-M and of spot, and "General Info" of both for HTTP statuses. An error says one of
three things of an order: it was not executed (`retry`, `wait`, `resync_clock`, `refuse`, the halts), its outcome is
unknown (`resolve`), or the venue does not know the order that was to be changed (`settle`). A code that no table names
is treated by its HTTP status; an order's unknown code under a status of refusal is a refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from streaming.venues.gateway import Action, CallKind
from streaming.venues.venue_reply import VenueReason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from an error."""

    action: Action
    reason: VenueReason = VenueReason.other


Codes = Mapping[int, Verdict]
ORDER_KINDS: Final = frozenset({CallKind.place, CallKind.amend, CallKind.cancel, CallKind.cancel_all})
"""Calls that change something: without an answer their outcome is unknown, not merely to be asked again."""

_UNKNOWN: Final = Verdict(Action.resolve)
_BUSY: Final = Verdict(Action.retry, VenueReason.busy)
_RATE: Final = Verdict(Action.wait, VenueReason.rate_limit)
_CLOCK: Final = Verdict(Action.resync_clock, VenueReason.clock)
_AUTH: Final = Verdict(Action.halt, VenueReason.permission)
_GONE: Final = Verdict(Action.settle, VenueReason.unknown_order)
_OURS: Final = Verdict(Action.halt)
"""A request that is wrong in itself: the next one would be too."""
_NONE_OPEN: Final = Verdict(Action.done, VenueReason.unknown_order)
_FILTER: Final = Verdict(Action.refuse, VenueReason.filter)
_BALANCE: Final = Verdict(Action.refuse, VenueReason.balance)
_REDUCE: Final = Verdict(Action.refuse, VenueReason.reduce_only)
_LIQUIDITY: Final = Verdict(Action.refuse, VenueReason.liquidity)
_FULL: Final = Verdict(Action.refuse, VenueReason.open_orders_max)
_REFUSED: Final = Verdict(Action.refuse)
_DUPLICATE: Final = Verdict(Action.resolve, VenueReason.duplicate_id)
"""An order of this id is there: most likely our own earlier request."""
_CLOSED: Final = Verdict(Action.halt_instrument, VenueReason.market_closed)
_BARRED: Final = Verdict(Action.halt_instrument, VenueReason.permission)
_UNCHANGED: Final = Verdict(Action.done, VenueReason.unchanged)
_RENEW: Final = Verdict(Action.renew, VenueReason.permission)


def _codes(*rows: tuple[Verdict, tuple[int, ...]]) -> Codes:
    return MappingProxyType({code: verdict for verdict, codes in rows for code in codes})


_SHARED: Final = _codes(
    (_UNKNOWN, (-1000, -1001, -1006, -1007)),
    (_BUSY, (-1008, -1016)),
    (_RATE, (-1003, -1015, -1034)),
    (_CLOCK, (-1021,)),
    (_AUTH, (-1002, -1022, -2014, -2015)),
    (_FILTER, (-1013, -1111)),
    (_OURS, (*range(-1106, -1099), -1020, *range(-1120, -1113), -1128, -1130)),
    (_CLOSED, (-1121,)),
    (_REFUSED, (-2010,)),
    (_GONE, (-2011, -2013)),
)
USDM: Final[Codes] = MappingProxyType(
    {
        **_SHARED,
        **_codes(
            (_OURS, (-1014, -4015, -4120)),
            (_CLOCK, (-5028,)),
            (_RENEW, (-1125,)),
            (_BUSY, (-2012, -5043)),
            (_AUTH, (-2017, -4109, -4192)),
            (_BALANCE, (-2018, -2019, -2024)),
            (_LIQUIDITY, (-2020, -4131, -5021, -5041)),
            (_REFUSED, (-2021, -5025, -5026, -5037, -5038, -5039, -5040)),
            (_REDUCE, (-2022, -4118)),
            (Verdict(Action.halt), (-2023, -4060, -4061, -4062)),
            (_FULL, (-2025, -4045)),
            (Verdict(Action.halt_instrument), (-2027, -2028, -4047, -4048, -4067, -4068)),
            (_FILTER, (*range(-4005, -4000), -4013, -4014, -4016, -4023, -4024, -4164, -5029)),
            (_UNCHANGED, (-4046, -4059, -5027)),
            (_BARRED, (-4087, -4088, -4400, -4401, -4402)),
            (_DUPLICATE, (-4116,)),
            (_CLOSED, (-4140, -4141, -5024)),
            (Verdict(Action.refuse, VenueReason.would_take), (-5022,)),
        ),
    }
)
SPOT: Final[Codes] = MappingProxyType(
    {
        **_SHARED,
        **_codes(
            (_OURS, (-1135, -1145, -1194, -2039)),
            (_REFUSED, (-2021, -2022, -2038)),  # cancel-replace and amend: their own words say more, see below
            (Verdict(Action.done, VenueReason.unknown_order), (-2026,)),
            (Verdict(Action.done), (-2035, -2043)),
            (_RENEW, (-2036, -2042)),
        ),
    }
)
"""-2021 and -2022 carry both halves of a cancel-replace, which are read one by one."""

WORDS: Final[tuple[tuple[int, str, Verdict], ...]] = (
    (-2010, "insufficient balance", _BALANCE),
    (-2010, "immediately match", Verdict(Action.refuse, VenueReason.would_take)),
    (-2010, "duplicate order", _DUPLICATE),
    (-2010, "market is closed", _CLOSED),
    (-2010, "symbol is not permitted", _BARRED),
    (-2010, "disabled on this account", _BARRED),
    (-2010, "would trigger immediately", _REFUSED),
    (-2010, "too many", _FULL),
    (-1013, "max_num", _FULL),
    (-2011, "cancel restrictions", _REFUSED),
    (-2038, "change no state", _UNCHANGED),
    (-2038, "filter failure", _FILTER),
)
"""Codes whose text tells more, in lower case: the first row whose words stand in it."""

_BY_STATUS: Final[Mapping[int, Verdict]] = MappingProxyType(
    {
        401: _AUTH,
        403: _AUTH,  # the firewall's word: nothing that we send is read
        404: _OURS,
        408: _UNKNOWN,
        410: _OURS,
        418: _RATE,
        429: _RATE,
    }
)
_BY_503_TEXT: Final[tuple[tuple[str, Verdict], ...]] = (
    ("unknown error", _UNKNOWN),
    ("service unavailable", _BUSY),
    ("internal error; unable to process", _BUSY),
    ("request throttled", _BUSY),
)
"""USD-M "General Info": the texts of HTTP 503 that say whether the request was executed."""


def verdict_of(codes: Codes, kind: CallKind, status: int, code: int, text: str) -> Verdict:
    """Return what an error asks of a call of `kind`; `code` is 0 where the reply has none."""
    found = _of_words(code, text.lower()) or codes.get(code) or _of_status(status, text.lower())
    if kind is CallKind.cancel_all and found is _GONE:
        return _NONE_OPEN
    return found if kind in ORDER_KINDS else _of_question(found)


def _of_words(code: int, text: str) -> Verdict | None:
    return next((verdict for number, words, verdict in WORDS if number == code and words in text), None)


def _of_status(status: int, text: str) -> Verdict:
    if status == 503:
        return next((verdict for words, verdict in _BY_503_TEXT if words in text), _UNKNOWN)
    if status >= 500:
        return _UNKNOWN
    return _BY_STATUS.get(status, _REFUSED)


def _of_question(verdict: Verdict) -> Verdict:
    """A question changes nothing: without an answer it is asked again, and a wrong one stops no trading."""
    if verdict is _UNKNOWN:
        return _BUSY
    return _REFUSED if verdict is _OURS else verdict
