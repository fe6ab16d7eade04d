"""What a session came to, while it goes on: the figures of a backtest, by venue and strategy. Sans I/O.

Give it every drain and every forecast that was an input (`add`, `forecast`: they only take note), and let it `catch_up`
now and then; what it then tells depends on the records alone, not on when it was asked. So a running session, one that
a recovery brought back, a sealed one that is heard again and a backtest of the journal come to the same figures.

The account's equity is that of the core's records of positions. A strategy's is that of its own ledger, its position
valued at the same mids; a closing order's fill is booked on those whose position it closes, and where the account is
flat what strategies still hold against each other is closed between them at that price.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from native.config import JsonObject
from streaming.errors import BadDataError
from streaming.journal import Outputs
from streaming.kept_forecasts import FORECAST_WIDTH
from streaming.performance.errors_of_forecasts import ForecastErrors
from streaming.performance.events import Event, Rank, events_of, has_events
from streaming.performance.figures import Figures
from streaming.performance.ledger import Part, funding_parts, parted
from streaming.performance.order_times import PLACE, OrderTimes, SentOrder
from streaming.performance.scope import Book, Scope
from streaming.segments import InstrumentEntry, SegmentHeader
from streaming.trader_document import horizon_step_of, strategy_names
from streaming.trading_records import FORECAST_PREFIX

WAITING_MAX = 512
"""Drains that wait; one more and they are worked off at once."""
NO_STRATEGY = 255
"""Of an order that closes for the account."""
CLOSING = "closing"
"""How such orders are named among strategies."""


@dataclass(slots=True)
class _Market:
    """One instrument: mids, and its books."""

    account: Book
    slot: int
    mid_x2_ticks: int = 0
    """By which positions are valued."""
    step_mid_x2_ticks: int = 0
    """Of the last closed step in which the book was valid: what fills are measured against."""
    own: dict[int, Book] = field(default_factory=dict)
    """By strategy."""
    at_tick: list[tuple[int, Book, int]] = field(default_factory=list)
    """Fills at the very moment of a step that is not closed yet: when, whose, and signed size."""


class PerformanceTracker:
    """See the head of the file. Instruments in another quote currency than the reference's are in no figure."""

    def __init__(self, header: SegmentHeader) -> None:
        assert header.engine is not None, "a journal's header holds the engine's document"
        document = header.engine
        grid = document["grid"]
        assert isinstance(grid, dict), "a trader's engine has a grid"
        slots, step_ns = grid["slots"], grid["step_ns"]
        assert isinstance(slots, list) and isinstance(step_ns, int), "the engine took it"
        self._step_ns = step_ns
        self._names = strategy_names(document)
        self._drains: list[Outputs] = []
        self._forecasts: list[Event] = []
        self._events: deque[Event] = deque()
        self.orders = OrderTimes()
        self.errors = ForecastErrors(len(slots), horizon_step_of(document))
        self.problem = ""
        """Why there are no figures any more; empty while all is well."""
        self.ts_from_ns = 0
        """When the first step closed; 0 before."""
        entries = {entry.id: entry for entry in header.instruments}
        heard = {int(str(number)): slot for slot, number in enumerate(slots) if isinstance(number, int)}
        quote = _reference(grid, entries, heard).quote
        self.other_quotes = tuple(entries[number].name for number in heard if entries[number].quote != quote)
        self.quote = quote or "quote"
        self.total = Scope(errors=self.errors.sums)
        self.venues: dict[str, Scope] = {}
        self.strategies = {name: Scope(strategy=name) for name in self._names}
        self.rows: dict[tuple[str, str], Scope] = {}
        self._markets = {
            number: _Market(self._account_book(entries[number], heard), slot)
            for number, slot in heard.items()
            if entries[number].quote == quote
        }

    def _account_book(self, entry: InstrumentEntry, heard: dict[int, int]) -> Book:
        sums = self.errors.sums[heard[entry.id]]
        venue = self.venues.setdefault(entry.venue, Scope(venue=entry.venue, errors=[]))
        venue.errors = [*(venue.errors or ()), sums]
        return Book.of(entry, (self.total, venue))

    # --- what happens; cheap ---

    def add(self, outputs: Outputs) -> None:
        """Take note of a drain."""
        if has_events(outputs):
            self._drains.append(outputs)
            if len(self._drains) > WAITING_MAX:
                self.catch_up()

    def forecast(self, seq: int, ts_ns: int, ts_step_ns: int, values: NDArray[np.float32]) -> None:
        """Take note of a forecast [H, V * 20] that was input `seq`."""
        horizon, slots = self.errors.horizon_step, len(self.errors.sums)
        if horizon <= len(values) and values.shape[1] == slots * FORECAST_WIDTH:
            moves_bps = values[horizon - 1, ::FORECAST_WIDTH].tolist()
            self._forecasts.append((seq, Rank.forecast, 0, ts_ns, ts_step_ns, moves_bps))

    def forecast_input(self, seq: int, ts_ns: int, payload: bytes) -> None:
        """Take note of a forecast as a journal holds it; one of another shape was refused by the engine."""
        ts_step_ns, _, rows = FORECAST_PREFIX.unpack_from(payload)
        values = np.frombuffer(payload, dtype=np.float32, offset=FORECAST_PREFIX.size)
        if values.size == rows * len(self.errors.sums) * FORECAST_WIDTH:
            self.forecast(seq, ts_ns, ts_step_ns, values.reshape(rows, len(self.errors.sums) * FORECAST_WIDTH))

    # --- working off ---

    def catch_up(self, until_ns: int | None = None) -> None:
        """Work off what waits, as far as it happened up to `until_ns`.

        What cannot be worked off ends the figures, told by `problem`, and not the session whose figures they are.
        """
        try:
            if not self.problem:
                self._work_off(until_ns)
        except Exception as error:
            self.problem = f"{type(error).__name__}: {error}"
        if self.problem:
            self._drains, self._forecasts = [], []
            self._events.clear()

    def _work_off(self, until_ns: int | None) -> None:
        if self._drains or self._forecasts:
            found = [*self._forecasts]
            for outputs in self._drains:
                found += events_of(outputs)
            found.sort(key=_order)
            self._events += found
            self._drains, self._forecasts = [], []
        events = self._events
        while events and (until_ns is None or events[0][3] <= until_ns):
            self._take(events.popleft())

    def _take(self, event: Event) -> None:
        _, rank, _, ts_ns, *fields = event
        match rank:
            case Rank.step:
                self._on_step(ts_ns, *fields)
            case Rank.position:
                self._on_position(ts_ns, *fields)
            case Rank.fill:
                self._on_fill(ts_ns, *fields)
            case Rank.request:
                self._on_request(ts_ns, *fields)
            case Rank.order:
                self.orders.moved(ts_ns, fields[0], fields[2])
            case Rank.funding:
                self._on_funding(ts_ns, *fields)
            case Rank.forecast:
                self.errors.forecast(fields[0] // self._step_ns, fields[1])

    def _on_step(self, ts_ns: int, instrument: int, mid_x2_ticks: int) -> None:
        self.ts_from_ns = self.ts_from_ns or ts_ns
        market = self._markets.get(instrument)
        if market is None:
            return
        self.errors.mid(ts_ns // self._step_ns, market.slot, mid_x2_ticks)
        if market.at_tick:
            _measure_again(market, ts_ns, mid_x2_ticks)
        if mid_x2_ticks:
            market.step_mid_x2_ticks = mid_x2_ticks
            self._mark(market, ts_ns, mid_x2_ticks)

    def _mark(self, market: _Market, ts_ns: int, mid_x2_ticks: int) -> None:
        """Value what strategies hold at another mid."""
        if mid_x2_ticks != market.mid_x2_ticks:
            market.mid_x2_ticks = mid_x2_ticks
            for book in market.own.values():
                if book.ledger.position_units:
                    book.revalue(ts_ns, book.ledger.value_e8(mid_x2_ticks))

    def _on_position(
        self,
        ts_ns: int,
        instrument: int,
        units: int,
        cost: int,
        realised: int,
        unrealised: int,
        fees: int,
        funding: int,
    ) -> None:
        market = self._markets.get(instrument)
        if market is None:
            return
        account = market.account
        account.revalue(ts_ns, account.ledger.money.e8(realised + unrealised - fees - funding))
        if abs(units) > 1:
            self._mark(market, ts_ns, _mid_x2(units, cost + unrealised))

    def _on_request(
        self,
        ts_ns: int,
        ts_step_ns: int,
        number: int,
        instrument: int,
        strategy: int,
        units: int,
        kind: int,
        side: int,
        purpose: int,
        price_ticks: int,
        model_id: int,
    ) -> None:
        if kind != PLACE:
            return
        self.orders.sent(
            SentOrder(number, instrument, strategy, purpose, side, price_ticks, units, model_id, ts_step_ns, ts_ns)
        )
        market = self._markets.get(instrument)
        if market is not None:
            market.account.note_sent(units)
            self._own(market, strategy).note_sent(units)

    def _on_fill(
        self,
        ts_ns: int,
        instrument: int,
        strategy: int,
        side: int,
        units: int,
        price_ticks: int,
        fee: int,
        is_maker: int,
        number: int,
    ) -> None:
        market = self._markets.get(instrument)
        if market is None:
            return
        part = Part(units if side == 0 else -units, price_ticks, fee, bool(is_maker))
        is_first = self.orders.note_filled(number)
        for book in (market.account, self._own(market, strategy)):
            book.note_filled(units, is_maker=part.is_maker, is_first=is_first)
        parts = self._parts(market, strategy, part)
        mid = market.step_mid_x2_ticks
        market.account.ledger.take(part, mid)
        for holder, share in parts.items():
            self._book(market, holder, ts_ns, share)
        if ts_ns % self._step_ns == 0 and mid:
            market.at_tick.append((ts_ns, market.account, part.signed_units))
            market.at_tick += [(ts_ns, market.own[holder], each.signed_units) for holder, each in parts.items()]
        if strategy == NO_STRATEGY and market.account.ledger.position_units == 0:
            self._close_between(market, ts_ns, part)

    def _parts(self, market: _Market, strategy: int, part: Part) -> dict[int, Part]:
        if strategy != NO_STRATEGY:
            return {strategy: part}
        holdings = {number: book.ledger.position_units for number, book in market.own.items() if number != NO_STRATEGY}
        return parted(holdings, part) or {NO_STRATEGY: part}

    def _book(self, market: _Market, holder: int, ts_ns: int, part: Part) -> None:
        book = self._own(market, holder)
        book.ledger.take(part, market.step_mid_x2_ticks)
        book.revalue(ts_ns, book.ledger.value_e8(market.mid_x2_ticks or 2 * part.price_ticks))

    def _close_between(self, market: _Market, ts_ns: int, part: Part) -> None:
        """Flat is flat for every strategy: what they hold against each other ends at the price of the last fill."""
        for number, book in market.own.items():
            if book.ledger.position_units:
                self._book(market, number, ts_ns, Part(-book.ledger.position_units, part.price_ticks, 0, part.is_maker))

    def _on_funding(self, ts_ns: int, instrument: int, units: int, paid: int) -> None:
        market = self._markets.get(instrument)
        if market is None:
            return
        market.account.ledger.funding_quote_units += paid
        holdings = {number: book.ledger.position_units for number, book in market.own.items()}
        for holder, share in funding_parts(holdings, units, paid).items():
            book = market.own[holder]
            book.ledger.funding_quote_units += share
            book.revalue(ts_ns, book.ledger.value_e8(market.mid_x2_ticks))

    def _own(self, market: _Market, strategy: int) -> Book:
        found = market.own.get(strategy)
        if found is None:
            entry, name = market.account.entry, self.strategy_name(strategy)
            is_closing = strategy == NO_STRATEGY
            by_strategy = self.strategies.setdefault(name, Scope(strategy=name, is_closing=is_closing))
            row = Scope(venue=entry.venue, strategy=name, is_closing=is_closing)
            row = self.rows.setdefault((entry.venue, name), row)
            found = market.own[strategy] = Book.of(entry, (row, by_strategy))
        return found

    def strategy_name(self, strategy: int) -> str:
        """Return a strategy's name by its number in records."""
        return self._names[strategy] if strategy < len(self._names) else CLOSING

    # --- what it comes to ---

    def held(self, strategy: int, instrument: int) -> int:
        """Return a strategy's own position as of what was worked off, in size units."""
        market = self._markets.get(instrument)
        book = None if market is None else market.own.get(strategy)
        return 0 if book is None else book.ledger.position_units

    def figures(self, until_ns: int) -> list[Figures]:
        """Return all scopes' figures of the span that ends at `until_ns`: total, venues, strategies, then both.

        BadDataError once `problem` says that there are none.
        """
        if self.problem:
            raise BadDataError(f"figures of the session: {self.problem}")
        return [scope.figures(self.ts_from_ns, until_ns) for scope in self._scopes()]

    def _scopes(self) -> Iterator[Scope]:
        yield self.total
        for scopes in (self.venues, self.strategies, self.rows):
            yield from scopes.values()

    def to_json(self, until_ns: int) -> JsonObject:
        """Return the section `performance` of a status; what waits is worked off first."""
        self.catch_up()
        found = self.figures(until_ns)
        return {
            "quote": self.quote,
            "other_quotes": [*self.other_quotes],
            "ts_from_ns": self.ts_from_ns,
            "ts_to_ns": until_ns,
            "horizon_step": self.errors.horizon_step,
            "total": found[0].to_json(),
            "venues": {each.venue: each.to_json() for each in found if each.venue and not each.strategy},
            "strategies": {each.strategy: each.to_json() for each in found if each.strategy and not each.venue},
            "rows": [
                {"venue": each.venue, "strategy": each.strategy, **each.to_json()}
                for each in found
                if each.venue and each.strategy
            ],
        }


def _order(event: Event) -> tuple[int, int, int]:
    return event[0], event[1], event[2]


def _reference(grid: JsonObject, entries: dict[int, InstrumentEntry], heard: dict[int, int]) -> InstrumentEntry:
    """Return the instrument whose quote currency money is counted in."""
    reference = next((number for number, slot in heard.items() if slot == grid.get("reference")), None)
    return entries[next(iter(heard)) if reference is None else reference]


def _mid_x2(units: int, value_quote_units: int) -> int:
    """Return twice the mid that gives a position its value, which the core rounds down; exact for two units or more."""
    if units > 0:
        return -(-2 * value_quote_units // units)
    return -2 * value_quote_units // -units


def _measure_again(market: _Market, ts_ns: int, mid_x2_ticks: int) -> None:
    """Measure fills that came at the very moment of a step against that step's mid."""
    for filled_ns, book, signed_units in market.at_tick:
        if filled_ns == ts_ns and mid_x2_ticks:
            book.ledger.spread_half_units += signed_units * (market.step_mid_x2_ticks - mid_x2_ticks)
    market.at_tick.clear()
