"""One holder's book of one instrument, and the scopes that add books up: all, a venue, a strategy, both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from streaming.backtest import kpi
from streaming.performance.equity import EquityCurve
from streaming.performance.errors_of_forecasts import ErrorSums, figures_of
from streaming.performance.figures import Earnings, Execution, Figures
from streaming.performance.ledger import Ledger, Money
from streaming.segments import InstrumentEntry


@dataclass(slots=True)
class Scope:
    """What adds up to one row of figures."""

    venue: str = ""
    strategy: str = ""
    curve: EquityCurve = field(default_factory=EquityCurve)
    equity_e8: int = 0
    books: "list[Book]" = field(default_factory=list)
    errors: Sequence[ErrorSums] | None = None
    """Of its slots; None where forecasts do not belong to it."""
    is_closing: bool = False
    """Of orders that close for the account: their money is their holders'."""

    def figures(self, ts_from_ns: int, ts_to_ns: int) -> Figures:
        """Return the figures of a span that holds all that was taken."""
        is_untouched = self.is_closing and not any(book.ledger.parts for book in self.books)
        return Figures(
            venue=self.venue,
            strategy=self.strategy,
            execution=_execution(self.books),
            earnings=None if is_untouched else self._earnings(ts_from_ns, ts_to_ns),
            errors=None if self.errors is None else figures_of(self.errors),
        )

    def _earnings(self, ts_from_ns: int, ts_to_ns: int) -> Earnings:
        ledgers = [book.ledger for book in self.books]
        trades = [ledger.trades for ledger in ledgers]
        profit, loss = sum(each.profit_e8 for each in trades), sum(each.loss_e8 for each in trades)
        count, won = sum(each.count for each in trades), sum(each.won for each in trades)
        spread, fees, funding = (
            sum(getattr(ledger, name) for ledger in ledgers) for name in ("spread_e8", "fees_e8", "funding_e8")
        )
        course = self.curve.figures(ts_from_ns, ts_to_ns)
        return Earnings(
            pnl_e8=self.equity_e8,
            spread_e8=spread,
            fees_e8=fees,
            funding_e8=funding,
            inventory_e8=self.equity_e8 + spread + fees + funding,
            trades=count,
            profit_e8=profit,
            loss_e8=loss,
            profit_factor=kpi.profit_factor((profit, -loss)),
            hit_rate=won / count if count else None,
            sharpe=course.sharpe,
            sharpe_period_s=course.sharpe_period_s,
            samples=course.samples,
            max_drawdown_e8=course.max_drawdown_e8,
            fills_without_mid=sum(ledger.parts_without_mid for ledger in ledgers),
        )


@dataclass(slots=True)
class Book:
    """A holder's book of one instrument: the account's, or a strategy's own."""

    entry: InstrumentEntry
    scopes: tuple[Scope, ...]
    ledger: Ledger
    lot_units: float
    """Size units of one lot."""
    equity_e8: int = 0
    orders: int = 0
    filled_orders: int = 0
    fills: int = 0
    maker_fills: int = 0
    submitted_units: int = 0
    filled_units: int = 0
    """Like the five above by the order's strategy, whoever holds what it filled."""

    @classmethod
    def of(cls, entry: InstrumentEntry, scopes: tuple[Scope, ...]) -> "Book":
        """Return an empty book that is part of these scopes."""
        lot_units = float(Fraction(entry.lot) / Fraction(entry.size_unit))
        book = cls(entry, scopes, Ledger(Money.of(entry)), lot_units)
        for scope in scopes:
            scope.books.append(book)
        return book

    def note_sent(self, size_units: int) -> None:
        """Count an order that left."""
        self.orders += 1
        self.submitted_units += size_units

    def note_filled(self, size_units: int, *, is_maker: bool, is_first: bool) -> None:
        """Count a fill of one of its orders; `is_first` of that order's."""
        self.filled_orders += is_first
        self.fills += 1
        self.maker_fills += is_maker
        self.filled_units += size_units

    def revalue(self, ts_ns: int, equity_e8: int) -> None:
        """Take what it is worth now into all of its scopes."""
        change, self.equity_e8 = equity_e8 - self.equity_e8, equity_e8
        for scope in self.scopes:
            scope.equity_e8 += change
            scope.curve.add(ts_ns, scope.equity_e8)


def _execution(books: Iterable[Book]) -> Execution:
    """Return sums over books, sizes in lots of their instruments."""
    submitted = filled = 0.0
    orders = filled_orders = fills = maker = 0
    for book in books:
        submitted += book.submitted_units / book.lot_units
        filled += book.filled_units / book.lot_units
        orders, filled_orders = orders + book.orders, filled_orders + book.filled_orders
        fills, maker = fills + book.fills, maker + book.maker_fills
    return Execution(
        orders=orders,
        filled_orders=filled_orders,
        fills=fills,
        maker_fills=maker,
        submitted_lots=submitted,
        filled_lots=filled,
        fill_rate=kpi.fill_rate(filled, submitted),
    )
