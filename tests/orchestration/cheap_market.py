"""Grid rows of the generated market made without frames and engine: a quarter of an hour in a tenth of a second.

The features are those that drift looks at, by their definitions, without the last bits of the engine's.
"""

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from orchestration.defs.drift.samples import FLOWS, STATES, STEP, TOLD, Sample, sample_of
from streaming.emulator.market_model import LEVELS, MarketBlock, MarketModel
from warehouse.schema import PRICE_TICKS_NAMES

START_NS = 1_767_571_200_000_000_000
STEP_NS = 100_000_000
VENUES = ("binance_usdm", "binance_spot", "bybit_spot")
OWN_TICKS = (1, 10, 2)
"""Own ticks of each venue in one of the model."""
CHANGED = 2
"""The venue that a shift of one venue alone is planted in."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What is planted in a market from a share of its steps on; the defaults plant nothing."""

    size_factor: float = 1.0
    """Of all sizes of one venue: the mean of log sizes moves by its logarithm, nothing else does."""
    volatility_factor: float = 1.0
    """Of the moves of all mids: a variance times its square."""
    is_apart: bool = False
    """One venue's mid follows a market of its own, with the same moves."""
    missing_from: float = 1.0
    """One venue's book is not valid from this share of the span on."""
    tick_factor: int = 1
    """One venue's prices stand on every so manieth tick alone."""


NOTHING = Shift()


def cheap_market(steps: int, seed: int, shift: Shift = NOTHING) -> Sample:
    """Return a span of its own of the market of `seed`."""
    return sample_of(market_rows(steps, seed, shift).lazy(), "nothing")


def market_rows(steps: int, seed: int, shift: Shift = NOTHING) -> pl.DataFrame:
    """Return the grid's rows of `steps` steps."""
    block = MarketModel(seed, 1.0).advance(steps)
    mids = block.mid_ticks[0] + np.rint(shift.volatility_factor * (block.mid_ticks - block.mid_ticks[0])).astype(int)
    if shift.is_apart:
        mids[:, CHANGED] = MarketModel(seed + 1_000_000, 1.0).advance(steps).mid_ticks[:, CHANGED]
    block = replace(block, mid_ticks=mids)
    ages = np.random.default_rng(seed).exponential(40.0, (steps, len(VENUES)))
    perpetual = None
    parts = []
    for place, venue in enumerate(VENUES):
        columns, mid = _columns(block, place, shift if place == CHANGED else NOTHING)
        perpetual = mid if perpetual is None else perpetual
        basis = 1e4 * np.log(mid / OWN_TICKS[place] / (perpetual / OWN_TICKS[0]))
        columns |= {STEP: START_NS + STEP_NS * np.arange(steps, dtype=np.int64), "basis_bps": basis}
        columns |= {"age_ms": ages[:, place], "is_valid": _validity(steps, shift, place)}
        parts.append(pl.DataFrame(columns).with_columns(venue=pl.lit(venue), instrument=pl.lit("BTCUSDT")))
    assert set(parts[0].columns) >= {*STATES, *FLOWS, *TOLD}, "all that drift looks at"
    return pl.concat(parts)


def _validity(steps: int, shift: Shift, place: int) -> NDArray[np.bool_]:
    is_there = np.arange(steps) < shift.missing_from * steps
    return is_there if place == CHANGED else np.ones(steps, dtype=np.bool_)


def _columns(block: MarketBlock, place: int, shift: Shift) -> tuple[dict[str, NDArray[np.generic]], Floats]:
    prices, spread = _prices(block, place, shift.tick_factor)
    sizes = np.maximum(np.rint(block.size_lots[:, place] * shift.size_factor), 1.0)
    bid, ask, bid_size, ask_size = prices[:, 0], prices[:, LEVELS], sizes[:, 0], sizes[:, LEVELS]
    mid = (bid + ask) / 2.0
    all_bid, all_ask = sizes[:, :LEVELS].sum(axis=1), sizes[:, LEVELS:].sum(axis=1)
    micro = (ask * bid_size + bid * ask_size) / (bid_size + ask_size)
    sign = block.trade_sign[:, place]
    columns: dict[str, NDArray[np.generic]] = {
        "log_gap_spread": np.log(spread.astype(np.float64)),
        "bid_log_size_1": np.log(bid_size),
        "ask_log_size_1": np.log(ask_size),
        "imbalance_l1": (bid_size - ask_size) / (bid_size + ask_size),
        "imbalance_l5": (all_bid - all_ask) / (all_bid + all_ask),
        "micro_bps": 1e4 * (micro / mid - 1.0),
        "mid_return_bps": np.diff(1e4 * np.log(mid), prepend=1e4 * np.log(mid[0])),
        "ofi_l1": _order_flow(bid, bid_size) - _order_flow(-ask, ask_size),
        "trade_flow": sign * block.trade_share[:, place] * (bid_size + ask_size),
        "trade_count": np.abs(sign).astype(np.float64),
    }
    return columns | {name: prices[:, column] for column, name in enumerate(PRICE_TICKS_NAMES)}, mid


def _prices(block: MarketBlock, place: int, tick_factor: int) -> tuple[Ints, Ints]:
    """Return the ten prices and the spread, in own ticks."""
    back = block.is_wide[:, place].astype(np.int64)
    bid = block.mid_ticks[:, place] * OWN_TICKS[place] // tick_factor - back
    ask = bid + 1 + 2 * back
    below = np.cumsum(block.gap_ticks[:, place, : LEVELS - 1], axis=1)
    above = np.cumsum(block.gap_ticks[:, place, LEVELS - 1 :], axis=1)
    prices = np.column_stack([bid, bid[:, None] - below, ask, ask[:, None] + above])
    return tick_factor * prices, tick_factor * (ask - bid)


def _order_flow(price: Ints, size: Floats) -> Floats:
    """Return Cont, Kukanov and Stoikov's flow of one side, of which a higher `price` is the better one."""
    gained = np.where(price[1:] >= price[:-1], size[1:], 0.0)
    lost = np.where(price[1:] <= price[:-1], size[:-1], 0.0)
    return np.concatenate([[0.0], gained - lost])
