"""What Bybit's private socket tells: events of an account as messages of its topics, some milliseconds after they were.

The topics are told apart from each other and from answers: an execution may come before or after its order's state, and
both before or after the answer to the request. Which it is follows from the event's number, so that every order is met.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import orjson

from streaming.emulator.exchange.event_feed import EventFeed
from streaming.emulator.exchange.exchange import Exchange
from streaming.emulator.exchange.words import AccountEvent, EventKind
from streaming.emulator.orders_bybit.queries import BybitQueries
from streaming.emulator.orders_bybit.words import CATEGORY, Json, execution_row, fast_row, wallet_row
from streaming.emulator.session import NEVER_NS, Session

NS_PER_MS: Final = 1_000_000
DELAYS_NS: Final = (0, 3 * NS_PER_MS, 1 * NS_PER_MS, 12 * NS_PER_MS)
"""How long after an event its message leaves, by the event's number; never before an earlier one's."""
ORDER_EVENTS: Final = frozenset(
    {
        EventKind.order_new,
        EventKind.order_trade,
        EventKind.order_cancelled,
        EventKind.order_amended,
        EventKind.order_expired,
        EventKind.order_rejected,
    }
)
Said = tuple[str, Json]
"""Topic and row."""


@dataclass(slots=True)
class Stream:
    """One private connection that has said who it is."""

    session: Session
    feed: EventFeed
    waiting: deque[tuple[int, str, Json]] = field(default_factory=deque)
    """Due time, topic and row, in order."""
    messages: int = 0

    def add(self, due_ns: int, said: Sequence[Said]) -> None:
        """Have rows told at a time, behind those that wait."""
        due_ns = max(due_ns, self.waiting[-1][0]) if self.waiting else due_ns
        self.waiting.extend((due_ns, topic, row) for topic, row in said)

    def next_due_ns(self) -> int:
        """Return when a message leaves."""
        return self.waiting[0][0] if self.waiting else NEVER_NS

    def flush(self, now_ns: int, stated_ms: int) -> None:
        """Send what is due; rows of one topic that follow each other are one message."""
        due: list[Said] = []
        while self.waiting and self.waiting[0][0] <= now_ns:
            _, topic, row = self.waiting.popleft()
            due.append((topic, row))
        for topic, said in groupby(due, key=lambda one: one[0]):
            rows = [row for _, row in said]
            for name in _subscribed(self.session, topic):
                self._send(name, rows, stated_ms)

    def _send(self, topic: str, rows: list[Json], stated_ms: int) -> None:
        self.messages += 1
        told = [fast_row(row) for row in rows] if topic.startswith("execution.fast") else rows
        if topic.startswith(("order", "execution")):
            told = [{"category": CATEGORY, **row} for row in told]
        number = f"{self.session.id}-{self.messages:06d}"
        self.session.send(orjson.dumps({"id": number, "topic": topic, "creationTime": stated_ms, "data": told}))


class Pushes:
    """Makes messages of events."""

    def __init__(self, exchange: Exchange, queries: BybitQueries) -> None:
        self._exchange, self._queries = exchange, queries

    def take(self, stream: Stream, now_ns: int) -> None:
        """Put what has happened to a connection's account into its queue."""
        for event in stream.feed.due(now_ns):
            stream.add(event.ts_ns + DELAYS_NS[event.seq % len(DELAYS_NS)], self._said(event))

    def _said(self, event: AccountEvent) -> list[Said]:
        """Return the rows of one event."""
        said: list[Said] = []
        if event.trade is not None and event.order is not None:
            self._queries.note(event.trade)
            rates = self._exchange.fees(event.account, event.trade.symbol)
            rate = rates.maker if event.trade.is_maker else rates.taker
            said.append(("execution", execution_row(event.trade, event.order, event.trade.trade_id, rate)))
        if event.kind in ORDER_EVENTS and event.order is not None:
            said.insert(event.seq % 2 * len(said), ("order", self._queries.order_row(event.order)))
        if event.kind is EventKind.balances:
            said.append(("wallet", wallet_row(event.held, self._queries.dollar_values())))
        return said


def _subscribed(session: Session, topic: str) -> list[str]:
    """Return the names under which a connection has a topic: of all categories, of spot, and the fast one."""
    names = [topic, f"{topic}.{CATEGORY}"]
    if topic == "execution":
        names += ["execution.fast", f"execution.fast.{CATEGORY}"]
    return [name for name in names if name in session.streams]
