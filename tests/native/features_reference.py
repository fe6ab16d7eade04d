"""The 58 features in plain Python: the third voice beside the C++ batch and the C++ sampler.

Written from the table at the head of `native/include/lob/features.hpp`, for reading, not for speed. All arithmetic is
IEEE double in the order of the formulas; the last step rounds to float32. `math.log` and `std::log` are the same libm.
"""

import math
import struct
from dataclasses import dataclass
from itertools import pairwise

FEATURE_COUNT = 58
LEVELS = 5
FLOW_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """One instrument at one closed step. Levels run bid 1..5, then ask 1..5."""

    price_ticks: tuple[int, ...]
    size_units: tuple[int, ...]
    ofi_units: float
    signed_trade_units: float
    trade_count: float
    age_ns: float
    reference_mid: float  # quote currency, 0 = none


@dataclass(frozen=True, slots=True)
class Scale:
    """What turns ticks and size units into money and coins, and the age at which a feed is stale."""

    tick: float
    size_unit: float
    stale_ns: int


def float32(value: float) -> float:
    """Round a double to the nearest float32 (ties to even), as a C++ cast does."""
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded


def clip(value: float, low: float, high: float) -> float:
    """Hold a value within two bounds."""
    if value < low:
        return low
    if value > high:
        return high
    return value


def order_flow_units(before: tuple[int, int, int, int], after: tuple[int, int, int, int]) -> int:
    """Cont, Kukanov & Stoikov (2014) e_n between two quotes (bid price, bid size, ask price, ask size)."""
    flow = 0
    if after[0] >= before[0]:
        flow += after[1]
    if after[0] <= before[0]:
        flow -= before[1]
    if after[2] <= before[2]:
        flow -= after[3]
    if after[2] >= before[2]:
        flow += before[3]
    return flow


def is_complete(step: Step) -> bool:
    """Ten levels, positive sizes, strictly ordered prices, at least one tick of spread."""
    bids, asks = step.price_ticks[:LEVELS], step.price_ticks[LEVELS:]
    ladder = (*reversed(bids), *asks)
    is_ordered = all(low < high for low, high in pairwise(ladder))
    return is_ordered and ladder[0] > 0 and all(size > 0 for size in step.size_units)


def mid_ticks(step: Step) -> float:
    """Half way between the best prices, in ticks."""
    return 0.5 * (float(step.price_ticks[0]) + float(step.price_ticks[LEVELS]))


def level_features(step: Step, scale: Scale) -> list[float]:
    """Features 10-39: distance to the mid, size in base currency, log size."""
    mid = mid_ticks(step)
    price_bps = [1e4 * (float(price) - mid) / mid for price in step.price_ticks]
    size_base = [float(size) * scale.size_unit for size in step.size_units]
    log_size = [math.log(1.0 + float(size)) for size in step.size_units]
    return price_bps + size_base + log_size


def gap_features(step: Step) -> list[float]:
    """Features 40-48: log of the spread, of the four bid gaps, of the four ask gaps, in ticks."""
    bids = [float(price) for price in step.price_ticks[:LEVELS]]
    asks = [float(price) for price in step.price_ticks[LEVELS:]]
    spread = [math.log(asks[0] - bids[0])]
    bid_gaps = [math.log(bids[k] - bids[k + 1]) for k in range(LEVELS - 1)]
    ask_gaps = [math.log(asks[k + 1] - asks[k]) for k in range(LEVELS - 1)]
    return spread + bid_gaps + ask_gaps


def imbalance(bid: float, ask: float) -> float:
    """Share of bid less share of ask, in [-1, 1]."""
    return (bid - ask) / (bid + ask)


def side_total(sizes: tuple[int, ...]) -> float:
    """Sum of five sizes, best level first."""
    total = 0.0
    for size in sizes:
        total += float(size)
    return total


def change_features(step: Step, previous: Step | None) -> tuple[list[float], float, float, float, float]:
    """Features that span the step: price_pct (10), mid_return_bps, ofi_l1, trade_flow, trade_count."""
    if previous is None:
        return [0.0] * (2 * LEVELS), 0.0, 0.0, 0.0, 0.0
    price_pct = [
        (float(now) - float(then)) / float(then)
        for now, then in zip(step.price_ticks, previous.price_ticks, strict=True)
    ]
    best_sizes = float(step.size_units[0]) + float(step.size_units[LEVELS])
    mid_return_bps = 1e4 * math.log(mid_ticks(step) / mid_ticks(previous))
    ofi = clip(step.ofi_units / best_sizes, -FLOW_LIMIT, FLOW_LIMIT)
    trade_flow = clip(step.signed_trade_units / best_sizes, -FLOW_LIMIT, FLOW_LIMIT)
    return price_pct, mid_return_bps, ofi, trade_flow, math.log(1.0 + step.trade_count)


def features(step: Step, previous: Step | None, scale: Scale) -> list[float]:
    """All 58 features of one complete step, rounded to float32; `previous` is None for a first row."""
    mid = mid_ticks(step)
    price_pct, mid_return_bps, ofi, trade_flow, trade_count = change_features(step, previous)
    imbalance_l1 = imbalance(float(step.size_units[0]), float(step.size_units[LEVELS]))
    imbalance_l5 = imbalance(side_total(step.size_units[:LEVELS]), side_total(step.size_units[LEVELS:]))
    half_spread = 0.5 * (float(step.price_ticks[LEVELS]) - float(step.price_ticks[0]))
    micro_bps = 1e4 * (half_spread * imbalance_l1) / mid
    has_reference = step.reference_mid > 0.0
    basis_bps = 1e4 * math.log(mid * scale.tick / step.reference_mid) if has_reference else 0.0
    age_ms = clip(step.age_ns, 0.0, float(scale.stale_ns)) / 1e6
    row = price_pct + level_features(step, scale) + gap_features(step)
    row += [mid_return_bps, ofi, imbalance_l1, imbalance_l5, micro_bps, trade_flow, trade_count, basis_bps, age_ms]
    assert len(row) == FEATURE_COUNT
    return [float32(value) for value in row]


def features_batch(steps: list[Step], row_state: list[int], scale: Scale) -> list[list[float]]:
    """Rows of consecutive steps; state 0 = invalid (zeros), 1 = valid, 2 = valid but compares with nothing."""
    rows: list[list[float]] = []
    previous: Step | None = None
    for step, state in zip(steps, row_state, strict=True):
        if state == 0 or not is_complete(step):
            rows.append([0.0] * FEATURE_COUNT)
            previous = None
            continue
        rows.append(features(step, None if state == 2 else previous, scale))
        previous = step
    return rows
