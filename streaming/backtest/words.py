"""Figures in words: for the page and for the terminal alike."""

from dataclasses import dataclass
from decimal import Decimal

from native.config import NS_PER_MS
from streaming.backtest.evaluate import AFTER_FILL_NS, SAMPLE_NS, SHARPE_PERIOD_NS, SHARPE_PERIODS_MIN, Evaluation
from streaming.backtest.gaps import masked_ns
from streaming.backtest.interval import Interval
from streaming.backtest.kpi import NS_PER_S, Latency
from streaming.backtest.records import E8
from streaming.backtest.request import Queue, external_strategies
from streaming.backtest.run import BacktestRun

NONE = "none"
QUEUE_WORDS: dict[Queue, str] = {
    "pessimistic": "pessimistic: what is cancelled stood behind us, only trades move us up",
    "proportional": "proportional: what is cancelled stood evenly before and behind us",
    "front": "front: we stand first at our price (the most fills that could be hoped for)",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name, its value, and what must be read beside it."""

    name: str
    value: str
    beside: str = ""
    tone: int = 0
    """1 good, -1 bad, 0 neither."""


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence that must not be missed."""

    text: str
    is_warning: bool


def money(amount_e8: float, *, signed: bool = True) -> str:
    """Return an amount with six digits that count, and the sign of a gain where `signed`."""
    value = amount_e8 / E8
    digits = max(2, min(8, 6 - len(str(int(abs(value)))))) if value else 2
    return f"{value:{'+' if signed else ''},.{digits}f}"


def exact_money(amount_e8: int) -> str:
    """Return an amount with every digit."""
    return format((Decimal(amount_e8) / E8).normalize() + 0, ",f")


def told(run: BacktestRun, evaluation: Evaluation) -> list[Told]:
    """Return what must be said first."""
    said = [_surely(evaluation)]
    if run.fitted_until_ns >= run.ts_from_ns:
        share = (min(run.fitted_until_ns, run.ts_to_ns) - run.ts_from_ns) / max(1, run.ts_to_ns - run.ts_from_ns)
        said.append(Told(f"In sample: the model was fitted on {share:.0%} of this span.", is_warning=True))
    earnings = evaluation.earnings
    if earnings.sharpe is not None and earnings.sharpe_period_s * NS_PER_S < SHARPE_PERIOD_NS:
        minutes = SHARPE_PERIODS_MIN * SHARPE_PERIOD_NS // (60 * NS_PER_S)
        scaled = f"The Sharpe ratio is of single seconds in fewer than {minutes} minutes, scaled to a year"
        said.append(Told(f"{scaled}: its size means nothing.", is_warning=True))
    if evaluation.leak.warning:
        said.append(Told(f"Leak: {evaluation.leak.warning}.", is_warning=True))
    if evaluation.unheard:
        said.append(Told(f"Not in the lake in this span: {', '.join(evaluation.unheard)}.", is_warning=True))
    if evaluation.other_quotes:
        names = ", ".join(evaluation.other_quotes)
        said.append(Told(f"In no sum of money, as they trade against another currency: {names}.", is_warning=True))
    silent = [name for name in external_strategies(run.lanes[0].document) if name not in run.asked]
    if silent:
        names = ", ".join(silent)
        said.append(Told(f"Not asked, as their settings name no class in Python: {names}.", is_warning=True))
    if run.left_out:
        said.append(
            Told(f"{len(run.left_out)} segment(s) not heard: another run covers the same time.", is_warning=False)
        )
    return said


def _surely(evaluation: Evaluation) -> Told:
    earnings, execution = evaluation.earnings, evaluation.execution
    if execution.orders == 0:
        return Told("No order was sent: there is nothing to judge.", is_warning=True)
    interval = earnings.pnl_interval
    if interval is None:
        return Told("The span is too short for an interval: nothing is shown.", is_warning=True)
    between = f"95 % between {money(interval.low)} and {money(interval.high)} {earnings.quote}"
    if interval.includes_zero:
        return Told(f"Nothing is shown: the interval of the result includes zero ({between}).", is_warning=True)
    word = "A gain" if interval.low > 0 else "A loss"
    return Told(f"{word} beyond chance on this span: {between}, zero is outside.", is_warning=interval.high < 0)


def tiles(evaluation: Evaluation) -> list[Figure]:
    """Return the figures that are looked at first."""
    earnings, execution, prediction = evaluation.earnings, evaluation.execution, evaluation.prediction
    persistence = _number(prediction.persistence_mse_bps2)
    return [
        Figure("pnl", f"{money(earnings.pnl_e8)} {earnings.quote}", _pnl_beside(evaluation), _sign(earnings.pnl_e8)),
        Figure("Sharpe ratio, a year", _number(earnings.sharpe), _sharpe_beside(evaluation)),
        Figure("largest drawdown", money(earnings.max_drawdown_e8, signed=False), _drawdown_beside(evaluation)),
        Figure("profit factor", _number(earnings.profit_factor), f"{earnings.trades:,} closing fills"),
        Figure("fill rate", _share(execution.fill_rate), f"{execution.orders:,} orders, {execution.fills:,} fills"),
        Figure("forecast MSE, bps²", _number(prediction.mse_bps2), f"persistence {persistence}"),
    ]


def figures(run: BacktestRun, evaluation: Evaluation) -> list[Figure]:
    """Return all figures."""
    return [*_money_figures(run, evaluation), *_order_figures(evaluation), *_forecast_figures(run, evaluation)]


def _money_figures(run: BacktestRun, evaluation: Evaluation) -> list[Figure]:
    earnings = evaluation.earnings
    costs, quote, capital = earnings.costs, earnings.quote, earnings.capital_e8
    periods = f"of {earnings.sharpe_period_s} s periods, 365 days a year, risk-free 0"
    turns = earnings.turnover_e8 / capital if capital else 0.0
    return [
        Figure("pnl", f"{exact_money(earnings.pnl_e8)} {quote}", _pnl_beside(evaluation), _sign(earnings.pnl_e8)),
        Figure("pnl a step", _step_money(evaluation), f"over {run.counts.steps:,} steps"),
        Figure("Sharpe ratio", _number(earnings.sharpe), f"{periods}; {_between(earnings.sharpe_interval)}"),
        Figure("maximum drawdown", f"{exact_money(earnings.max_drawdown_e8)} {quote}", _drawdown_beside(evaluation)),
        Figure(
            "profit factor", _number(earnings.profit_factor), "gross profit / gross loss of closing fills, net of fees"
        ),
        Figure("hit rate", _share(earnings.hit_rate), f"of {earnings.trades:,} closing fills, net of fees"),
        Figure("turnover", f"{money(earnings.turnover_e8, signed=False)} {quote}", f"{turns:.4g} times the capital"),
        Figure("exposure time", _share(earnings.exposure_time), "of the span with any position"),
        Figure("largest gross exposure", f"{money(earnings.max_gross_exposure_e8, signed=False)} {quote}"),
        Figure("move after fills", money(costs.move_after_fill_e8), f"within {AFTER_FILL_NS / NS_PER_S:g} s of each"),
        Figure("move while held", money(costs.held_e8), _without_mid(evaluation)),
        Figure("spread paid", money(costs.spread_e8), "below 0: earned; against the mid of the last closed step"),
        Figure("fees, maker and taker", f"{money(costs.fees_maker_e8)} and {money(costs.fees_taker_e8)}"),
        Figure("funding paid", money(costs.funding_e8), "below 0: received"),
    ]


def _order_figures(evaluation: Evaluation) -> list[Figure]:
    execution = evaluation.execution
    lots = f"{execution.filled_lots:,.10g} of {execution.submitted_lots:,.10g} lots"
    fills = f"{execution.fills:,} fills, {execution.maker_fills:,} of them as maker"
    return [
        Figure("fill rate", _share(execution.fill_rate), lots),
        Figure("orders", f"{execution.orders:,}", fills),
        Figure("refused by risk", f"{execution.refused:,}"),
        Figure("signal to request", _latency(execution.signal_to_request), "on the engine's clock"),
        Figure(
            "step to request", _latency(execution.step_to_request), "from a step's close to the order decided on it"
        ),
        Figure("request to answer", _latency(execution.request_to_answer), "to the simulated venue and back"),
    ]


def _forecast_figures(run: BacktestRun, evaluation: Evaluation) -> list[Figure]:
    prediction, leak = evaluation.prediction, evaluation.leak
    horizon_s = run.horizon_step * run.grid.step_ns / NS_PER_S
    beside = (
        f"persistence {_number(prediction.persistence_mse_bps2)}; {horizon_s:g} s ahead, {prediction.count:,} pairs"
    )
    if prediction.count == 0:
        return []
    return [
        Figure("forecast MSE", f"{_number(prediction.mse_bps2)} bps²", beside),
        Figure(
            "forecast MAE",
            f"{_number(prediction.mae_bps)} bps",
            f"persistence {_number(prediction.persistence_mae_bps)}",
        ),
        Figure(
            "forecast skill",
            _share(leak.skill),
            f"of the moves' variance; {_share(leak.skill_one_step_late)} when one step late",
        ),
    ]


def forecast_words(run: BacktestRun) -> str:
    """Return how forecasts came."""
    counts = run.counts
    if run.bundle is None:
        return "none"
    withheld = f", {counts.withheld:,} withheld as their context touches a gap" if counts.withheld else ""
    return f"{counts.forecasts:,} made in batch ahead, each given {run.delay_ms:g} ms after its step{withheld}"


def funding_words(run: BacktestRun) -> str:
    """Return where funding comes from."""
    matching = run.lanes[0].document["matching"]
    assert isinstance(matching, dict), "a lane has its matching"
    fallback = matching.get("funding")
    if not isinstance(fallback, dict) or not fallback:
        return "of the venues' recorded mark prices, none where they are not recorded"
    rates = ", ".join(
        f"{name} {terms['rate_bps']} bps every {terms['every_h']} h"
        for name, terms in fallback.items()
        if isinstance(terms, dict)
    )
    return f"of the venues' recorded mark prices; where they are not recorded: {rates}"


def gap_words(run: BacktestRun) -> str:
    """Return what is masked."""
    if not run.masked:
        return "none in the ledger"
    seconds = masked_ns(run.masked) / NS_PER_S
    share = seconds / max(1e-9, (run.ts_to_ns - run.ts_from_ns) / NS_PER_S)
    return f"{len(run.masked)} masked, {seconds:,.3f} s in all ({share:.2%} of the span)"


def _pnl_beside(evaluation: Evaluation) -> str:
    interval = evaluation.earnings.pnl_interval
    if interval is None:
        return "too short for an interval"
    return f"{_between(interval, scale=E8)}{', includes zero' if interval.includes_zero else ''}"


def _step_money(evaluation: Evaluation) -> str:
    value = evaluation.earnings.pnl_per_step_e8
    return NONE if value is None else f"{value / E8:+.3g} {evaluation.earnings.quote}"


def _drawdown_beside(evaluation: Evaluation) -> str:
    earnings = evaluation.earnings
    if earnings.drawdown_share is None:
        return "no capital limit to compare with"
    return f"{earnings.drawdown_share:.4%} of the capital {money(earnings.capital_e8, signed=False)}"


def _without_mid(evaluation: Evaluation) -> str:
    count = evaluation.earnings.fills_without_mid
    return f"with {count} fills at which no mid was known" if count else "later than that"


def _between(interval: Interval | None, scale: float = 1.0) -> str:
    if interval is None:
        return "no interval"
    return f"95 %: {interval.low / scale:,.4g} to {interval.high / scale:,.4g}"


def _sharpe_beside(evaluation: Evaluation) -> str:
    heard_s = len(evaluation.samples.ts_ns) * SAMPLE_NS // NS_PER_S
    return f"{_between(evaluation.earnings.sharpe_interval)}; {heard_s:,} s scaled to a year"


def _latency(latency: Latency) -> str:
    if latency.p50_ns is None or latency.p99_ns is None:
        return NONE
    ends_ns = (latency.p50_ns, latency.p99_ns)
    p50_ms, p99_ms = (f"{end_ns / NS_PER_MS:.6f}".rstrip("0").rstrip(".") for end_ns in ends_ns)
    return f"{p50_ms} ms (p99 {p99_ms})"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:,.4g}"


def _share(value: float | None) -> str:
    return NONE if value is None else f"{value:.2%}"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
