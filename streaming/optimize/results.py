"""What a pass over a window found out about one set of values, in the forms that are kept on disk."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from native.config import JsonObject
from streaming.optimize.config import OptimizeConfig
from streaming.optimize.sharpe import Parts, sharpe_ratio

PARTS = 10
"""Parts that a train window is cut into, to ask how often the best of one half is bad in the other."""
E8_PER_QUOTE = 100_000_000


@dataclass(frozen=True, slots=True)
class LaneResult:
    """One lane over one window; `returns_e8` are its changes of equity after fees and funding, in 10^-8 quote."""

    returns_e8: NDArray[np.int64]
    orders: int
    fills: int

    @property
    def pnl_quote(self) -> float:
        """What the window earned, in quote currency."""
        return int(self.returns_e8.sum()) / E8_PER_QUOTE


@dataclass(frozen=True, slots=True)
class FoldTest:
    """A fold's test window: the set that was chosen for it, and the settings as they are."""

    chosen: LaneResult
    default: LaneResult


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What is kept of a set on its train window."""

    sharpe: float
    """Per return, not per year."""
    objective: float
    pnl_quote: float
    orders: int
    fills: int
    count: tuple[float, ...]
    """Returns in each of the window's parts; then their sums and sums of squares, in quote currency."""
    total: tuple[float, ...]
    squares: tuple[float, ...]

    def to_json(self) -> JsonObject:
        """Return the result as JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, document: JsonObject) -> "TrialResult":
        """Return the result that `to_json` wrote."""
        words = {key: tuple(value) if isinstance(value, list) else value for key, value in document.items()}
        return cls(**words)  # type: ignore[arg-type]  # the study's file was written by `to_json`


def trial_result(lane: LaneResult, config: OptimizeConfig) -> TrialResult:
    """Return what is kept of a train window; the objective is the Sharpe ratio less the penalty for few fills."""
    returns = lane.returns_e8 / E8_PER_QUOTE
    parts = np.array_split(returns, PARTS)
    ratio = sharpe_ratio(returns)
    return TrialResult(
        sharpe=ratio,
        objective=ratio - few_fills_penalty(lane.fills, config),
        pnl_quote=lane.pnl_quote,
        orders=lane.orders,
        fills=lane.fills,
        count=tuple(float(len(part)) for part in parts),
        total=tuple(float(np.sum(part)) for part in parts),
        squares=tuple(float(np.sum(part**2)) for part in parts),
    )


def few_fills_penalty(fills: int, config: OptimizeConfig) -> float:
    """Return by how much a set is marked down: few_fills_penalty x the missing share of `fills_min`."""
    if fills >= config.fills_min:
        return 0.0
    return config.few_fills_penalty * (1.0 - fills / config.fills_min)


def parts_of(results: list[TrialResult]) -> Parts:
    """Return the sums of many trials as the overfitting test takes them."""
    return Parts(
        np.array([result.count for result in results]),
        np.array([result.total for result in results]),
        np.array([result.squares for result in results]),
    )
