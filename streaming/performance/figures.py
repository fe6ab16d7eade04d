"""The figures that a session is judged by, of one scope: all of it, a venue, a strategy, a strategy on a venue.

Each has its formula in docs/kpis.md. A figure that is not defined (no order, no trade, no forecast) is None, never 0.
"""

import math
from dataclasses import dataclass
from decimal import Decimal

from native.config import JsonObject
from streaming.backtest.records import E8
from streaming.performance.errors_of_forecasts import ErrorFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What became of orders, those that close for the account among them."""

    orders: int = 0
    """Sent; refused ones and cancellations are none."""
    filled_orders: int = 0
    """Wholly or in part."""
    fills: int = 0
    maker_fills: int = 0
    submitted_lots: float = 0.0
    filled_lots: float = 0.0
    fill_rate: float | None = None
    """Filled lots by submitted lots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earnings:
    """What was earned, in 10^-8 of the quote currency: pnl = inventory - spread - fees - funding, exactly."""

    pnl_e8: int
    spread_e8: int
    """Paid at fills against the mid of the last closed step; below 0 earned."""
    fees_e8: int
    """Paid; below 0 rebates."""
    funding_e8: int
    """Paid; below 0 received."""
    inventory_e8: int
    """Moves of the mid while positions were held."""
    trades: int
    """Fills that closed something."""
    profit_e8: int
    loss_e8: int
    """Above 0, as profit."""
    profit_factor: float | None
    """Infinite without a loss."""
    hit_rate: float | None
    sharpe: float | None
    """None also of a span that is too short for it; see `performance.equity`."""
    sharpe_period_s: int
    samples: int
    """Changes of equity that the ratio is taken of."""
    max_drawdown_e8: int
    fills_without_mid: int
    """Their spread counts as inventory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All figures of a scope; `venue` and `strategy` are empty for all of them."""

    venue: str = ""
    strategy: str = ""
    execution: Execution
    earnings: Earnings | None
    """None for closing orders: what they earn is their holders'."""
    errors: ErrorFigures | None = None
    """None for scopes of a strategy: forecasts belong to none."""

    def to_json(self) -> JsonObject:
        """Return the figures as a status tells them: money as decimal text, shares and ratios as numbers."""
        execution = self.execution
        return {
            **_earnings_document(self.earnings),
            "submitted": execution.orders,
            "filled": execution.filled_orders,
            "fills": execution.fills,
            "maker_fills": execution.maker_fills,
            "submitted_lots": round(execution.submitted_lots, 9),
            "filled_lots": round(execution.filled_lots, 9),
            "fill_rate": _rounded(execution.fill_rate),
            **_errors_document(self.errors),
        }


MONEY = ("pnl", "spread", "fees", "funding", "inventory", "profit", "loss", "max_drawdown")
RATIOS = ("profit_factor", "hit_rate", "sharpe")
COUNTS = ("trades", "samples", "sharpe_period_s", "fills_without_mid")
ERRORS = ("mse_bps2", "mae_bps", "persistence_mse_bps2", "persistence_mae_bps")


def _earnings_document(earnings: Earnings | None) -> JsonObject:
    if earnings is None:
        return dict.fromkeys((*MONEY, *RATIOS, *COUNTS))
    return {
        **{name: money_text(getattr(earnings, f"{name}_e8")) for name in MONEY},
        **{name: _rounded(getattr(earnings, name)) for name in RATIOS},
        **{name: getattr(earnings, name) for name in COUNTS},
    }


def _errors_document(errors: ErrorFigures | None) -> JsonObject:
    if errors is None:
        return {"forecasts_scored": None, **dict.fromkeys(ERRORS)}
    return {"forecasts_scored": errors.count, **{name: _rounded(getattr(errors, name)) for name in ERRORS}}


def money_text(amount_e8: int) -> str:
    """Return an amount as decimal text, without zeros at its end."""
    return format((Decimal(amount_e8) / E8).normalize() + 0, "f")


def _rounded(value: float | None) -> float | None:
    """Return a number that JSON knows; an infinite profit factor is None, its loss says why."""
    return None if value is None or not math.isfinite(value) else round(value, 6)
