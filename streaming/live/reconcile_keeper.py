"""When a venue's account is compared with what is known of it, and whether it may be trusted. Sans I/O.

Orders that open risk leave only while the account's events are heard and a whole round has been judged since they were
last heard from the beginning: after the start, after every loss of the stream, and again when no round was judged for
`ROUNDS_MISSED` periods. Periods are aligned to the clock that all processes share.
"""

from collections.abc import Sequence
from typing import Final

from streaming.live.flight import Flight, Purpose
from streaming.live.links import NEVER_NS
from streaming.live.rounds import RoundQuestion, Rounds
from streaming.live.wire import Wire
from streaming.live.words import Told
from streaming.reconcile.words import AccountSnapshot
from streaming.venues.gateway import Outcome

ROUNDS_MISSED: Final = 4
ROUND_RETRY_NS: Final = 1_000_000_000


class ReconcileKeeper:
    """See the head of the file."""

    def __init__(self, wire: Wire, rounds: Rounds) -> None:
        self._wire = wire
        self._rounds = rounds
        self._snapshot: AccountSnapshot | None = None
        self._is_judging = False
        self._due_ns = NEVER_NS
        self._heard_since_ns = NEVER_NS
        """Since when the account's events are heard without a break."""
        self.judged_ns = 0
        """When the last settled round began."""
        self.is_reconciled = False
        self.halted_by = ""

    @property
    def count(self) -> int:
        """Rounds that were begun."""
        return self._rounds.count

    def want(self, ts_ns: int) -> None:
        """Begin a round as soon as the one under way, if any, has ended."""
        self._due_ns = min(self._due_ns, ts_ns)

    def heard(self, ts_ns: int) -> None:
        """The account's events are heard from now on."""
        self._heard_since_ns = ts_ns
        self.want(ts_ns)

    def not_heard(self) -> None:
        """The account's events are not heard any more."""
        self.is_reconciled = False
        self._heard_since_ns = NEVER_NS

    def on_deadline(self, ts_ns: int) -> None:
        """Begin a round where it is time."""
        is_free = self._rounds.now is None and self._snapshot is None and not self._is_judging
        if ts_ns >= self._due_ns and is_free:
            self._due_ns = NEVER_NS
            self._ask(self._rounds.begin(ts_ns), ts_ns)

    def next_ns(self) -> int:
        """Return when to begin the next."""
        return self._due_ns if self._rounds.now is None else NEVER_NS

    def on_outcome(self, flight: Flight, outcome: Outcome, ts_ns: int) -> None:
        """Take an answer of a round."""
        number = flight.call.number
        if not outcome.is_accepted:
            if self._rounds.failed(number):
                self._due_ns = max(outcome.retry_at_ns, ts_ns + ROUND_RETRY_NS)
            return
        self._ask(self._rounds.answered(number, outcome), ts_ns)
        snapshot = self._rounds.take_whole(ts_ns)
        if snapshot is not None:
            self._snapshot = snapshot
            every_ns = self._wire.limits.reconcile_ns
            self._due_ns = min(self._due_ns, (ts_ns // every_ns + 1) * every_ns)

    def take_snapshot(self) -> AccountSnapshot | None:
        """Take what a whole round found; the next one waits until `judged`."""
        taken, self._snapshot = self._snapshot, None
        self._is_judging = taken is not None
        return taken

    def judged(self, snapshot: AccountSnapshot, ts_ns: int, *, is_settled: bool) -> None:
        """Hear that a snapshot was compared; one that is not settled is followed by another soon."""
        self._is_judging = False
        if not is_settled:
            self.want(ts_ns + ROUND_RETRY_NS)
            return
        self.judged_ns = snapshot.ts_asked_ns
        if not self.is_reconciled and snapshot.ts_asked_ns >= self._heard_since_ns:
            self.is_reconciled = True
            self._wire.say(Told.reconciled, "the account is as it is known here", ts_ns)

    def halt(self, why: str, ts_ns: int) -> None:
        """Distrust it until a person takes that back; the first reason stays."""
        if not self.halted_by:
            self.halted_by = why
            self._wire.say(Told.halt, why, ts_ns)

    def distrust(self, ts_ns: int) -> str:
        """Return why nothing may be opened now; empty when it may."""
        if self.halted_by:
            return self.halted_by
        if self._heard_since_ns == NEVER_NS:
            return "the account's events are not heard"
        if not self.is_reconciled:
            return "the account is not reconciled yet"
        if ts_ns > self.judged_ns + ROUNDS_MISSED * self._wire.limits.reconcile_ns:
            return "the account could not be compared with the venue's for too long"
        return ""

    def _ask(self, questions: Sequence[RoundQuestion], ts_ns: int) -> None:
        for question in questions:
            if question.page is None:
                call, wait_ns = self._wire.ask(question.kind, Purpose.round, ts_ns, question.about)
            else:
                call, wait_ns = question.page, self._wire.send(question.page, Purpose.round, ts_ns)
            if wait_ns:
                self._rounds.give_up()
                self._due_ns = ts_ns + max(wait_ns, ROUND_RETRY_NS)
                return
            self._rounds.sent(call.number, question)
