"""Asking for snapshots: when, how often, and when again. Sans I/O.

    idle       the book needs nothing
    waiting    a snapshot is wanted; its time may not have come yet
    in_flight  asked for over REST (or by subscribing anew), no answer yet
    checking   answered; the book has a moment to join with its stream

The first request of an episode leaves at once. Each further one (failed, too old to bridge, or answered without a
synchronised book) waits twice as long as the one before, to `retry_ns_max`, and so on until the book is synchronised:
the interval is capped, never the number, since a recorder without a book has nothing better to do. `attempts` of an
unfinished episode are shown to the user.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from streaming.recorder.backoff import Backoff


class DeskState(StrEnum):
    """See the head of the file."""

    idle = "idle"
    waiting = "waiting"
    in_flight = "in_flight"
    checking = "checking"


class DeskEvent(Enum):
    """What can happen to the wish for a snapshot."""

    wanted = 0
    sent = 1
    failed = 2
    answered = 3
    synced = 4
    due = 5


_S, _E = DeskState, DeskEvent
TRANSITIONS: dict[tuple[DeskState, DeskEvent], DeskState] = {
    (_S.idle, _E.wanted): _S.waiting,
    (_S.idle, _E.synced): _S.idle,
    (_S.waiting, _E.wanted): _S.waiting,
    (_S.waiting, _E.sent): _S.in_flight,
    (_S.waiting, _E.synced): _S.idle,
    (_S.in_flight, _E.wanted): _S.in_flight,
    (_S.in_flight, _E.failed): _S.waiting,
    (_S.in_flight, _E.answered): _S.checking,
    (_S.in_flight, _E.synced): _S.in_flight,
    (_S.checking, _E.wanted): _S.waiting,
    (_S.checking, _E.synced): _S.idle,
    (_S.checking, _E.due): _S.waiting,
}
"""An unlisted pair must not happen: `SnapshotWish.fire` raises KeyError."""


@dataclass(slots=True)
class SnapshotWish:
    """One instrument's."""

    backoff: Backoff
    check_ns: int
    state: DeskState = DeskState.idle
    attempts: int = 0
    due_ns: int | None = None
    """When to ask (waiting) or to stop hoping (checking)."""

    def fire(self, event: DeskEvent, now_ns: int) -> None:
        """Move by the table."""
        before, self.state = self.state, TRANSITIONS[(self.state, event)]
        if self.state is DeskState.idle:
            self.attempts, self.due_ns = 0, None
            self.backoff.reset()
        elif self.state is DeskState.in_flight:
            self.attempts += event is DeskEvent.sent
            self.due_ns = None
        elif self.state is DeskState.checking:
            self.due_ns = now_ns + self.check_ns
        elif before is not DeskState.waiting:
            self.due_ns = now_ns + (self.backoff.next_ns() if self.attempts else 0)

    def postpone(self, wait_ns: int, now_ns: int) -> None:
        """Wait for the budget."""
        assert self.state is DeskState.waiting, "only a wish that waits can wait longer"
        self.due_ns = now_ns + wait_ns

    def is_due(self, now_ns: int) -> bool:
        """Tell whether something must be done."""
        return self.due_ns is not None and now_ns >= self.due_ns
