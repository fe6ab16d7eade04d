"""A numpy market with a planted lead-lag and imbalance effect, written as the lake's `grid` table.

Slot 0 (the perpetual) jumps; a jump's chance leans on its level-1 imbalance x (AR(1), 0.8). With chance `lag_share`
a spot follows one step later, otherwise in the same step. The conditional expectation is closed-form:
perp: c * sum of 0.8^k x; spots: pending jump + (1 - w) * perp(h) + w * perp(h - 1).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

import native

STEP_NS = 100_000_000
FIRST_STEP_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
INSTRUMENTS = ("binance_usdm:BTCUSDT", "binance_spot:BTCUSDT", "bybit_spot:BTCUSDT")
MID_TICKS = 260_000
PHI = 0.8
HORIZONS = (1, 5, 10, 20)


@dataclass(frozen=True)
class Market:
    """Rows of all slots (long table) and the truth per step."""

    grid: pl.DataFrame
    truth: pl.DataFrame


def make_market(steps: int, *, seed: int = 1, effect: float = 1.0, slots: tuple[int, ...] = (0, 1, 2)) -> Market:
    """Return a market of `steps` steps; `effect` scales both planted effects; slots not named have no rows."""
    random = np.random.default_rng(seed)
    x = _ar(random, (steps,), PHI)
    lean = 0.02 * effect
    lag_share = 0.35 * effect
    jump, slope = _jumps(random, x, lean)
    perp = MID_TICKS + np.cumsum(jump)
    truth: dict[str, np.ndarray] = {"ts_step_ns": FIRST_STEP_NS + STEP_NS * np.arange(steps)}
    frames = []
    for slot in range(3):
        mid, pending = perp, np.zeros(steps)
        if slot:
            is_late = random.random(steps) < lag_share
            pending = np.where(is_late, jump, 0)
            own = np.where(random.random(steps) < 0.02, random.choice([-6, 6], steps), 0)
            mid = MID_TICKS + np.cumsum(jump - pending + np.concatenate([[0], pending[:-1]]) + own).astype(np.int64)
        for h in HORIZONS:
            expected = slope * x * (1 - PHI**h) / (1 - PHI)
            if slot:
                expected = (
                    (1 - lag_share) * expected + lag_share * slope * x * (1 - PHI ** (h - 1)) / (1 - PHI) + pending
                )
            truth[f"m_{slot}_h{h}_bps"] = 1e4 * expected / mid
        if slot in slots:
            imbalance = x if slot == 0 else _ar(random, (steps,), PHI)
            frames.append(_rows(random, slot, mid, imbalance, perp))
    grid = pl.concat(frames).sort("ts_step_ns", "slot")
    return Market(grid, pl.DataFrame(truth))


def write_lake(root: Path, market: Market, *, grid: str = "main") -> Path:
    """Write the market under `root` as the lake does (one file an hour) and return `root`."""
    hours = market.grid.with_columns(pl.from_epoch("ts_step_ns", time_unit="ns").dt.truncate("1h").alias("at"))
    for (at,), rows in hours.group_by("at", maintain_order=True):
        assert isinstance(at, datetime)
        stamp = at.replace(tzinfo=UTC)
        folder = root / "grid" / f"grid={grid}" / f"date={stamp:%Y-%m-%d}" / f"hour={stamp:%H}"
        folder.mkdir(parents=True, exist_ok=True)
        rows.drop("at").write_parquet(folder / "part.parquet")
    (root / "truth").mkdir(exist_ok=True)
    market.truth.write_parquet(root / "truth" / "run.parquet")
    return root


def _ar(random, shape, phi):
    noise = random.standard_normal(shape) * np.sqrt(1 - phi**2)
    out = np.empty(shape)
    out[0] = random.standard_normal(shape[1:])
    for t in range(1, shape[0]):
        out[t] = phi * out[t - 1] + noise[t]
    return out


def _jumps(random, x, lean):
    """Return integer jumps and their expectation per unit of x: chance 0.06, geometric size with mean 12."""
    size = random.geometric(1 / 12, len(x))
    before = np.concatenate([[0.0], x[:-1]])
    up = 0.03 + np.clip(lean * before / 2, -0.03, 0.03)
    draw = random.random(len(x))
    sign = np.where(draw < up, 1, np.where(draw < 0.06, -1, 0))
    return sign * size, lean * 12


def _rows(random, slot, mid, x, perp):
    steps = len(mid)
    half = np.where(_ar(random, (steps,), 0.95) > 1, 2, 1)
    gaps = 1 + np.floor(np.exp(_ar(random, (steps, 8), 0.8))).astype(np.int64)
    bid = (mid - half)[:, None] - np.concatenate([np.zeros((steps, 1), np.int64), gaps[:, :4].cumsum(1)], 1)
    ask = (mid + half)[:, None] + np.concatenate([np.zeros((steps, 1), np.int64), gaps[:, 4:].cumsum(1)], 1)
    price = np.concatenate([bid, ask], 1)
    log_volume = 4 + 0.5 * _ar(random, (steps, 10), 0.75)
    log_volume[:, 0] += 0.6 * x
    log_volume[:, 5] -= 0.6 * x
    size = np.round(np.exp(log_volume)).astype(np.int64) + 1
    features = _features(random, mid, price, size, perp)
    ts = FIRST_STEP_NS + STEP_NS * np.arange(steps)
    venue = INSTRUMENTS[slot].split(":")[0]
    columns: dict[str, object] = {
        "ts_step_ns": ts,
        "seq": np.arange(steps, dtype=np.uint64),
        "slot": np.full(steps, slot, np.uint8),
        "venue": [venue] * steps,
        "instrument": ["BTCUSDT"] * steps,
        "is_valid": np.ones(steps, np.bool_),
        "is_first": np.arange(steps) == 0,
    }
    for i, side in enumerate(("bid", "ask")):
        for level in range(5):
            columns[f"{side}_price_ticks_{level + 1}"] = price[:, 5 * i + level]
            columns[f"{side}_size_units_{level + 1}"] = size[:, 5 * i + level]
    columns |= {name: features[:, i] for i, name in enumerate(native.FEATURE_NAMES)}
    return pl.DataFrame(columns)


def _features(random, mid, price, size, perp):
    steps = len(mid)
    before = np.concatenate([price[:1], price[:-1]])
    bid_size, ask_size = size[:, 0], size[:, 5]
    deep_bid, deep_ask = size[:, :5].sum(1), size[:, 5:].sum(1)
    micro = (price[:, 0] * ask_size + price[:, 5] * bid_size) / (bid_size + ask_size)
    change = np.concatenate([[0.0], 1e4 * np.log(mid[1:] / mid[:-1])])
    spread = np.log(price[:, 5] - price[:, 0])
    bid_gap, ask_gap = -np.diff(price[:, :5], axis=1), np.diff(price[:, 5:], axis=1)
    blocks = [
        (price - before) / before,
        1e4 * (price - mid[:, None]) / mid[:, None],
        size * 1e-3,
        np.log1p(size),
        spread[:, None],
        np.log(bid_gap),
        np.log(ask_gap),
        change[:, None],
        random.standard_normal((steps, 1)),
        ((bid_size - ask_size) / (bid_size + ask_size))[:, None],
        ((deep_bid - deep_ask) / (deep_bid + deep_ask))[:, None],
        (1e4 * (micro - mid) / mid)[:, None],
        random.standard_normal((steps, 1)),
        np.log1p(random.poisson(0.5, (steps, 1))),
        (1e4 * np.log(mid / perp))[:, None],
        random.uniform(0, 100, (steps, 1)),
    ]
    return np.concatenate(blocks, axis=1).astype(np.float32)
