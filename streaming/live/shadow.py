"""The way of orders in shadow mode: everything of live but the sending.

The venues' private sides are connected, heard and asked as in live mode, and their accounts are looked at in every
round; nothing that changes anything is sent. Each order is held against the venue's own rules of its symbol, rounded as
a live one would be. One that breaks a rule is refused here, as the venue would refuse it, and its rule is named; the
others go to the simulated venue, which fills them.

What the real account holds is told and compared with nothing: a shadow's positions are simulated.
"""

import struct
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

import native
from native.config import NS_PER_MS, JsonObject
from streaming.live.desk import LiveDesk
from streaming.live.venue import LiveVenue
from streaming.live.words import OrderRequest, RequestKind, Told
from streaming.reconcile.words import AccountSnapshot
from streaming.trader.order_venue import Owed
from streaming.trader.session import TradingSession
from streaming.venues.gateway import OrderSpec
from streaming.venues.order_rules import Breach, OrderRules
from streaming.venues.venue_reply import VenueReason

SIM_REPLY: Final = struct.Struct("<QqQqqqqIBBBB")
"""`native/include/lob/sim_reply.hpp`: client_order_id, ts_venue_ns, trade_id, price_ticks, size_units, fee_quote_units,
cumulative_units, instrument, kind, side, is_maker, reason."""
REJECTED, AMEND_REJECTED = 3, 9
MALFORMED: Final = 7
"""The simulated venue's nearest word for a rule of the venue; which rule it was stands in events and status."""
RULES_UNKNOWN: Final = "rules not known"
CHECKED: Final = frozenset({RequestKind.place, RequestKind.amend})


class Ruled(Protocol):
    """A gateway that keeps the filters of its symbols."""

    rules: Mapping[int, OrderRules]


class ShadowDesk(LiveDesk):
    """A `LiveDesk` whose orders meet `simulated` instead of the venues."""

    is_sending = False

    def __init__(self, venues: Sequence[LiveVenue], simulated: native.SimVenue, latency_ms: int) -> None:
        """`latency_ms`: of a request's way to the venue, and of its answer's way back."""
        super().__init__(venues, {})
        self._simulated = simulated
        self._latency_ns = 2 * latency_ms * NS_PER_MS
        self._refusals: deque[Owed] = deque()
        self.refused: Counter[str] = Counter()
        """Orders that the venue would have turned down, by venue and rule."""
        self.snapshots: dict[str, AccountSnapshot] = {}
        """The newest of each venue."""

    def frame(self, seq: int, source: int, ts_ns: int, payload: bytes) -> bool:
        """Let the simulated venue hear a frame."""
        return bool(self._simulated.frame(seq, source, ts_ns, payload))

    def submit(self, requests: NDArray[np.void], ts_ns: int) -> None:
        """Hold each request against the venue's rules; what they allow goes to the simulated venue."""
        is_passed = np.fromiter((self._passes(row, ts_ns) for row in requests), dtype=np.bool_, count=len(requests))
        if is_passed.any():
            self._simulated.submit(requests[is_passed], ts_ns)

    def next_ts_ns(self) -> int | None:
        """Return when a refusal or the simulated venue's next event is due."""
        simulated = self._simulated.next_ts_ns()
        moments = [moment for moment in (simulated, self._refusals[0][0] if self._refusals else None) if moment]
        return min(moments, default=None)

    def due(self, ts_ns: int) -> list[Owed]:
        """Return refusals and the simulated venue's replies in the order in which they reach us."""
        found = [*self._simulated.due(ts_ns)]
        while self._refusals and self._refusals[0][0] <= ts_ns:
            found.append(self._refusals.popleft())
        return sorted(found, key=lambda owed: owed[0])

    def settle(self, session: TradingSession, ts_ns: int) -> None:
        """Look at every account whose round is whole."""
        for name, venue in self.venues.items():
            while (snapshot := venue.take_snapshot()) is not None:
                self.snapshots[name] = snapshot
                venue.on_reconciled(snapshot, ts_ns, is_settled=True)

    def to_json(self, ts_ns: int) -> JsonObject:
        """Return how things stand; nothing was sent."""
        refused: JsonObject = dict(self.refused)
        return {**super().to_json(ts_ns), "is_sending": False, "would_be_refused": refused}

    def _passes(self, row: np.void, ts_ns: int) -> bool:
        request = OrderRequest.of(row)
        if request.kind not in CHECKED:
            return True
        venue = self._by_instrument[request.spec.instrument]
        breach = _breach(venue, request.spec)
        if breach is None:
            return True
        self.refused[f"{venue.gateway.venue} {breach.rule}"] += 1
        text = f"the venue would refuse it by {breach.rule}: {breach.text}"
        venue.tell(Told.refused, text, ts_ns, request.spec.instrument, request.spec.client_order_id)
        self._refusals.append((ts_ns + self._latency_ns, _refusal(request, ts_ns)))
        return False


def _breach(venue: LiveVenue, spec: OrderSpec) -> Breach | None:
    """Return the rule that an order breaks once it is rounded, None for one that the venue would take."""
    rules = cast("Ruled", venue.gateway).rules.get(spec.instrument)
    if rules is None:
        return Breach(RULES_UNKNOWN, VenueReason.never_sent, "the venue has not told its rules yet")
    return rules.check(rules.rounded(spec))


def _refusal(request: OrderRequest, ts_ns: int) -> bytes:
    """Return the simulated venue's word for an order, or its change, that is turned down."""
    spec = request.spec
    kind = AMEND_REJECTED if request.kind is RequestKind.amend else REJECTED
    words = (spec.client_order_id, ts_ns, 0, spec.price_ticks, spec.size_units, 0, 0)
    return SIM_REPLY.pack(*words, spec.instrument, kind, spec.side, 0, MALFORMED)
