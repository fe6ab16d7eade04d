"""The lake's rows of a session's figures: every ten seconds of its clock, and at its end."""

import math
from collections.abc import Iterable, Iterator

import pyarrow as pa

from streaming.backtest.kpi import NS_PER_S
from streaming.performance.errors_of_forecasts import ErrorFigures
from streaming.performance.figures import ERRORS, MONEY, RATIOS, Figures
from streaming.performance.stage_file import StageRow
from streaming.performance.tracker import PerformanceTracker
from warehouse.schema import table_schema

PERFORMANCE, STAGE_LATENCIES = "performance", "stage_latencies"
INTERVAL_NS = 10 * NS_PER_S
COUNTS = ("trades", "samples", "sharpe_period_s", "fills_without_mid")
NO_ERRORS = ErrorFigures(0, None, None, None, None)

Row = dict[str, str | int | float | bool]


class PerformanceRows:
    """Takes the figures of a tracker whenever its session's clock has come to a whole multiple of ten seconds."""

    def __init__(self, tracker: PerformanceTracker) -> None:
        self._tracker = tracker
        self._next_ns = 0
        self._rows: list[Row] = []

    def advance(self, ts_ns: int) -> None:
        """Take what is due after the tracker was given everything up to `ts_ns`."""
        if self._next_ns == 0:
            self._next_ns = (ts_ns // INTERVAL_NS + 1) * INTERVAL_NS
        while self._next_ns <= ts_ns:
            self._tracker.catch_up(self._next_ns)
            self._take(self._next_ns)
            # Over a hole in which nothing was heard there is nothing to tell but how things stood at its end.
            self._next_ns = max(self._next_ns + INTERVAL_NS, ts_ns // INTERVAL_NS * INTERVAL_NS)
        self._tracker.catch_up()

    def end(self, ts_ns: int) -> pa.Table:
        """Take the last row and return all."""
        self._tracker.catch_up()
        self._take(ts_ns)
        return rows_table(PERFORMANCE, self._rows)

    def _take(self, ts_ns: int) -> None:
        if self._tracker.ts_from_ns:
            self._rows += performance_rows(self._tracker, ts_ns)


def performance_rows(tracker: PerformanceTracker, ts_ns: int) -> Iterator[Row]:
    """Yield the rows of all scopes at a moment; what is not defined is NaN."""
    for figures in tracker.figures(ts_ns):
        yield {
            "ts_ns": ts_ns,
            "venue": figures.venue,
            "strategy": figures.strategy,
            "quote": tracker.quote,
            **_execution(figures),
            **_earnings(figures),
            **_errors(figures.errors or NO_ERRORS),
        }


def _execution(figures: Figures) -> Row:
    execution = figures.execution
    return {
        "submitted": execution.orders,
        "filled": execution.filled_orders,
        "fills": execution.fills,
        "maker_fills": execution.maker_fills,
        "submitted_lots": execution.submitted_lots,
        "filled_lots": execution.filled_lots,
        "fill_rate": _number(execution.fill_rate),
    }


def _earnings(figures: Figures) -> Row:
    earnings = figures.earnings
    if earnings is None:
        nothing: Row = dict.fromkeys((*(f"{name}_e8" for name in MONEY), *COUNTS), 0)
        return {"has_earnings": False, **nothing, **dict.fromkeys(RATIOS, math.nan)}
    return {
        "has_earnings": True,
        **{f"{name}_e8": getattr(earnings, f"{name}_e8") for name in MONEY},
        **{name: getattr(earnings, name) for name in COUNTS},
        **{name: _number(getattr(earnings, name)) for name in RATIOS},
    }


def _errors(errors: ErrorFigures) -> Row:
    return {"forecasts_scored": errors.count, **{name: _number(getattr(errors, name)) for name in ERRORS}}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def stages_table(rows: Iterable[StageRow]) -> pa.Table:
    """Return the lake's rows of what stages took."""
    return rows_table(STAGE_LATENCIES, [{**row._asdict()} for row in rows])


def rows_table(name: str, rows: list[Row]) -> pa.Table:
    """Return rows as a table of the lake."""
    schema = table_schema(name).columns
    return pa.table({field.name: pa.array([row[field.name] for row in rows], field.type) for field in schema}, schema)
