"""Refusals, changes of state and news of our accounts, newest first. No I/O.

Refusals in a row by one rule are one line.
"""

from collections.abc import Sequence
from itertools import groupby

from pydantic import JsonValue

from dashboards.board import CellState
from dashboards.clocks import market_time
from streaming.bus import AccountEvent, OrderRefusedEvent, StateEvent, TradingEvent

Row = list[JsonValue]
Shown = StateEvent | OrderRefusedEvent | AccountEvent
SIGNS: dict[str, CellState] = {"active": "ok", "halted": "bad"}
ACCOUNT_SIGNS: dict[str, CellState] = {"connected": "ok", "reconciled": "ok", "halt": "bad"}


def event_rows(events: Sequence[TradingEvent]) -> list[Row]:
    """Return market time, what happened, to what, and why."""
    told = enumerate(event for event in reversed(events) if isinstance(event, Shown))
    return [_row([event for _, event in group]) for _, group in groupby(told, _kin)]


def _kin(numbered: tuple[int, TradingEvent]) -> str:
    """Return what events share that make one line; other events share nothing."""
    number, event = numbered
    return event.reason if isinstance(event, OrderRefusedEvent) else f"event {number}"


def _row(group: Sequence[Shown]) -> Row:
    newest, oldest = group[0], group[-1]
    if isinstance(newest, AccountEvent):
        of = " ".join(word for word in (newest.instrument or newest.venue, newest.client_order_id) if word)
        told: CellState = ACCOUNT_SIGNS.get(newest.told, "warn")
        return [market_time(newest.ts_ns), {"text": f"account {newest.told}", "state": told}, of, newest.words]
    if isinstance(newest, StateEvent):
        sign = SIGNS.get(newest.state.lower(), "warn")
        return [market_time(newest.ts_ns), {"text": newest.state.upper(), "state": sign}, "", newest.reason]
    if newest is oldest:
        of = f"{newest.instrument} {newest.side} {newest.size} at {newest.price}"
        return [market_time(newest.ts_ns), "refused", of, newest.reason]
    names = sorted({event.instrument for event in group if isinstance(event, OrderRefusedEvent)})
    of = f"{', '.join(names)}, since {market_time(oldest.ts_ns)}"
    return [market_time(newest.ts_ns), f"refused {len(group)} times", of, newest.reason]
