"""What a run is judged by: each figure is one pure function, its formula in the docstring and in `docs/kpis.md`.

Money counts whole 10^-8 of the quote currency (`_e8`) and stays an integer up to the last division. A figure that is
not defined (no order, no trade, no time) is None and never 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NS_PER_S = 1_000_000_000
YEAR_NS = 365 * 86_400 * NS_PER_S
"""Crypto markets never close: a year has 365 days of 24 hours."""


@dataclass(frozen=True, slots=True)
class PredictionError:
    """Errors of forecasts of the mid's move, and of persistence, which says that nothing moves."""

    count: int
    mse_bps2: float | None
    mae_bps: float | None
    persistence_mse_bps2: float | None
    persistence_mae_bps: float | None


def prediction_error(forecast_bps: Floats, realised_bps: Floats) -> PredictionError:
    """MSE = mean((f - r)^2), MAE = mean(|f - r|); persistence is f = 0.

    f is the forecast log return of the mid at the signal's horizon in bps, r what came: 10^4 ln(mid(t+h) / mid(t)).
    Pairs in which either is not a number are left out.
    """
    known = np.isfinite(forecast_bps) & np.isfinite(realised_bps)
    forecast, realised = forecast_bps[known], realised_bps[known]
    if not len(realised):
        return PredictionError(0, None, None, None, None)
    error = forecast - realised
    return PredictionError(
        count=len(realised),
        mse_bps2=float(np.mean(error**2)),
        mae_bps=float(np.mean(np.abs(error))),
        persistence_mse_bps2=float(np.mean(realised**2)),
        persistence_mae_bps=float(np.mean(np.abs(realised))),
    )


@dataclass(frozen=True, slots=True)
class Latency:
    """A distribution of times in ns."""

    count: int
    p50_ns: int | None
    p95_ns: int | None
    p99_ns: int | None
    max_ns: int | None


def execution_latency(signal_ns: Ints, handed_ns: Ints) -> Latency:
    """Percentiles of handed - signal: from the signal's output to the request in the hands of socket or venue.

    The q-th percentile is the smallest value that q percent of the values do not exceed (nearest rank).
    """
    delay = np.sort(handed_ns - signal_ns)
    if not len(delay):
        return Latency(0, None, None, None, None)
    p50, p95, p99 = (int(delay[max(0, math.ceil(share * len(delay)) - 1)]) for share in (0.50, 0.95, 0.99))
    return Latency(len(delay), p50, p95, p99, int(delay[-1]))


def fill_rate(filled_lots: float, submitted_lots: float) -> float | None:
    """Return filled / submitted, both in lots of their instruments; None when nothing was submitted."""
    return None if submitted_lots == 0 else filled_lots / submitted_lots


def sharpe_ratio(increments_e8: Ints, period_ns: int) -> float | None:
    """Return mean(d) / sd(d) x sqrt(365 days / period), d the change of equity a period, risk-free rate 0.

    sd is the sample's (n - 1). None for fewer than two periods or when equity never moved.
    """
    if len(increments_e8) < 2:
        return None
    spread = float(np.std(increments_e8, ddof=1))
    return None if spread == 0.0 else float(np.mean(increments_e8)) / spread * math.sqrt(YEAR_NS / period_ns)


def sharpe_of_sums(count: int, total_e8: int, squares: int, period_ns: int) -> float | None:
    """Return `sharpe_ratio` of `count` changes of equity of which only the sum and the sum of squares are known."""
    if count < 2:
        return None
    scatter = count * squares - total_e8 * total_e8
    if scatter == 0:
        return None
    return total_e8 / count / math.sqrt(scatter / (count * (count - 1))) * math.sqrt(YEAR_NS / period_ns)


def max_drawdown_e8(equity_e8: Ints) -> int:
    """Return max over t of (highest equity up to t - equity at t), equity including what is unrealised, from 0 on."""
    if not len(equity_e8):
        return 0
    return int(np.max(drawdown_e8(equity_e8)))


def drawdown_e8(equity_e8: Ints) -> Ints:
    """Return how far below its highest value (0 at the start) equity stands at each moment."""
    return np.maximum.accumulate(np.maximum(equity_e8, 0)) - equity_e8


def profit_factor(results_e8: Sequence[int]) -> float | None:
    """Return gross profit / gross loss of closed trades net of fees: inf without a loss, None without a trade."""
    profit = sum(result for result in results_e8 if result > 0)
    loss = -sum(result for result in results_e8 if result < 0)
    if loss == 0:
        return math.inf if profit > 0 else None
    return profit / loss


def hit_rate(results_e8: Sequence[int]) -> float | None:
    """Return the share of closed trades whose result net of fees is above 0; None without a trade."""
    return None if not results_e8 else sum(result > 0 for result in results_e8) / len(results_e8)


def turnover_quote_units(price_ticks: Ints, size_units: Ints) -> int:
    """Return the sum of price x size over fills, in quote units (tick x size unit) of one instrument."""
    return sum(price * size for price, size in zip(price_ticks.tolist(), size_units.tolist(), strict=True))


def exposure_time(ts_ns: Ints, is_exposed: NDArray[np.bool_], until_ns: int) -> float | None:
    """Return the share of the time from ts[0] to `until_ns` in which a position was held; each value holds on."""
    if not len(ts_ns) or until_ns <= ts_ns[0]:
        return None
    held_ns = np.diff(np.append(ts_ns, until_ns))[is_exposed]
    return int(held_ns.sum()) / (until_ns - int(ts_ns[0]))


@dataclass(frozen=True, slots=True)
class Fills:
    """One instrument's fills in order of time, as columns."""

    ts_ns: Ints
    is_buy: NDArray[np.bool_]
    price_ticks: Ints
    size_units: Ints
    fee_quote_units: Ints
    is_maker: NDArray[np.bool_]

    @property
    def signed_units(self) -> Ints:
        """Sizes, negative where sold."""
        return np.where(self.is_buy, self.size_units, -self.size_units)


@dataclass(slots=True)
class OpenTrade:
    """What is open of one instrument, at average cost; give it each fill once, in order of time."""

    position_units: int = 0
    cost_quote_units: int = 0
    entry_fees_quote_units: int = 0

    def take(self, signed_units: int, price_ticks: int, fee_quote_units: int) -> int | None:
        """Take a fill; return the result net of fees where it closed something, in quote units."""
        position, result = self.position_units, None
        closed = min(abs(signed_units), abs(position)) if signed_units * position < 0 else 0
        closing_fee = fee_quote_units * closed // abs(signed_units)
        opened = signed_units
        if closed:
            closed_cost = _towards_zero(self.cost_quote_units * closed, abs(position))
            fees_of_entry = _towards_zero(self.entry_fees_quote_units * closed, abs(position))
            signed_closed = closed if signed_units > 0 else -closed
            result = -signed_closed * price_ticks - closed_cost - fees_of_entry - closing_fee
            self.cost_quote_units -= closed_cost
            self.entry_fees_quote_units -= fees_of_entry
            opened -= signed_closed
        self.cost_quote_units += opened * price_ticks
        self.entry_fees_quote_units += fee_quote_units - closing_fee
        self.position_units += signed_units
        return result


def closed_trades_quote_units(fills: Fills) -> list[int]:
    """Return the result net of fees of each fill that closed something, in quote units.

    result = closed size x (exit price - average entry price) - the entry's share of its fees - the exit's fee. Costs
    are average costs and fractions stay with what is left open, as the core counts `realised_quote_units`: the results
    and the fees of what is still open add up to realised - fees.
    """
    trade = OpenTrade()
    columns = (fills.signed_units, fills.price_ticks, fills.fee_quote_units)
    results = (trade.take(*fill) for fill in zip(*(column.tolist() for column in columns), strict=True))
    return [result for result in results if result is not None]


def _towards_zero(product: int, divisor: int) -> int:
    return product // divisor if product >= 0 else -(-product // divisor)


@dataclass(frozen=True, slots=True)
class FillCosts:
    """What fills of one instrument cost beside fees, in half quote units (mids lie on half ticks)."""

    spread_x2: int
    """Sum of signed size x (price - mid) x 2: above 0 paid to others' quotes, below 0 earned by ours."""
    move_after_x2: int
    """Sum of signed size x (mid a while after - mid at the fill) x 2: below 0 the price ran against us."""
    unknown: int
    """Fills at which no mid was known; they are in neither sum."""


def fill_costs(fills: Fills, ts_step_ns: Ints, mid_x2_ticks: Ints, after_ns: int) -> FillCosts:
    """Measure fills against the mid of the last closed step, at the fill and `after_ns` later.

    `mid_x2_ticks` is bid + ask at each step, 0 where the book was not valid: the last valid one stands for it.
    """
    at_fill = last_known(ts_step_ns, mid_x2_ticks, fills.ts_ns)
    later = last_known(ts_step_ns, mid_x2_ticks, fills.ts_ns + after_ns)
    known = at_fill > 0
    signed = fills.signed_units[known]
    spread = signed * (2 * fills.price_ticks[known] - at_fill[known])
    move = signed * (later[known] - at_fill[known])
    return FillCosts(int(spread.sum()), int(move.sum()), int((~known).sum()))


def last_known(ts_ns: Ints, values: Ints, at_ns: Ints) -> Ints:
    """Return the last value above 0 at or before each moment; 0 where there was none."""
    known = values > 0
    index = np.searchsorted(ts_ns[known], at_ns, side="right") - 1
    if not known.any():
        return np.zeros(len(at_ns), dtype=np.int64)
    found: Ints = np.where(index < 0, 0, values[known][np.maximum(index, 0)])
    return found


@dataclass(frozen=True, slots=True)
class CostSplit:
    """Where the result came from. net = move after fills + held - spread - fees - funding, exactly."""

    move_after_fill_e8: int
    held_e8: int
    """Moves of the mid while positions were held, later than the first moments after each fill: the rest."""
    spread_e8: int
    fees_maker_e8: int
    fees_taker_e8: int
    funding_e8: int
    net_e8: int


def cost_split(
    *, net_e8: int, spread_e8: int, move_after_fill_e8: int, fees_maker_e8: int, fees_taker_e8: int, funding_e8: int
) -> CostSplit:
    """held = net - move after fills + spread + fees + funding: what is left when all that is measured is taken out."""
    costs = spread_e8 + fees_maker_e8 + fees_taker_e8 + funding_e8
    return CostSplit(
        move_after_fill_e8=move_after_fill_e8,
        held_e8=net_e8 - move_after_fill_e8 + costs,
        spread_e8=spread_e8,
        fees_maker_e8=fees_maker_e8,
        fees_taker_e8=fees_taker_e8,
        funding_e8=funding_e8,
        net_e8=net_e8,
    )
