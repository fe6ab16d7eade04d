"""Equity as it goes: highest value, deepest fall and what a Sharpe ratio needs, without keeping the course.

Theory. Equity holds from one record to the next; of records of the same moment the last counts. A period's change is
equity at one tick of the clock less equity at the tick before, from 0 at the begin, and at the end the change since the
last tick. Periods in which nothing changed add nothing to the sum of changes or of their squares: they are counted from
the span alone. So these figures are those of `backtest.kpi` over the whole course, to the last digit of integers; only
the Sharpe ratio of a short course is left out.
"""

from dataclasses import dataclass

from streaming.backtest import kpi
from streaming.backtest.kpi import NS_PER_S

SECOND_NS, MINUTE_NS = NS_PER_S, 60 * NS_PER_S
MINUTES_MIN = 30
"""In a span of fewer minutes the Sharpe ratio is taken of seconds, as a backtest does."""
SECONDS_MIN = 600
"""Of fewer seconds there is none: a backtest tells an interval beside it, and here a number would stand alone."""


@dataclass(frozen=True, slots=True)
class EquityFigures:
    """What a course comes to. Money in 10^-8 of the quote currency."""

    max_drawdown_e8: int
    sharpe: float | None
    sharpe_period_s: int
    samples: int
    """Changes of equity that the ratio is taken of."""


@dataclass(slots=True)
class _Changes:
    """Sums over the changes of equity from tick to tick of a period."""

    period_ns: int
    at_tick_e8: int = 0
    """Equity at the last tick that a record lies behind."""
    total_e8: int = 0
    squares: int = 0

    def cross(self, ts_ns: int, equity_e8: int, until_ns: int) -> None:
        """Take equity that held from `ts_ns` up to the moment before `until_ns`."""
        if -(-ts_ns // self.period_ns) * self.period_ns < until_ns:
            self._add(equity_e8)

    def _add(self, equity_e8: int) -> None:
        change = equity_e8 - self.at_tick_e8
        self.at_tick_e8 = equity_e8
        self.total_e8 += change
        self.squares += change * change

    def sharpe(self, ts_from_ns: int, ts_to_ns: int, ts_last_ns: int, equity_e8: int) -> tuple[float | None, int]:
        """Return the ratio of a span and its count of changes; nothing is changed."""
        seen = _Changes(self.period_ns, self.at_tick_e8, self.total_e8, self.squares)
        seen.cross(ts_last_ns, equity_e8, ts_to_ns + 1)
        seen._add(equity_e8)
        ticks = ts_to_ns // self.period_ns + 1 - -(-ts_from_ns // self.period_ns)
        count = max(ticks, 0) + 1
        return kpi.sharpe_of_sums(count, seen.total_e8, seen.squares, self.period_ns), count


class EquityCurve:
    """One course of equity, from 0. Give it each value with its time, which never goes back."""

    def __init__(self) -> None:
        self._ts_ns = 0
        self._equity_e8 = 0
        self._peak_e8 = self._drawdown_e8 = 0
        self._changes = (_Changes(SECOND_NS), _Changes(MINUTE_NS))

    def add(self, ts_ns: int, equity_e8: int) -> None:
        """Take equity as of `ts_ns`; it takes the place of an earlier value of the same moment."""
        if ts_ns > self._ts_ns:
            self._settle(ts_ns)
            self._ts_ns = ts_ns
        self._equity_e8 = equity_e8

    def _settle(self, until_ns: int) -> None:
        """The value that holds is the last of its moment."""
        equity_e8 = self._equity_e8
        if equity_e8 > self._peak_e8:
            self._peak_e8 = equity_e8
        elif self._peak_e8 - equity_e8 > self._drawdown_e8:
            self._drawdown_e8 = self._peak_e8 - equity_e8
        for changes in self._changes:
            changes.cross(self._ts_ns, equity_e8, until_ns)

    def figures(self, ts_from_ns: int, ts_to_ns: int) -> EquityFigures:
        """Return the figures of a span that all values lie in."""
        equity_e8 = self._equity_e8
        changes = self._changes[ts_to_ns - ts_from_ns >= MINUTES_MIN * MINUTE_NS]
        sharpe, samples = changes.sharpe(ts_from_ns, ts_to_ns, self._ts_ns, equity_e8)
        return EquityFigures(
            max_drawdown_e8=max(self._drawdown_e8, max(self._peak_e8, 0) - equity_e8),
            sharpe=None if changes.period_ns == SECOND_NS and samples < SECONDS_MIN else sharpe,
            sharpe_period_s=changes.period_ns // NS_PER_S,
            samples=samples,
        )
