"""The whole emulator as a machine: a source played against the clock's time, and the venues that it plays for."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from decimal import Decimal
from typing import cast

from native.config import JsonObject
from streaming.emulator.binance_views import middle
from streaming.emulator.exchange.truth import AccountTruth
from streaming.emulator.faults import Fault, FaultKind, FaultLog, FaultRecord, FaultSchedule
from streaming.emulator.orders_binance.user_streams import is_listen_key
from streaming.emulator.regime import NORMAL, STRESS, Regime
from streaming.emulator.session import Session, SessionRules
from streaming.emulator.source import EndlessMarket, MarketSource, SourceItem
from streaming.emulator.streams import MarketFrame
from streaming.emulator.true_book import BookState
from streaming.emulator.venue import Venue

SPOT_VENUES = ("binance_spot", "bybit_spot")
PRIME_MAX_NS = 60_000_000_000
"""How much of a source is heard in silence, until every book is known."""
LAST_WINDOWS_NS = 1_000_000_000
"""How long windows go on closing behind the last item: as long as the longest of a book's lasts."""
FRAMES_A_TURN = 1_000
LISTEN_KEY = "(listen key)"
"""What is shown of one: who has it hears the account."""


class MarketEmulator:
    """Venues fed by one source. Call `prime` once, then `advance` whenever `next_due_ns` has come.

    Everything that a client can see comes from the frames published so far: snapshots and streams never contradict each
    other, also when the market is late. Answer a request after `advance` with its time, and it is of that moment.
    """

    def __init__(
        self,
        source: MarketSource,
        rules: Mapping[str, SessionRules] | None = None,
        schedule: FaultSchedule | None = None,
    ) -> None:
        self.source = source
        self.log = FaultLog()
        names = dict.fromkeys(entry.venue for entry in source.instruments)
        self.venues = {
            name: Venue(
                name,
                [entry for entry in source.instruments if entry.venue == name],
                self.log,
                (rules or {}).get(name),
                self._index_price,
            )
            for name in names
        }
        self.lag_ns = 0
        """By how much the last frame was late."""
        self.lag_ns_max = 0
        self.is_over = False
        """The recording has ended; a generated market never does."""
        self._items = source.items()
        self._next = next(self._items, None)
        self._schedule = schedule
        self._session_id = 0
        self._last_ns = source.start_ns
        """Time of the last item played."""

    def prime(self) -> int:
        """Play the market's beginning to nobody, until every book is known; return the time it reached.

        A recording may hold no snapshot of an instrument: after a minute of market it is left unknown, and its
        snapshots are refused.
        """
        now_ns = self.source.start_ns
        while self._next is not None and not self._are_books_known() and now_ns < self.source.start_ns + PRIME_MAX_NS:
            now_ns = self._next.ts_ns
            self._play(self._next)
        return now_ns

    def advance(self, now_ns: int, frames_max: int = FRAMES_A_TURN) -> bool:
        """Publish what is due and handle deadlines; return False when more is due than was asked for."""
        played = 0
        while self._next is not None and self._next.ts_ns <= now_ns and played < frames_max:
            self.lag_ns = now_ns - self._next.ts_ns
            self.lag_ns_max = max(self.lag_ns_max, self.lag_ns)
            self._arm_due(self._next.ts_ns)
            self._play(self._next)
            played += 1
        known_ns = min(now_ns, self._windows_until_ns())
        for venue in self.venues.values():
            venue.close_windows(known_ns)
            venue.handle_deadlines(now_ns)
        return played < frames_max

    def next_due_ns(self) -> int:
        """Return when `advance` is due."""
        due = [venue.next_deadline_ns() for venue in self.venues.values()]
        until_ns = self._windows_until_ns()
        due += [ts_ns for venue in self.venues.values() if (ts_ns := venue.views.next_due_ns()) <= until_ns]
        return min(due if self._next is None else [*due, self._next.ts_ns])

    def arm(self, fault: Fault, now_ns: int) -> FaultRecord:
        """Arm a fault; ValueError when the venue is not there or too many wait.

        In a market that is late it is armed at the time that the market has reached: it strikes the frames from there.
        """
        if fault.kind is FaultKind.regime:
            raise ValueError("kind: a regime is begun by POST /regime, expected another kind")
        if fault.venue not in self.venues:
            raise ValueError(f"venue: expected one of {', '.join(self.venues)}, found {fault.venue!r}")
        known = self.venues[fault.venue].books
        if fault.symbol is not None and fault.symbol not in known:
            raise ValueError(f"symbol: expected one of {', '.join(known)}, found {fault.symbol!r}")
        reached_ns = now_ns if self._next is None else min(now_ns, self._next.ts_ns)
        return self.venues[fault.venue].faults.arm(fault, reached_ns)

    def calm(self) -> None:
        """End the schedule and forget the faults that wait; those under way run to their end."""
        self._schedule = None
        for venue in self.venues.values():
            venue.faults.disarm()

    def set_regime(self, regime: Regime, now_ns: int) -> FaultRecord:
        """Change a generated market on purpose, from the time at which the record says it fired.

        ValueError for a recording.
        """
        if not isinstance(self.source, EndlessMarket):
            raise ValueError("regime: a recording cannot be changed")
        from_ns = self.source.begin_regime(regime, now_ns)
        record = self.log.add(Fault(kind=FaultKind.regime, venue=next(iter(self.venues))), now_ns)
        self.log.fire(record, from_ns)
        return record

    def truth_at(self, instrument: str, levels: int | None = None) -> BookState | None:
        """Return the true book of `venue:SYMBOL` now, None while it is unknown; KeyError for one not listed."""
        venue, _, symbol = instrument.partition(":")
        return self.venues[venue].books[symbol].state(levels)

    def account_truth(self, venue: str, account: str) -> AccountTruth:
        """Return all that is so of an account at a venue; KeyError for one that is not open there."""
        return self.venues[venue].exchange.truth(account)

    def next_session_id(self) -> int:
        """Return the id of a new connection, unique over all venues."""
        self._session_id += 1
        return self._session_id

    def status(self, now_ns: int) -> JsonObject:
        """Return counts and state of everything, for people and tests."""
        venues: JsonObject = {
            name: {
                **venue.counts,
                "connections": len(venue.sessions),
                "waiting_max": max((session.waiting for session in venue.sessions.values()), default=0),
                "rest": dict(venue.rest.requests),
                "rest_refused": venue.rest.refusals,
                "books": {symbol: book.last_id for symbol, book in venue.books.items()},
            }
            for name, venue in self.venues.items()
        }
        return {
            "ts_ns": now_ns,
            "lag_ns": self.lag_ns,
            "lag_ns_max": self.lag_ns_max,
            "is_over": self.is_over,
            "instruments": [entry.name for entry in self.source.instruments],
            "venues": venues,
            "faults_fired": dict(self.log.fired),
        }

    def fault_rows(self) -> list[JsonObject]:
        """Return every fault armed so far, with what it cost."""
        rows = []
        for record in self.log.records:
            fault = {**asdict(record.fault), "kind": record.fault.kind.value}
            rows.append(cast(JsonObject, {**asdict(replace(record, fault=record.fault)), "fault": fault}))
        return rows

    def connection_rows(self) -> list[JsonObject]:
        """Return every connection, those that ended first."""
        return [
            _connection_row(name, session)
            for name, venue in self.venues.items()
            for session in (*venue.ended, *venue.sessions.values())
        ]

    def _index_price(self, symbol: str) -> Decimal | None:
        """Return the mean of what the spot markets of a symbol stand at."""
        books = [self.venues[name].books.get(symbol) for name in SPOT_VENUES if name in self.venues]
        middles = [price for book in books if book is not None and (price := middle(book)) is not None]
        return sum(middles, Decimal(0)) / len(middles) if middles else None

    def _are_books_known(self) -> bool:
        return all(book.is_known for venue in self.venues.values() for book in venue.books.values())

    def _windows_until_ns(self) -> int:
        """Return until when windows close: a market that is over ends those it began, and then says nothing more."""
        return self._last_ns + LAST_WINDOWS_NS if self._next is None else self._next.ts_ns

    def _play(self, item: SourceItem) -> None:
        self._last_ns = item.ts_ns
        venue = self.venues[item.venue]
        venue.close_windows(item.ts_ns)
        if isinstance(item, MarketFrame):
            venue.publish(item)
        else:
            venue.bridge(item)
        self._next = next(self._items, None)
        self.is_over = self._next is None

    def _arm_due(self, ts_ns: int) -> None:
        schedule = self._schedule
        while schedule is not None and schedule.next_ns <= ts_ns:
            due_ns = schedule.next_ns
            fault = schedule.take()
            if fault.kind is FaultKind.regime:
                self._turn_regime(due_ns)
                continue
            faults = self.venues[fault.venue].faults
            if faults.waiting(fault.kind) is None:  # without clients they would pile up, and strike all at once
                faults.arm(fault, due_ns)

    def _turn_regime(self, ts_ns: int) -> None:
        """Let a nervous market follow a normal one, and the other way round; a recording stays as it is."""
        if isinstance(self.source, EndlessMarket):
            regimes = self.source.made_from.regimes
            self.set_regime(STRESS if not regimes or regimes[-1][1] == NORMAL else NORMAL, ts_ns)


def _connection_row(venue: str, session: Session) -> JsonObject:
    return {
        "id": session.id,
        "venue": venue,
        "route": session.route,
        "streams": [LISTEN_KEY if is_listen_key(stream) else stream for stream in session.streams],
        "ts_opened_ns": session.ts_opened_ns,
        "ts_ended_ns": session.ts_ended_ns,
        "ending": session.ending.value if session.ending else None,
        "sent": dict(session.sent),
        "last_ids": dict(session.last_ids),
    }
