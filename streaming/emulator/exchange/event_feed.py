"""The events of one account on their way to one client, in the order in which they reach it."""

import heapq

from streaming.emulator.exchange.words import AccountEvent
from streaming.emulator.session import NEVER_NS

WAITING_MAX = 100_000
"""Events that wait for a client; with more the feed has expired, as a venue drops who does not read."""


class EventFeed:
    """Made by `Exchange.subscribe`, read by a front end."""

    def __init__(self, account: str) -> None:
        self.account = account
        self.is_expired = False
        """A fault ended it: the front end tells the client in its venue's words (listenKeyExpired, a close), then
        unsubscribes."""
        self._waiting: list[tuple[int, int, AccountEvent]] = []
        self._count = 0

    def push(self, event: AccountEvent, due_ns: int) -> None:
        """Send an event on its way."""
        if len(self._waiting) >= WAITING_MAX:
            self.is_expired = True
        if self.is_expired:
            return
        self._count += 1
        heapq.heappush(self._waiting, (due_ns, self._count, event))

    def due(self, ts_ns: int) -> list[AccountEvent]:
        """Return, and forget, the events that reach the client by `ts_ns`, oldest first."""
        found = []
        while self._waiting and self._waiting[0][0] <= ts_ns:
            found.append(heapq.heappop(self._waiting)[2])
        return found

    def next_due_ns(self) -> int:
        """Return when the next event is due, NEVER_NS where none waits."""
        return self._waiting[0][0] if self._waiting else NEVER_NS
