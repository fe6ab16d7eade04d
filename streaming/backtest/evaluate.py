"""A finished pass in figures: every KPI of its first lane, and the second-by-second equity behind them."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

import native
from streaming.backtest import gaps, kpi
from streaming.backtest.forecasts import realised_bps
from streaming.backtest.interval import Interval, sharpe_interval, total_interval
from streaming.backtest.kpi import NS_PER_S, Floats, Ints
from streaming.backtest.leaks import LeakVerdict, leak_verdict
from streaming.backtest.records import E8, Course, LaneRecords, course_of, fills_of, money_e8
from streaming.backtest.run import BacktestRun
from streaming.segments import InstrumentEntry

SAMPLE_NS = NS_PER_S
SHARPE_PERIOD_NS = 60 * NS_PER_S
SHARPE_PERIODS_MIN = 30
"""In a span of fewer minutes the ratio is taken of seconds."""
AFTER_FILL_NS = NS_PER_S
"""How long after a fill the mid's move counts as the fill's."""
PLACE = 0
"""Kind of an order request that is no cancellation."""
STATES = native.enums["OrderState"]
NOT_ANSWERED = STATES.index("pending_new")
REFUSED = STATES.index("refused")


@dataclass(frozen=True, slots=True)
class Samples:
    """Equity at whole seconds."""

    ts_ns: Ints
    equity_e8: Ints


@dataclass(frozen=True, slots=True)
class Predictions:
    """Forecast moves and what came, per forecast step and slot [N, V]; NaN where not known."""

    ts_step_ns: Ints
    forecast_bps: Floats
    realised_bps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of orders."""

    orders: int
    refused: int
    """By risk, before they left."""
    submitted_lots: float
    filled_lots: float
    fill_rate: float | None
    fills: int
    maker_fills: int
    signal_to_request: kpi.Latency
    """On the engine's clock, which stands still within an input: 0 unless forecasts are acted on later."""
    step_to_request: kpi.Latency
    """From the close of the step that was decided on."""
    request_to_answer: kpi.Latency
    """To the venue and back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earnings:
    """What was earned, in 10^-8 of the quote currency, and how surely."""

    quote: str
    pnl_e8: int
    """Realised and unrealised less fees and funding."""
    pnl_interval: Interval | None
    pnl_per_step_e8: float | None
    sharpe: float | None
    sharpe_interval: Interval | None
    sharpe_period_s: int
    max_drawdown_e8: int
    capital_e8: int
    """What the limits let be at stake: `native.risk.max_exposure_quote`."""
    drawdown_share: float | None
    """Of the capital."""
    trades: int
    """Fills that closed something."""
    profit_factor: float | None
    hit_rate: float | None
    turnover_e8: int
    max_gross_exposure_e8: int
    exposure_time: float | None
    costs: kpi.CostSplit
    fills_without_mid: int
    """In the cost split they count as held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """All figures of a run."""

    prediction: kpi.PredictionError
    leak: LeakVerdict
    execution: Execution
    earnings: Earnings
    masked_ns: int
    masked_share: float
    unheard: tuple[str, ...]
    """Instruments of the grid that the lake does not hold."""
    other_quotes: tuple[str, ...]
    """Instruments that trade against another currency than the reference: in no sum of money."""
    samples: Samples
    course: Course
    predictions: Predictions


def evaluate(run: BacktestRun) -> Evaluation:
    """Return the figures of a run."""
    heard = [entry for entry in run.entries if entry is not None]
    reference = run.entries[run.grid.reference_slot] or heard[0]
    entries = [entry for entry in heard if entry.quote == reference.quote]
    course = course_of(run.records, entries)
    predictions = _predictions(run)
    masked = gaps.masked_ns(run.masked)
    return Evaluation(
        prediction=kpi.prediction_error(predictions.forecast_bps.ravel(), predictions.realised_bps.ravel()),
        leak=_leak(run, predictions),
        execution=_execution(run.records, heard),
        earnings=_earnings(run, entries, course),
        masked_ns=masked,
        masked_share=masked / max(1, run.ts_to_ns - run.ts_from_ns),
        unheard=tuple(name for name, entry in zip(run.grid.instruments, run.entries, strict=True) if entry is None),
        other_quotes=tuple(entry.name for entry in heard if entry not in entries),
        samples=_samples(course, run.ts_from_ns, run.ts_to_ns),
        course=course,
        predictions=predictions,
    )


# --- forecasts ---


def _predictions(run: BacktestRun) -> Predictions:
    given = run.forecasted
    horizon_ns = run.horizon_step * run.grid.step_ns
    came = realised_bps(run.ts_step_ns, run.mid_x2_ticks, given.ts_step_ns, horizon_ns)
    return Predictions(given.ts_step_ns, given.mid_bps, came)


def _leak(run: BacktestRun, predictions: Predictions) -> LeakVerdict:
    """Lay forecasts on an axis without holes, slot behind slot with a hole between."""
    at_ns, step_ns = predictions.ts_step_ns, run.grid.step_ns
    slots = predictions.forecast_bps.shape[1]
    if not len(at_ns):
        return leak_verdict(np.zeros(0), np.zeros(0), run.horizon_step)
    index = (at_ns - at_ns[0]) // step_ns
    dense = np.full((2, int(index[-1]) + 2, slots), np.nan)
    dense[0, index], dense[1, index] = predictions.forecast_bps, predictions.realised_bps
    forecast, realised = (part.ravel(order="F") for part in dense)
    return leak_verdict(forecast, realised, run.horizon_step)


# --- orders ---


def _execution(records: LaneRecords, entries: list[InstrumentEntry]) -> Execution:
    requests, events = records.table("order_requests"), records.table("order_events")
    placed = requests[requests["kind"] == PLACE]
    lots = {entry.id: float(Fraction(entry.lot) / Fraction(entry.size_unit)) for entry in entries}
    fills = records.table("fills")
    submitted, filled = (_lots(rows, lots) for rows in (placed, fills))
    decisions = records.table("decisions")
    decided = decisions[decisions["client_order_id"] != 0]
    answered = events[(events["state_from"] == NOT_ANSWERED) & (events["state_to"] != NOT_ANSWERED)]
    return Execution(
        orders=len(placed),
        refused=int((events["state_to"] == REFUSED).sum()),
        submitted_lots=submitted,
        filled_lots=filled,
        fill_rate=kpi.fill_rate(filled, submitted),
        fills=len(fills),
        maker_fills=int((fills["is_maker"] != 0).sum()),
        signal_to_request=_between(decided, "ts_ns", placed),
        step_to_request=_between(decided, "ts_step_ns", placed),
        request_to_answer=_between(placed, "ts_ns", answered),
    )


def _lots(rows: NDArray[np.void], lots: dict[int, float]) -> float:
    return sum(int(rows["size_units"][rows["instrument"] == number].sum()) / lot for number, lot in lots.items())


def _between(before: NDArray[np.void], column: str, after: NDArray[np.void]) -> kpi.Latency:
    """Return the times from `before[column]` to `after`, matched by order; an order's first record counts."""
    ids, first = np.unique(before["client_order_id"], return_index=True)
    later_ids, later = np.unique(after["client_order_id"], return_index=True)
    both, mine, theirs = np.intersect1d(ids, later_ids, assume_unique=True, return_indices=True)
    assert len(mine) == len(theirs) == len(both), "ids are unique"
    return kpi.execution_latency(
        before[column][first[mine]].astype(np.int64), after["ts_ns"][later[theirs]].astype(np.int64)
    )


# --- money ---


def _earnings(run: BacktestRun, entries: list[InstrumentEntry], course: Course) -> Earnings:
    pnl = int(course.equity_e8[-1]) if len(course.equity_e8) else 0
    fills = {entry: fills_of(run.records.of("fills", entry)) for entry in entries}
    trades = [
        money_e8(entry, result) for entry, rows in fills.items() for result in kpi.closed_trades_quote_units(rows)
    ]
    period_ns = _sharpe_period_ns(run)
    periods = _increments(course, run, period_ns)
    seconds = _increments(course, run, SAMPLE_NS)
    drawdown, capital = kpi.max_drawdown_e8(course.equity_e8), _capital_e8(run)
    costs, without_mid = _costs(run, fills, course, pnl)
    return Earnings(
        quote=entries[0].quote or "quote",
        pnl_e8=pnl,
        pnl_interval=total_interval(seconds),
        pnl_per_step_e8=pnl / run.counts.steps if run.counts.steps else None,
        sharpe=kpi.sharpe_ratio(periods, period_ns),
        sharpe_interval=sharpe_interval(periods, period_ns),
        sharpe_period_s=period_ns // NS_PER_S,
        max_drawdown_e8=drawdown,
        capital_e8=capital,
        drawdown_share=drawdown / capital if capital else None,
        trades=len(trades),
        profit_factor=kpi.profit_factor(trades),
        hit_rate=kpi.hit_rate(trades),
        turnover_e8=sum(
            money_e8(entry, kpi.turnover_quote_units(rows.price_ticks, rows.size_units))
            for entry, rows in fills.items()
        ),
        max_gross_exposure_e8=int(course.gross_e8.max(initial=0)),
        exposure_time=_exposure_time(course, run),
        costs=costs,
        fills_without_mid=without_mid,
    )


def _exposure_time(course: Course, run: BacktestRun) -> float | None:
    ts_ns = np.concatenate([[run.ts_from_ns], course.ts_ns])
    return kpi.exposure_time(ts_ns, np.concatenate([[False], course.is_exposed]), run.ts_to_ns)


def _sharpe_period_ns(run: BacktestRun) -> int:
    is_long = run.ts_to_ns - run.ts_from_ns >= SHARPE_PERIODS_MIN * SHARPE_PERIOD_NS
    return SHARPE_PERIOD_NS if is_long else SAMPLE_NS


def _increments(course: Course, run: BacktestRun, period_ns: int) -> Ints:
    """Return the changes of equity from period to period of the clock, from 0 at the begin to the end."""
    at_ns = _ticks(run.ts_from_ns, run.ts_to_ns, period_ns)
    ends = np.append(course.sampled(at_ns), course.equity_e8[-1:])
    return np.diff(ends, prepend=0) if len(ends) else np.zeros(0, np.int64)


def _samples(course: Course, ts_from_ns: int, ts_to_ns: int) -> Samples:
    at_ns = _ticks(ts_from_ns, ts_to_ns, SAMPLE_NS)
    return Samples(at_ns, course.sampled(at_ns))


def _ticks(ts_from_ns: int, ts_to_ns: int, period_ns: int) -> Ints:
    return np.arange(-(-ts_from_ns // period_ns), ts_to_ns // period_ns + 1, dtype=np.int64) * period_ns


def _capital_e8(run: BacktestRun) -> int:
    risk = run.lanes[0].document.get("risk")
    limit = risk.get("max_exposure_quote") if isinstance(risk, dict) else None
    return int(Fraction(str(limit)) * E8) if limit is not None else 0


def _costs(
    run: BacktestRun, fills: dict[InstrumentEntry, kpi.Fills], course: Course, pnl_e8: int
) -> tuple[kpi.CostSplit, int]:
    spread = move = maker = taker = unknown = 0
    slots = {entry: slot for slot, entry in enumerate(run.entries) if entry is not None}
    for entry, rows in fills.items():
        found = kpi.fill_costs(rows, run.ts_step_ns, run.mid_x2_ticks[:, slots[entry]], AFTER_FILL_NS)
        spread += money_e8(entry, found.spread_x2) // 2
        move += money_e8(entry, found.move_after_x2) // 2
        unknown += found.unknown
        maker += money_e8(entry, int(rows.fee_quote_units[rows.is_maker].sum()))
        taker += money_e8(entry, int(rows.fee_quote_units[~rows.is_maker].sum()))
    split = kpi.cost_split(
        net_e8=pnl_e8,
        spread_e8=spread,
        move_after_fill_e8=move,
        fees_maker_e8=maker,
        fees_taker_e8=taker,
        funding_e8=course.funding_e8,
    )
    return split, unknown
