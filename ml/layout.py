"""Where each quantity sits in a feature row and in a forecast row, and how a forecast becomes prices.

Shapes: B batch, L context rows, H horizon steps, V grid slots, P present slots, F features of one slot (58).
The order is that of `native` (features.hpp); a test compares the names.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

LEVEL_COUNT: Final = 5
FEATURE_COUNT: Final = 58

PRICE_PCT: Final = slice(0, 10)
PRICE_BPS: Final = slice(10, 20)
SIZE_BASE: Final = slice(20, 30)
LOG_SIZE: Final = slice(30, 40)
LOG_GAP: Final = slice(40, 49)
LOG_SPREAD: Final = 40
MID_RETURN_BPS: Final = 49
OFI_L1: Final = 50
IMBALANCE_L1: Final = 51
IMBALANCE_L5: Final = 52
MICRO_BPS: Final = 53
TRADE_FLOW: Final = 54
TRADE_COUNT: Final = 55
BASIS_BPS: Final = 56
AGE_MS: Final = 57

# One slot of a forecast row: mid, 9 log gaps (spread, 4 bid, 4 ask), 10 log sizes (bid 1-5, ask 1-5).
GAP_COUNT: Final = 9
SIZE_COUNT: Final = 10
SHAPE_COUNT: Final = GAP_COUNT + SIZE_COUNT
FORECAST_WIDTH: Final = 1 + SHAPE_COUNT
SHAPE_COLUMNS: Final = np.r_[np.arange(40, 49), np.arange(30, 40)]

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


def grid_price_columns() -> tuple[str, ...]:
    """Return the ten price columns of the grid table, in ticks: bid 1-5, then ask 1-5."""
    return tuple(f"{side}_price_ticks_{level}" for side in ("bid", "ask") for level in range(1, LEVEL_COUNT + 1))


def grid_size_columns() -> tuple[str, ...]:
    """Return the ten size columns of the grid table, in size units: bid 1-5, then ask 1-5."""
    return tuple(f"{side}_size_units_{level}" for side in ("bid", "ask") for level in range(1, LEVEL_COUNT + 1))


def pack_forecast(mid_bps_VH: FloatArray, shape_VSH: FloatArray) -> FloatArray:
    """Lay one forecast out as the engine reads it: float32[H, V*20], slots in grid order."""
    slots, horizon = mid_bps_VH.shape
    values = np.concatenate([mid_bps_VH[:, None, :], shape_VSH], axis=1, dtype=np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1).reshape(horizon, slots * FORECAST_WIDTH))


def rebuild_price_ticks(mid_ticks: DoubleArray, mid_bps: DoubleArray, log_gaps: DoubleArray) -> IntArray:
    """Rebuild ten prices in ticks, rounded last: bid 1-5 then ask 1-5 on the last axis.

    `mid_ticks` is the mid at the forecast's step, `mid_bps` the cumulative log return to the horizon and
    `log_gaps[..., 9]` the logs of spread, bid gaps and ask gaps in ticks. Rounding is floor(x + 1/2): half-to-even
    would let two prices one tick apart fall on the same tick.
    """
    gaps = np.exp(log_gaps)
    bid_1 = mid_ticks * np.exp(mid_bps / 1e4) - gaps[..., 0] / 2
    ask_1 = bid_1 + gaps[..., 0]
    bids = bid_1[..., None] - np.cumsum(gaps[..., 1:5], axis=-1)
    asks = ask_1[..., None] + np.cumsum(gaps[..., 5:9], axis=-1)
    prices = np.concatenate([bid_1[..., None], bids, ask_1[..., None], asks], axis=-1)
    return np.floor(prices + 0.5).astype(np.int64)
