"""One round of reconciliation: what the account's venue is asked, in which order, and what it comes to.

Order matters. Open orders, balances and positions are asked first and trades last: a fill that one of the first
answers knows of is in the list of trades then, so that it is booked as a fill and not found as a difference. Trades are
asked from where the round before the last one ended, so that one that a slow replica of the venue lists late, or that
the stream skipped, is still found.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from streaming.live.wire import NOTHING, Question
from streaming.reconcile.words import AccountSnapshot
from streaming.venues.gateway import Balance, Call, CallKind, Outcome, VenueOrder, VenuePosition, VenueTrade
from streaming.venues.instruments import Instruments

PERPETUAL: Final = "perpetual"
NEWEST: Final = 0
"""Of a venue that lists trades from an id on: without one it lists the newest, a thousand at most."""


@dataclass(frozen=True, slots=True)
class RoundQuestion:
    """One call of a round."""

    kind: CallKind
    about: Question = NOTHING
    page: Call | None = None
    """A further page of its list, as the gateway asks for it."""


@dataclass(slots=True)
class TradeCursor:
    """From where a symbol's trades are asked."""

    since: int
    """Given to the venue: a trade id, or ns."""
    newest: int | None = None
    """The newest that the last whole round with trades listed."""


@dataclass(slots=True)
class Round:
    """One round under way."""

    number: int
    ts_asked_ns: int
    open_orders: list[VenueOrder] = field(default_factory=list)
    trades: list[VenueTrade] = field(default_factory=list)
    balances: tuple[Balance, ...] = ()
    positions: tuple[VenuePosition, ...] | None = None
    waiting: dict[int, RoundQuestion] = field(default_factory=dict)
    """Questions under way by the number of their call."""
    trades_missing: int = 0
    """Lists of trades that have not come."""
    asks_trades: bool = False


class Rounds:
    """Rounds of one venue. The owner sends questions and tells what came; `begin` again after a failure."""

    def __init__(self, venue: str, instruments: Instruments, *, by_time: bool, since_ns: int) -> None:
        """`by_time`: the venue lists trades from a time on; the first round then asks from `since_ns` on."""
        self._venue = venue
        self._symbols = [item.symbol for item in instruments.all]
        self._has_positions = any(item.market_type == PERPETUAL for item in instruments.all)
        self._by_time = by_time
        self._cursors: dict[str, TradeCursor] = {}
        self.begin_at(since_ns)
        self.now: Round | None = None
        self.count = 0
        """Begun so far."""

    def begin_at(self, since_ns: int) -> None:
        """Forget where trades were listed up to: the next round begins at `since_ns`, or with the newest."""
        since = since_ns if self._by_time else NEWEST
        self._cursors = {symbol: TradeCursor(since) for symbol in self._symbols}

    def begin(self, ts_ns: int) -> list[RoundQuestion]:
        """Begin a round, giving up one that is under way, and return its first questions."""
        self.count += 1
        self.now = Round(self.count, ts_ns)
        questions = [RoundQuestion(CallKind.open_orders, Question(symbol)) for symbol in self._symbols]
        questions.append(RoundQuestion(CallKind.balances))
        if self._has_positions:
            questions.append(RoundQuestion(CallKind.positions))
        return questions

    def sent(self, number: int, question: RoundQuestion) -> None:
        """Take note of a question under way."""
        assert self.now is not None, "a question belongs to a round"
        self.now.waiting[number] = question

    def answered(self, number: int, outcome: Outcome) -> list[RoundQuestion]:
        """Take an accepted answer; return what is to be asked next."""
        found = self.now
        question = None if found is None else found.waiting.pop(number, None)
        if found is None or question is None:  # of a round that was given up
            return []
        self._keep(found, question, outcome)
        if outcome.more is not None:
            return [replace(question, page=outcome.more)]
        found.trades_missing -= question.kind is CallKind.trades
        if found.waiting or found.asks_trades:
            return []
        found.asks_trades, found.trades_missing = True, len(self._cursors)
        return [RoundQuestion(CallKind.trades, Question(name, cursor.since)) for name, cursor in self._cursors.items()]

    def failed(self, number: int) -> bool:
        """Take note of a question that came to nothing: its round is given up. False for one of an earlier round."""
        if self.now is None or number not in self.now.waiting:
            return False
        self.now = None
        return True

    def give_up(self) -> None:
        """Give up the round under way."""
        self.now = None

    def take_whole(self, ts_ns: int) -> AccountSnapshot | None:
        """Return what a round that is whole found, once; None while there is none."""
        found = self.now
        if found is None or not found.asks_trades or found.trades_missing or found.waiting:
            return None
        self.now = None
        self._move_cursors(found)
        return AccountSnapshot(
            venue=self._venue,
            ts_asked_ns=found.ts_asked_ns,
            ts_ns=ts_ns,
            open_orders=tuple(found.open_orders),
            trades=tuple(found.trades),
            balances=found.balances,
            positions=found.positions,
        )

    def _keep(self, found: Round, question: RoundQuestion, outcome: Outcome) -> None:
        document = outcome.document if isinstance(outcome.document, tuple) else ()
        match question.kind:
            case CallKind.open_orders:
                found.open_orders += [item for item in document if isinstance(item, VenueOrder)]
            case CallKind.trades:
                found.trades += [item for item in document if isinstance(item, VenueTrade)]
            case CallKind.balances:
                found.balances = tuple(item for item in document if isinstance(item, Balance))
            case _:
                found.positions = tuple(item for item in document if isinstance(item, VenuePosition))

    def _move_cursors(self, found: Round) -> None:
        for symbol, cursor in self._cursors.items():
            places = [self._place(trade) for trade in found.trades if trade.symbol == symbol]
            if places:
                cursor.since = min(places) if cursor.newest is None else cursor.newest
                cursor.newest = max(places)

    def _place(self, trade: VenueTrade) -> int:
        return trade.reply.ts_venue_ns if self._by_time else trade.reply.trade_id
