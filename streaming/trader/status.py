"""What a session shows of itself."""

from dataclasses import asdict, dataclass
from typing import Final

import native
from native.config import JsonObject
from streaming.segments import SegmentHeader
from streaming.trader.rule_measures import windows_ns
from streaming.trader.standing import Standing

STATES: Final = native.enums["OrderState"]
UNKNOWN: Final = frozenset({STATES.index("unknown")})
AWAITED: Final = UNKNOWN | {STATES.index(word) for word in ("pending_new", "pending_cancel", "pending_amend")}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStatus:
    """The state of trading, feeds and positions; decimals are text."""

    run: str
    state: str
    """Trading state: active, reducing, flattening, halted."""
    since_ns: int
    trigger: str
    reason: str
    model_id: int
    """Of the last forecast; 0 before the first."""
    instruments: tuple[JsonObject, ...]
    counts: JsonObject
    last_reject: str
    risk: JsonObject
    """Counters by rule, see `RuleStanding.to_json`; `recent`: `orders` and `gaps` of each instrument by its name,
    within the windows that their rules look at; `awaited`: its `orders` whose answer is due, and the `unknown` among
    them."""

    def to_json(self) -> JsonObject:
        """Return the status as JSON."""
        return {**asdict(self), "instruments": [*self.instruments]}


def session_status(header: SegmentHeader, engine: native.Engine, standing: Standing, model_id: int) -> SessionStatus:
    """Return the status of a session's parts."""
    move = standing.move
    return SessionStatus(
        run=header.run,
        state=move.state,
        since_ns=move.ts_ns,
        trigger=move.trigger,
        reason=move.reason,
        model_id=model_id,
        instruments=tuple(_instrument(entry.id, engine, standing) for entry in header.instruments),
        counts=asdict(standing.counts),
        last_reject=standing.last_reject,
        risk={**standing.rules.to_json(), "recent": _recent(header, standing), "awaited": _awaited(header, standing)},
    )


def _recent(header: SegmentHeader, standing: Standing) -> JsonObject:
    names = {entry.id: entry.name for entry in header.instruments}
    found = standing.rules.measures.recent(windows_ns(header.engine or {}))
    return {kind: {names[number]: count for number, count in counts.items()} for kind, counts in found.items()}


def _awaited(header: SegmentHeader, standing: Standing) -> JsonObject:
    names = {entry.id: entry.name for entry in header.instruments}
    kinds = {"orders": AWAITED, "unknown": UNKNOWN}
    return {
        kind: {names[number]: count for number, count in standing.in_states(states).items()}
        for kind, states in kinds.items()
    }


def _instrument(number: int, engine: native.Engine, standing: Standing) -> JsonObject:
    bids, asks = engine.book(number, 1)
    return {
        **standing.position(number),
        "feed": engine.feed_state(number),
        "bid": standing.price(number, int(bids[0][0])) if len(bids) else None,
        "ask": standing.price(number, int(asks[0][0])) if len(asks) else None,
    }
