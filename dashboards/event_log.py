"""The last trading events, oldest first; a storm of refusals pushes out neither fills nor changes of state."""

from collections import deque
from typing import Final

from streaming.bus import OrderRefusedEvent, TradingEvent

EVENTS_MAX: Final = 500
REFUSALS_MAX: Final = 200
"""A trader that is halted refuses dozens a second."""


class EventLog:
    """Bounded, of each kind apart; in the order in which they came."""

    def __init__(self) -> None:
        self._refusals: deque[tuple[int, TradingEvent]] = deque(maxlen=REFUSALS_MAX)
        self._others: deque[tuple[int, TradingEvent]] = deque(maxlen=EVENTS_MAX)
        self._count = 0
        self._merged: tuple[TradingEvent, ...] | None = ()

    def append(self, event: TradingEvent) -> None:
        """Take the newest."""
        self._count += 1
        kept = self._refusals if isinstance(event, OrderRefusedEvent) else self._others
        kept.append((self._count, event))
        self._merged = None

    def events(self) -> tuple[TradingEvent, ...]:
        """Return what is kept, oldest first."""
        if self._merged is None:
            both = sorted([*self._refusals, *self._others], key=lambda numbered: numbered[0])
            self._merged = tuple(event for _, event in both)
        return self._merged
