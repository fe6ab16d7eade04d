"""Refusals and changes of state, newest first; refusals in a row by one rule are one line. No I/O."""

from collections.abc import Sequence
from itertools import groupby

from pydantic import JsonValue

from dashboards.board import CellState
from dashboards.clocks import market_time
from streaming.bus import OrderRefusedEvent, StateEvent, TradingEvent

Row = list[JsonValue]
SIGNS: dict[str, CellState] = {"active": "ok", "halted": "bad"}


def event_rows(events: Sequence[TradingEvent]) -> list[Row]:
    """Return market time, what happened, to what, and why."""
    told = enumerate(event for event in reversed(events) if isinstance(event, StateEvent | OrderRefusedEvent))
    return [_row([event for _, event in group]) for _, group in groupby(told, _kin)]


def _kin(numbered: tuple[int, TradingEvent]) -> str:
    """Return what events share that make one line; changes of state share nothing."""
    number, event = numbered
    return event.reason if isinstance(event, OrderRefusedEvent) else f"state {number}"


def _row(group: Sequence[StateEvent | OrderRefusedEvent]) -> Row:
    newest, oldest = group[0], group[-1]
    if isinstance(newest, StateEvent):
        sign = SIGNS.get(newest.state.lower(), "warn")
        return [market_time(newest.ts_ns), {"text": newest.state.upper(), "state": sign}, "", newest.reason]
    if newest is oldest:
        of = f"{newest.instrument} {newest.side} {newest.size} at {newest.price}"
        return [market_time(newest.ts_ns), "refused", of, newest.reason]
    names = sorted({event.instrument for event in group if isinstance(event, OrderRefusedEvent)})
    of = f"{', '.join(names)}, since {market_time(oldest.ts_ns)}"
    return [market_time(newest.ts_ns), f"refused {len(group)} times", of, newest.reason]
