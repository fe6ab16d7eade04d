"""All live venues of one session: the engine's requests to each, their replies back, and what reconciliation decides.

The `OrderVenue` of a live session. Requests leave within the call that makes them (`submit`); replies are owed to the
session until it takes them. After every input from outside call `settle`: replies become inputs, and a venue's whole
round is judged once no reply is left before it.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from native.config import NS_PER_MS, JsonObject
from streaming.errors import RefusedError
from streaming.live.balances import ExpectedBalances
from streaming.live.local_state import LATE_NS, local_state
from streaming.live.orders import TRADES_MAX
from streaming.live.venue import LiveVenue
from streaming.live.words import LiveEvent, OrderRequest, RequestKind, Told
from streaming.reconcile.compare import reconcile
from streaming.reconcile.rules import ReconcileRules
from streaming.reconcile.words import AccountSnapshot, Difference, DifferenceKind, Reconciled, Rule
from streaming.trader.order_venue import Owed
from streaming.trader.session import TradingSession
from streaming.venues.gateway import OrderSpec
from streaming.venues.venue_reply import VenueReply

BY: Final = "venue"
HALTED: Final = "halted"
OVERLAP_NS: Final = 600_000_000_000
"""Before the end of a journal that is gone on with, from when on trades are listed again."""
PASSES_MAX: Final = 64
"""Of `settle`: a reply may cause a request that is answered at once, and so on; the rest waits for the next input."""
SETTLED: Final = frozenset({DifferenceKind.missing_fill, DifferenceKind.balance, DifferenceKind.stranger_order})
"""Differences that leave nothing open once they are booked and told."""


class LiveDesk:
    """See the head of the file."""

    is_sending: bool = True
    """Whether anything that changes something leaves for a venue."""

    def __init__(self, venues: Sequence[LiveVenue], rules: Mapping[str, ReconcileRules]) -> None:
        """`rules`: of reconciliation, by venue."""
        self.venues: Final = {venue.gateway.venue: venue for venue in venues}
        self._by_instrument = {each.id: venue for venue in venues for each in venue.instruments.all}
        self._rules = rules
        self._since_ns = 0
        """When the session first began: fills of before are no affair of ours."""
        self._owed: deque[Owed] = deque()
        self._before: dict[str, frozenset[str]] = dict.fromkeys(self.venues, frozenset())
        self._balances = {venue.gateway.venue: ExpectedBalances(venue.instruments) for venue in venues}
        self._fills: OrderedDict[tuple[int, int], None] = OrderedDict()
        self.differences = 0
        """Confirmed so far."""
        self.on_submitted: Callable[[], None] = _nobody
        """Called after requests were turned into commands: whoever holds the sockets sends at once."""

    # --- the session's side: an `OrderVenue` ---

    def frame(self, seq: int, source: int, ts_ns: int, payload: bytes) -> bool:
        """Hear nothing: a venue has its own market."""
        return False

    def submit(self, requests: NDArray[np.void], ts_ns: int) -> None:
        """Let requests leave."""
        for row in requests:
            self._by_instrument[int(row["instrument"])].submit(OrderRequest.of(row), ts_ns)
        self._collect()
        self.on_submitted()

    def next_ts_ns(self) -> int | None:
        """Return when the oldest reply that waits reached us."""
        return self._owed[0][0] if self._owed else None

    def due(self, ts_ns: int) -> list[Owed]:
        """Return the replies that reached us by `ts_ns`."""
        found = []
        while self._owed and self._owed[0][0] <= ts_ns:
            found.append(self._owed.popleft())
        return found

    # --- the driver's side ---

    def adopt(self, session: TradingSession) -> None:
        """Take the session whose orders go here, before `start`; one that is gone on with has a past."""
        self._since_ns = begun_at_ns(session.plan.header.run)
        for venue in self.venues.values():
            venue.list_trades_from(max(self._since_ns, session.last_ns - OVERLAP_NS))

    def start(self, ts_ns: int) -> None:
        """Begin at every venue."""
        for venue in self.venues.values():
            venue.start(ts_ns)

    def on_deadline(self, ts_ns: int) -> None:
        """Do what is due at every venue."""
        for venue in self.venues.values():
            venue.on_deadline(ts_ns)

    def next_deadline_ns(self) -> int:
        """Return when some venue has something to do."""
        return min(venue.next_deadline_ns() for venue in self.venues.values())

    def settle(self, session: TradingSession, ts_ns: int) -> None:
        """Hand every reply to the session and judge the rounds that are whole; call after every input."""
        for _ in range(PASSES_MAX):
            self._collect()
            if self._owed:
                session.hear_replies(ts_ns)
            elif not self._judge(session, ts_ns):
                return

    def is_trusted(self) -> bool:
        """Tell whether orders that open risk may leave to every venue."""
        return all(venue.is_trusted for venue in self.venues.values())

    def heard_ns(self, ts_ns: int) -> int:
        """Return until when the accounts' events are known to be whole at every venue; 0: somewhere never yet."""
        return min(venue.heard_ns(ts_ns) for venue in self.venues.values())

    def take_events(self) -> list[LiveEvent]:
        """Take what happened at all venues."""
        found = [event for venue in self.venues.values() for event in venue.take_events()]
        return sorted(found, key=lambda event: event.ts_ns)

    def halt(self, why: str, ts_ns: int) -> None:
        """Open nothing anywhere any more, until `resume`."""
        for venue in self.venues.values():
            venue.halt(why, ts_ns)

    def resume(self, ts_ns: int) -> None:
        """Take back what reconciliation or a venue's word has halted, as a person asked for."""
        for venue in self.venues.values():
            venue.resume(ts_ns)

    def stop(self, ts_ns: int) -> None:
        """Close every venue's sockets."""
        for venue in self.venues.values():
            venue.stop(ts_ns)

    def to_json(self, ts_ns: int) -> JsonObject:
        """Return how things stand, for status documents."""
        return {
            "is_trusted": self.is_trusted(),
            "differences": self.differences,
            "venues": [venue.to_json(ts_ns) for venue in self.venues.values()],
        }

    # --- replies ---

    def _collect(self) -> None:
        for name, venue in self.venues.items():
            for ts_ns, reply in venue.take_replies():
                self._note_fill(name, reply)
                latest_ns = self._owed[-1][0] if self._owed else ts_ns
                self._owed.append((max(ts_ns, latest_ns), reply.encode()))

    def _note_fill(self, venue: str, reply: VenueReply) -> None:
        key = (reply.instrument, reply.trade_id)
        if reply.trade_id and key not in self._fills:
            self._fills[key] = None
            if len(self._fills) > TRADES_MAX:
                self._fills.popitem(last=False)
            self._balances[venue].note(reply)

    # --- rounds ---

    def _judge(self, session: TradingSession, ts_ns: int) -> bool:
        """Compare the next whole round with what the session believes; False when there is none."""
        for venue in self.venues.values():
            snapshot = venue.take_snapshot()
            if snapshot is not None:
                self._compare(session, venue, snapshot, ts_ns)
                return True
        return False

    def _compare(self, session: TradingSession, venue: LiveVenue, snapshot: AccountSnapshot, ts_ns: int) -> None:
        name, balances = snapshot.venue, self._balances[snapshot.venue]
        local = local_state(session, venue, snapshot, self._since_ns, balances.now)
        found = reconcile(local, snapshot, self._rules[name], self._before[name])
        self._before[name] = found.ids
        for reply in found.replies:
            venue.desk.reply(reply, ts_ns)
        for difference in found.differences:
            self._follow(session, venue, difference, ts_ns)
        is_settled = _is_settled(found)
        if is_settled and not found.replies:
            moved = session.machine.standing.trades.moved_since(snapshot.ts_asked_ns - LATE_NS)
            instruments = [each for each in venue.instruments.all if each.id in moved]
            balances.settle(snapshot.balances, [a for each in instruments for a in (each.base, each.quote)])
        venue.on_reconciled(snapshot, ts_ns, is_settled=is_settled)

    def _follow(self, session: TradingSession, venue: LiveVenue, difference: Difference, ts_ns: int) -> None:
        """Do what a difference's rule says."""
        number, instrument = difference.client_order_id, difference.instrument
        if difference.rule is Rule.query and instrument is not None:
            venue.query(number, instrument, ts_ns)
        if not difference.is_confirmed:
            return
        self.differences += 1
        venue.tell(Told.difference, f"{difference.kind}: {difference.text}", ts_ns, instrument, number)
        if difference.rule is Rule.cancel and number and instrument is not None:
            spec = OrderSpec(client_order_id=number, instrument=instrument)
            venue.submit(OrderRequest(RequestKind.cancel, spec), ts_ns)
        elif difference.rule is Rule.halt:
            self._halt(session, venue, _reason(difference), ts_ns)

    def _halt(self, session: TradingSession, venue: LiveVenue, why: str, ts_ns: int) -> None:
        venue.halt(why, ts_ns)
        if session.status().state == HALTED:
            return
        try:
            session.command(ts_ns, "halt", why[:200], BY)
        except RefusedError as error:
            venue.tell(Told.halt, str(error), ts_ns)


def begun_at_ns(run: str) -> int:
    """Return when a session began, as its run's name says; ValueError for the name of none."""
    second, _, ms = run.partition("-")[2].partition(".")
    at = datetime.strptime(second, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return int(at.timestamp()) * 1_000_000_000 + int(ms or 0) * NS_PER_MS


def _nobody() -> None:
    """Send nothing: commands are taken later."""


def _reason(difference: Difference) -> str:
    """Return a difference as the reason of a halt."""
    return f"{difference.venue}: {difference.kind.value} differs: {difference.text}"


def _is_settled(found: Reconciled) -> bool:
    """Tell whether nothing is left that another round must show."""
    return all(one.is_confirmed and (one.kind in SETTLED or one.rule is Rule.tell) for one in found.differences)
